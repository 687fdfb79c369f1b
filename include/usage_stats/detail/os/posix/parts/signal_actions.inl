#pragma once
// Signal actions and the signal stack: which of them are ours, and how the earlier ones are restored.

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

#include <pthread.h>
#include <unistd.h>

#include "../../platform.hpp"
#include "system_call.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

struct KillingSignal {
  int number;
  const char* name;
  bool fault;    // the instruction that caused it would cause it again
  bool request;  // somebody wants the process to end; the others tell of a mistake in it
};
constexpr KillingSignal killing_signals[] = {
    {SIGSEGV, "SIGSEGV", true, false}, {SIGBUS, "SIGBUS", true, false},    {SIGFPE, "SIGFPE", true, false},
    {SIGILL, "SIGILL", true, false},   {SIGABRT, "SIGABRT", false, false}, {SIGXCPU, "SIGXCPU", false, false},
    {SIGSYS, "SIGSYS", false, false},  {SIGINT, "SIGINT", false, true},    {SIGTERM, "SIGTERM", false, true},
    {SIGHUP, "SIGHUP", false, true},   {SIGQUIT, "SIGQUIT", false, true},  {SIGPIPE, "SIGPIPE", false, true}};
constexpr int killing_signal_count = static_cast<int>(sizeof killing_signals / sizeof killing_signals[0]);

using Handler = void (*)(int, siginfo_t*, void*) noexcept;

USAGE_STATS_INLINE std::int64_t monotonic_ms() noexcept {
#if defined(__linux__)
  return raw::monotonic_ms();
#else
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
#endif
}

/// What changes in the process while runs are watched. Never destroyed, because it has nothing to destroy: handlers may
/// run until the end.
struct WatchedSignals {
  int watches = 0;  // this one and the next: with the mutex held
  struct sigaction former[killing_signal_count] = {};
  std::atomic<bool> ours[killing_signal_count] = {};
  std::atomic<bool> share_memory{false};
  std::atomic<bool> noted{false};  // the first signal that kills is the one that counts

  static WatchedSignals& instance() noexcept {
    static WatchedSignals watched;
    return watched;
  }
  static std::mutex& mutex() { return per_process<std::mutex>(); }
};

/// A stack overflow leaves no room for a handler: the first thread with a session is given this stack.
struct SpareStack {
  alignas(64) char memory[64 * 1024] = {};
  std::atomic<bool> lent{false};
  pthread_t borrower{};

  static SpareStack& instance() noexcept {
    static SpareStack stack;
    return stack;
  }
  void lend() noexcept {
    if (lent.exchange(true)) return;
    stack_t ours{}, former{};
    ours.ss_sp = memory;
    ours.ss_size = sizeof memory;
    borrower = ::pthread_self();
    const bool had_none = ::sigaltstack(&ours, &former) == 0 && (former.ss_flags & SS_DISABLE) != 0;
    if (had_none) return;
    if (former.ss_sp != nullptr) ::sigaltstack(&former, nullptr);  // this thread has one of its own, which it keeps
    lent = false;
  }
  /// Only the thread itself can give it back; where the last session ends in another one, it has it on.
  void take_back() noexcept {
    stack_t now{};
    if (!lent || ::pthread_equal(borrower, ::pthread_self()) == 0 || ::sigaltstack(nullptr, &now) != 0) return;
    if (now.ss_sp == memory && (now.ss_flags & SS_ONSTACK) == 0) {
      now = stack_t{};
      now.ss_flags = SS_DISABLE;
      now.ss_size = sizeof memory;  // some systems refuse less, also for none
      ::sigaltstack(&now, nullptr);
    }
    lent = false;
  }
};

/// What the process does of itself when such a signal comes, from here on.
USAGE_STATS_INLINE void restore_default(int number) noexcept {
#if defined(__linux__)
  const raw::Action plain;
  raw::action(number, &plain);
#else
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ::sigaction(number, &plain, nullptr);
#endif
}

USAGE_STATS_INLINE bool is_handled_by(int number, Handler handler) noexcept {
#if defined(__linux__)
  raw::Action now;
  return raw::action(number, nullptr, &now) == 0 && now.handler() == reinterpret_cast<std::uintptr_t>(handler);
#else
  struct sigaction now {};
  return ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handler;
#endif
}

/// Where it is blocked, it comes when the host's handler that called ours returns.
USAGE_STATS_INLINE void raise_again(int number, const siginfo_t* info) noexcept {
#if defined(__linux__)
  const long process = raw::call(SYS_getpid), thread = raw::call(SYS_gettid);
  // With what a core dump tells of its origin.
  if (info != nullptr && info->si_signo == number &&
      raw::call(SYS_rt_tgsigqueueinfo, process, thread, number, raw::pointer(info)) == 0)
    return;
  if (raw::call(SYS_tgkill, process, thread, number) != 0) raw::call(SYS_kill, process, number);
#else
  static_cast<void>(info);
  if (::raise(number) != 0) ::kill(::getpid(), number);
#endif
}

/// Those that are not watched yet.
USAGE_STATS_INLINE void install(Handler handler, bool requests, pid_t process) noexcept {
  WatchedSignals& watched = WatchedSignals::instance();
  const bool first_process = process == 1;  // of a container: what others send it kills it only with a handler
  for (int i = 0; i < killing_signal_count; ++i) {
    struct sigaction now {};
    const auto& [number, name, fault, request] = killing_signals[i];
    if (watched.ours[i] || (request && !requests) || (first_process && !fault && number != SIGABRT)) continue;
    if (::sigaction(number, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
      continue;
    watched.former[i] = now;
    now.sa_sigaction = handler;
    // Nothing is blocked, and the kernel itself ensures that a second signal kills. The alternate stack is only for a
    // stack overflow.
    now.sa_flags = static_cast<int>(SA_SIGINFO | SA_NODEFER | SA_RESETHAND |
                                    (number == SIGSEGV || number == SIGBUS ? SA_ONSTACK : 0));
    sigemptyset(&now.sa_mask);
    watched.ours[i] = ::sigaction(number, &now, nullptr) == 0;
  }
}

/// Restores what was there; if the host has set its own handler in the meantime, that one stays.
USAGE_STATS_INLINE void uninstall(Handler handler) noexcept {
  WatchedSignals& watched = WatchedSignals::instance();
  for (int i = 0; i < killing_signal_count; ++i) {
    struct sigaction now {};
    const int number = killing_signals[i].number;
    if (watched.ours[i] && ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
        now.sa_sigaction == handler)
      ::sigaction(number, &watched.former[i], nullptr);
    watched.ours[i] = false;
  }
}

}  // namespace posix

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
