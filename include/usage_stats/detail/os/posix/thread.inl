#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <pthread.h>

#include "../platform.hpp"
#include "process.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

struct Thread::Impl {
  pthread_t id;
  std::size_t stack = 0;
};

USAGE_STATS_INLINE Thread::Thread(std::function<void()> work, std::size_t stack) noexcept {
  using Work = std::function<void()>;
  USAGE_STATS_TRY {
    auto impl = std::make_unique<Impl>();
    impl->stack = stack;
    auto owned = std::make_unique<Work>(std::move(work));
    const auto run = [](void* data) -> void* {
      const std::unique_ptr<Work> mine(static_cast<Work*>(data));
      (*mine)();
      return nullptr;
    };
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) return;
    posix::add_stack(stack);
    const bool started = (stack == 0 || ::pthread_attr_setstacksize(&attributes, stack) == 0) &&
                         ::pthread_create(&impl->id, &attributes, run, owned.get()) == 0;
    ::pthread_attr_destroy(&attributes);
    if (!started) posix::remove_stack(stack);
    if (!started) return;
    static_cast<void>(owned.release());  // the thread's own now
    impl_ = std::move(impl);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE bool Thread::is_this() const noexcept {
  return impl_ && ::pthread_equal(impl_->id, ::pthread_self());
}

USAGE_STATS_INLINE void Thread::join() noexcept {
  if (impl_) ::pthread_join(impl_->id, nullptr);
  if (impl_) posix::remove_stack(impl_->stack);
  impl_.reset();
}

USAGE_STATS_INLINE void Thread::detach() noexcept {
  if (impl_) ::pthread_detach(impl_->id);
  impl_.reset();
}

USAGE_STATS_INLINE void Thread::forget() noexcept { impl_.reset(); }

USAGE_STATS_INLINE Thread::Thread() noexcept = default;
USAGE_STATS_INLINE Thread::~Thread() { detach(); }
USAGE_STATS_INLINE Thread::Thread(Thread&&) noexcept = default;
USAGE_STATS_INLINE Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
USAGE_STATS_INLINE bool Thread::joinable() const noexcept { return impl_ != nullptr; }

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
