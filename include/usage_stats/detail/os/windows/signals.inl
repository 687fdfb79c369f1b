#pragma once

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <utility>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "lock.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

namespace windows {

/// What changes in the process while runs are watched.
struct Watching {
  std::mutex mutex;
  int watches = 0;
  bool requests = false;  // console events, too
  LPTOP_LEVEL_EXCEPTION_FILTER former = nullptr;
  void(__cdecl* former_abort)(int) = nullptr;
  std::atomic<bool> crashed{false};    // the first crash is the one that counts
  std::atomic<bool> requested{false};  // ... and the first request, until a handler of the host's has survived it
  std::atomic<int> requests_noted{0};

  static Watching& instance() noexcept {
    static Watching& watching = *new Watching;
    return watching;
  }
};

USAGE_STATS_INLINE const char* name_of_event(DWORD event) noexcept {
  switch (event) {
    case CTRL_C_EVENT:
      return "SIGINT";
    case CTRL_BREAK_EVENT:
      return "SIGBREAK";
    case CTRL_CLOSE_EVENT:
      return "SIGHUP";
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
      return "SIGTERM";
    default:
      return nullptr;
  }
}

/// As the C library names them; nullptr for what is no fault (a C++ exception: std::terminate tells of that).
USAGE_STATS_INLINE const char* name_of_exception(DWORD code) noexcept {
  switch (code) {
    case EXCEPTION_ACCESS_VIOLATION:
    case EXCEPTION_STACK_OVERFLOW:
    case EXCEPTION_ARRAY_BOUNDS_EXCEEDED:
    case EXCEPTION_GUARD_PAGE:
      return "SIGSEGV";
    case EXCEPTION_IN_PAGE_ERROR:
    case EXCEPTION_DATATYPE_MISALIGNMENT:
      return "SIGBUS";
    case EXCEPTION_ILLEGAL_INSTRUCTION:
    case EXCEPTION_PRIV_INSTRUCTION:
      return "SIGILL";
    case EXCEPTION_INT_DIVIDE_BY_ZERO:
    case EXCEPTION_INT_OVERFLOW:
    case EXCEPTION_FLT_DIVIDE_BY_ZERO:
    case EXCEPTION_FLT_INVALID_OPERATION:
    case EXCEPTION_FLT_OVERFLOW:
    case EXCEPTION_FLT_UNDERFLOW:
      return "SIGFPE";
    default:
      return nullptr;
  }
}

}  // namespace windows

struct SignalWatch::Slot {
  const LockedFile::Impl* file = nullptr;  // nullptr: the slot is free
  std::optional<SelfStart> start;
  ULONGLONG begin_ms = 0;

  void note(const char* name) const noexcept;
  enum class Then { start_uploader, unlock_and_start_uploader, nothing };
  static void end(const char* name, Then) noexcept;
  static void crash(const char* name, Then) noexcept;
  static BOOL WINAPI on_event(DWORD event) noexcept;
  static void __cdecl on_abort(int) noexcept;
  static LONG WINAPI on_exception(EXCEPTION_POINTERS*) noexcept;
};

USAGE_STATS_INLINE SignalWatch::Slot* SignalWatch::table() noexcept {
  static Slot(&all)[count] = *new Slot[1][count];
  return all;
}

USAGE_STATS_INLINE void SignalWatch::Slot::note(const char* name) const noexcept {
  char text[96];
  const int size = std::snprintf(text, sizeof text, "{\"signal\":\"%s\",\"duration_ms\":%llu}\n", name,
                                 static_cast<unsigned long long>(::GetTickCount64() - begin_ms));
  OVERLAPPED end{};
  end.Offset = end.OffsetHigh = 0xFFFFFFFF;
  DWORD written = 0;
  ::WriteFile(file->handle.get(), text, static_cast<DWORD>(size), &written, &end);
}

USAGE_STATS_INLINE void SignalWatch::Slot::end(const char* name, Then then) noexcept {
  windows::Watching& watching = windows::Watching::instance();
  USAGE_STATS_TRY {
    const auto guard = lock_or_give_up(watching.mutex);
    for (int i = 0; guard && i < count; ++i) {
      const Slot& slot = table()[i];
      if (slot.file == nullptr) continue;
      slot.note(name);
      std::error_code error;
      if (then == Then::nothing) continue;
      if (then == Then::unlock_and_start_uploader) windows::unlock(slot.file->handle.get());
      if (slot.start) start_self(*slot.start, error);
    }
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void SignalWatch::Slot::crash(const char* name, Then then) noexcept {
  if (!windows::Watching::instance().crashed.exchange(true)) end(name, then);
}

/// FALSE: the next handler follows, and at last the default one, which ends the process. A handler of the host's may
/// say that it goes on: then its end is another one, of which the last line of the envelope tells.
USAGE_STATS_INLINE BOOL WINAPI SignalWatch::Slot::on_event(DWORD event) noexcept {
  constexpr int most = 8;  // whoever goes on after so many is not meant to end by them
  windows::Watching& watching = windows::Watching::instance();
  const char* const name = windows::name_of_event(event);
  if (name == nullptr || watching.crashed || watching.requested.exchange(true)) return FALSE;
  if (watching.requests_noted++ < most) end(name, Then::start_uploader);
  if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) watching.requested = false;
  return FALSE;
}

/// std::abort is no exception of the system's. It goes on when this returns; what std::terminate was told is noted
/// already.
USAGE_STATS_INLINE void __cdecl SignalWatch::Slot::on_abort(int) noexcept {
  crash("SIGABRT", Then::unlock_and_start_uploader);
}

USAGE_STATS_INLINE LONG WINAPI SignalWatch::Slot::on_exception(EXCEPTION_POINTERS* exception) noexcept {
  const DWORD code = exception->ExceptionRecord->ExceptionCode;
  // What is left of an overflown stack does not carry a process start. Else the system may ask the user what to do
  // with the process, which must not keep its lock so long.
  if (const char* const name = windows::name_of_exception(code))
    crash(name, code == EXCEPTION_STACK_OVERFLOW ? Then::nothing : Then::unlock_and_start_uploader);
  // Not again by the same thread: a filter that the host has set since may call this one, and be the former of it.
  static std::atomic<DWORD> inside{0};
  const DWORD self = ::GetCurrentThreadId();
  const auto former = windows::Watching::instance().former;
  if (former == nullptr || inside.exchange(self) == self) return EXCEPTION_CONTINUE_SEARCH;
  const LONG answer = former(exception);
  inside = 0;
  return answer;
}

USAGE_STATS_INLINE SignalWatch::SignalWatch(const LockedFile& envelope, const std::optional<SelfStart>& uploader,
                                            bool requests) {
  if (!envelope || !in_main_executable(reinterpret_cast<const void*>(&Slot::on_event))) return;
  windows::Watching& watching = windows::Watching::instance();
  const auto guard = lock_or_give_up(watching.mutex);
  for (int i = 0; guard && i < count && slot_ < 0; ++i) {
    Slot& slot = table()[i];
    if (slot.file != nullptr) continue;
    slot_ = i;
    slot.start = uploader;
    slot.begin_ms = ::GetTickCount64();
    slot.file = envelope.impl_.get();
  }
  if (slot_ < 0) return;
  if (requests && !std::exchange(watching.requests, true)) ::SetConsoleCtrlHandler(&Slot::on_event, TRUE);
  if (watching.watches++ > 0) return;
  watching.former = ::SetUnhandledExceptionFilter(&Slot::on_exception);
  watching.former_abort = std::signal(SIGABRT, &Slot::on_abort);
  if (watching.former_abort != SIG_DFL) std::signal(SIGABRT, watching.former_abort);  // the host's own
}

USAGE_STATS_INLINE SignalWatch::SignalWatch(SignalWatch&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}

USAGE_STATS_INLINE SignalWatch& SignalWatch::operator=(SignalWatch&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

USAGE_STATS_INLINE SignalWatch::~SignalWatch() {
  if (slot_ < 0) return;
  windows::Watching& watching = windows::Watching::instance();
  const auto guard = lock_or_give_up(watching.mutex);
  if (!guard) return;
  table()[slot_].file = nullptr;
  if (--watching.watches > 0) return;
  if (std::exchange(watching.requests, false)) ::SetConsoleCtrlHandler(&Slot::on_event, FALSE);
  if (watching.former_abort == SIG_DFL) {
    const auto abort_now = std::signal(SIGABRT, SIG_DFL);
    if (abort_now != &Slot::on_abort) std::signal(SIGABRT, abort_now);  // the host has set its own meanwhile
  }
  const auto now = ::SetUnhandledExceptionFilter(watching.former);
  if (now != &Slot::on_exception) ::SetUnhandledExceptionFilter(now);  // the host has set its own meanwhile
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
