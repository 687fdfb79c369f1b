#pragma once
// Signals: kept away while we write, noted when they end the process.

#include <optional>

#include "../../macros.hpp"
#include "lock.hpp"
#include "self_start.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// While it lives, this thread and those that it starts get no SIGPIPE (nobody reads) and no SIGTTOU (a background job
/// that writes to its terminal); one that arose goes with it.
class ScopedSigpipeBlock {
 public:
  ScopedSigpipeBlock() noexcept;
  ~ScopedSigpipeBlock();
  ScopedSigpipeBlock(const ScopedSigpipeBlock&) = delete;
  ScopedSigpipeBlock& operator=(const ScopedSigpipeBlock&) = delete;
  bool blocked() const noexcept { return blocked_; }

 private:
  alignas(8) unsigned char before_[128] = {};  // a set of signals
  bool was_pending_ = false, blocked_ = false;
};

/// Notes a signal that ends the process (SEGV, BUS, FPE, ILL, ABRT, XCPU, SYS; with `requests` also INT, TERM, HUP,
/// QUIT, PIPE; on Windows unhandled exceptions, and console events) at the end of an envelope, starts the uploader, and
/// lets the process die of it as it would have done, at most 100 ms later. Only where the disposition is the default
/// one; the former ones come back with the end of the last watch. At most 64 at a time, others see nothing. Movable.
class SignalWatch {
 public:
  SignalWatch() noexcept = default;
  /// `uploader`: nothing is started if it is empty (and on systems where a handler cannot).
  SignalWatch(const LockedFile& envelope, const std::optional<SelfStart>& uploader, bool requests);
  ~SignalWatch();
  SignalWatch(SignalWatch&&) noexcept;
  SignalWatch& operator=(SignalWatch&&) noexcept;

 private:
  struct Slot;
  static constexpr int count = 64;
  static Slot* table() noexcept;
  int slot_ = -1;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
