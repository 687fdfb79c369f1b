#pragma once
// Threads, for Windows. Included by platform.inl after windows.h.

#include <functional>
#include <memory>
#include <utility>

#include <process.h>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

struct Thread::Impl {
  HANDLE handle;
  unsigned id = 0;

  static unsigned __stdcall run(void* data) {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(data));
    (*mine)();
    return 0;
  }
};

USAGE_STATS_INLINE Thread::Thread(std::function<void()> work, std::size_t stack) noexcept {
  USAGE_STATS_TRY {
    auto impl = std::make_unique<Impl>();
    auto owned = std::make_unique<std::function<void()>>(std::move(work));
    const auto handle = ::_beginthreadex(nullptr, static_cast<unsigned>(stack), &Impl::run, owned.get(),
                                         stack == 0 ? 0 : STACK_SIZE_PARAM_IS_A_RESERVATION, &impl->id);
    if (handle == 0) return;
    static_cast<void>(owned.release());  // the thread's own now
    impl->handle = reinterpret_cast<HANDLE>(handle);
    impl_ = std::move(impl);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE bool Thread::is_this() const noexcept { return impl_ && impl_->id == ::GetCurrentThreadId(); }

USAGE_STATS_INLINE void Thread::join() noexcept {
  if (impl_) ::WaitForSingleObject(impl_->handle, INFINITE);
  detach();
}

USAGE_STATS_INLINE void Thread::detach() noexcept {
  if (impl_) ::CloseHandle(impl_->handle);
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

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
