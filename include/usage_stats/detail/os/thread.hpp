#pragma once
// Threads, and what is held back from them while one of ours is at work.

#include <cstddef>
#include <functional>
#include <memory>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// While one lives, this thread reads numbers with a point where the host's locale has a mark of several bytes for it
/// (ps_AF): nlohmann/json reads only the first byte of that, and ends a program with assertions.
class ScopedCLocale {
 public:
  ScopedCLocale() noexcept;
  ~ScopedCLocale();
  ScopedCLocale(const ScopedCLocale&) = delete;
  ScopedCLocale& operator=(const ScopedCLocale&) = delete;

 private:
  void *plain_ = nullptr, *before_ = nullptr;
};

/// While one lives, nobody's pthread_cancel() ends this thread: what unwinds it at any system call would end the
/// process in a function that throws nothing.
class ScopedCancelBlock {
 public:
  ScopedCancelBlock() noexcept;
  ~ScopedCancelBlock();
  ScopedCancelBlock(const ScopedCancelBlock&) = delete;
  ScopedCancelBlock& operator=(const ScopedCancelBlock&) = delete;

 private:
  int before_ = 0;
};

/// A thread whose start cannot throw: std::thread does where none can be made, which ends a program that is built with
/// -fno-exceptions. Its handle's destructor detaches it. Movable.
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
  /// In a fork's child, where it is the parent's: touches nothing.
  void forget() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// No signal will be handled by this thread; a SIGPIPE that it causes is lost.
void block_signals_in_this_thread() noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
