#pragma once
// Threads, and what is blocked in them while our code runs.

#include <cstddef>
#include <functional>
#include <memory>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// While this exists, this thread reads numbers with a decimal point even if the host's locale has a mark of several
/// bytes for it (ps_AF): nlohmann/json reads only the first byte of that, and ends a program that has assertions
/// enabled.
class ScopedCLocale {
 public:
  ScopedCLocale() noexcept;
  ~ScopedCLocale();
  ScopedCLocale(const ScopedCLocale&) = delete;
  ScopedCLocale& operator=(const ScopedCLocale&) = delete;

 private:
  void *plain_ = nullptr, *before_ = nullptr;
};

/// While this exists, no pthread_cancel() ends this thread: unwinding from a system call would end the process in a
/// noexcept function.
class ScopedCancelBlock {
 public:
  ScopedCancelBlock() noexcept;
  ~ScopedCancelBlock();
  ScopedCancelBlock(const ScopedCancelBlock&) = delete;
  ScopedCancelBlock& operator=(const ScopedCancelBlock&) = delete;

 private:
  int before_ = 0;
};

/// A thread whose start cannot throw: std::thread throws if none can be created, which ends a program that is built
/// with -fno-exceptions. The handle's destructor detaches it. Movable.
class Thread {
 public:
  Thread() noexcept;
  /// `work` must not throw. Not joinable if no thread can be made.
  /// `stack`: its bytes, which are reserved and not used before they are needed; 0: the system's choice.
  explicit Thread(std::function<void()> work, std::size_t stack = 0) noexcept;
  ~Thread();
  Thread(Thread&&) noexcept;
  Thread& operator=(Thread&&) noexcept;

  bool joinable() const noexcept;
  /// Whether this is called by the thread itself.
  bool is_this() const noexcept;
  void join() noexcept;
  void detach() noexcept;
  /// In a forked child, where it belongs to the parent: touches nothing.
  void forget() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Makes this thread handle no signals; a SIGPIPE that it causes is lost.
void block_signals_in_this_thread() noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
