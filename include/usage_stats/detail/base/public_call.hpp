#pragma once
// What every public function keeps as the host left it.

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Stands in every public function: errno and the floating-point flags are at its end what they were at its beginning.
/// One that a signal handler of the host's calls (or that std::exit comes to, called there) while this thread is in the
/// middle of another is nested: it does nothing, for what the other one holds, memory too, never comes free.
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

/// While one lives, this thread is in a function of the host's that we have called, and what that calls is not nested.
class HostCode {
 public:
  HostCode() noexcept;
  ~HostCode();
  HostCode(const HostCode&) = delete;
  HostCode& operator=(const HostCode&) = delete;

 private:
  int calls_;
};

/// While one lives, no floating-point operation of this thread raises SIGFPE, whatever the host has asked for.
class HeldFloatingPoint {
 public:
  HeldFloatingPoint() noexcept;
  ~HeldFloatingPoint();
  HeldFloatingPoint(const HeldFloatingPoint&) = delete;
  HeldFloatingPoint& operator=(const HeldFloatingPoint&) = delete;

 private:
  alignas(16) unsigned char before_[64] = {};
  bool held_ = false;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
