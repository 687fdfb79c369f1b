#pragma once
// Signals: blocked while we write, recorded when they end the process.

#include <optional>

#include "../../macros.hpp"
#include "lock.hpp"
#include "self_start.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// While this exists, this thread and those that it starts get no SIGPIPE (nobody reads) and no SIGTTOU (a background
/// job that writes to its terminal); one that was raised is discarded at the end.
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

/// Records a signal that ends the process (SEGV, BUS, FPE, ILL, ABRT, XCPU, SYS; with `requests` also INT, TERM, HUP,
/// QUIT, PIPE; on Windows unhandled exceptions, and console events) at the end of an envelope, starts the uploader, and
/// lets the process die from it as it would have, at most 100 ms later. Only if the disposition is the default one; the
/// earlier ones are restored at the end of the last watch. At most 64 at a time, others see nothing. Movable.
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
