#pragma once
// Process state that every public function preserves for the host.

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Used in every public function: restores errno and the floating-point flags at its end. A call that one of the host's
/// signal handlers makes (or std::exit, called there) while this thread is in the middle of another one is nested: it
/// does nothing, because whatever the other one holds, including memory, is never released.
class PublicCall {
 public:
  PublicCall() noexcept;
  ~PublicCall();
  PublicCall(const PublicCall&) = delete;
  PublicCall& operator=(const PublicCall&) = delete;

  bool nested() const noexcept { return nested_; }
  /// Whether this thread is in one.
  static bool going_on() noexcept;

 private:
  friend class HostCode;
  int errno_, flags_;
  bool nested_;
};

/// While this exists, the thread is in a host function that we have called, and calls from there are not nested.
class HostCode {
 public:
  HostCode() noexcept;
  ~HostCode();
  HostCode(const HostCode&) = delete;
  HostCode& operator=(const HostCode&) = delete;

 private:
  int calls_;
};

/// While this exists, no floating-point operation of this thread raises SIGFPE, whatever the host has enabled.
class ScopedSigfpeBlock {
 public:
  ScopedSigfpeBlock() noexcept;
  ~ScopedSigfpeBlock();
  ScopedSigfpeBlock(const ScopedSigfpeBlock&) = delete;
  ScopedSigfpeBlock& operator=(const ScopedSigfpeBlock&) = delete;

 private:
  alignas(16) unsigned char before_[64] = {};
  bool held_ = false;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
