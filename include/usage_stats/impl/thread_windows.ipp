#pragma once
// Threads, for Windows.

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {

struct Thread::Impl {
  std::thread thread;
};

USAGE_STATS_INLINE Thread::Thread(std::function<void()> work) noexcept {
  USAGE_STATS_TRY { impl_ = std::make_unique<Impl>(Impl{std::thread(std::move(work))}); }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE bool Thread::is_this() const noexcept {
  return impl_ && impl_->thread.get_id() == std::this_thread::get_id();
}

USAGE_STATS_INLINE void Thread::join() noexcept {
  if (impl_) impl_->thread.join();
  impl_.reset();
}

USAGE_STATS_INLINE void Thread::detach() noexcept {
  if (impl_) impl_->thread.detach();
  impl_.reset();
}

USAGE_STATS_INLINE void Thread::forget() noexcept { detach(); }

USAGE_STATS_INLINE Thread::Thread() noexcept = default;
USAGE_STATS_INLINE Thread::~Thread() { detach(); }
USAGE_STATS_INLINE Thread::Thread(Thread&&) noexcept = default;
USAGE_STATS_INLINE Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
USAGE_STATS_INLINE bool Thread::joinable() const noexcept { return impl_ != nullptr; }

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
