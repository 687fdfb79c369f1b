#pragma once

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <mutex>

#include <sys/stat.h>
#include <unistd.h>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "loaded_posix.ipp"
#include "lock_posix.ipp"
#include "self_start_posix.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {
namespace posix {

struct KillingSignal {
  int number;
  const char* name;
  bool fault;  // the instruction that caused it would cause it again
};
constexpr KillingSignal killing_signals[] = {
    {SIGINT, "SIGINT", false},   {SIGTERM, "SIGTERM", false}, {SIGHUP, "SIGHUP", false},  {SIGQUIT, "SIGQUIT", false},
    {SIGPIPE, "SIGPIPE", false}, {SIGSEGV, "SIGSEGV", true},  {SIGBUS, "SIGBUS", true},   {SIGFPE, "SIGFPE", true},
    {SIGILL, "SIGILL", true},    {SIGABRT, "SIGABRT", false}, {SIGXCPU, "SIGXCPU", false}};
constexpr int killing_signal_count = static_cast<int>(sizeof killing_signals / sizeof killing_signals[0]);

USAGE_STATS_INLINE std::int64_t monotonic_ms() noexcept {
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

/// What changes in the process while runs are watched. Never destroyed, having nothing to destroy: handlers may run
/// until the end.
struct Signals {
  int watches = 0;  // this one and the next two: with the mutex held
  struct sigaction former[killing_signal_count] = {};
  bool ours[killing_signal_count] = {};
  std::atomic<bool> noted{false};  // the first signal that kills is the one that counts

  static Signals& instance() noexcept {
    static Signals signals;
    return signals;
  }
  static std::mutex& mutex() { return per_process<std::mutex>(); }
};

/// A stack overflow leaves no room for a handler: the first thread that has a session lends it this.
USAGE_STATS_INLINE void offer_signal_stack() noexcept {
  alignas(64) static char memory[64 * 1024];
  static std::atomic<bool> given{false};
  stack_t stack{};
  if (::sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0 || given.exchange(true)) return;
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  stack.ss_flags = 0;
  ::sigaltstack(&stack, nullptr);
}

}  // namespace posix

struct SignalWatch::Slot {
  std::atomic<bool> armed{false};
  bool taken = false;  // with the mutex held
  int descriptor = -1;
  dev_t device = 0;
  ino_t inode = 0;
  pid_t owner = 0;
  std::int64_t begin_ms = 0;
  std::atomic<posix::PreparedStart*> start{nullptr};  // owned

  static void handle(int number, siginfo_t* info, void*) noexcept;
  void note(const char* name) const noexcept;
  void start_uploader() const noexcept;
  /// Whether an earlier one starts the same uploader.
  bool starts_twice(const posix::PreparedStart&) const noexcept;
};

USAGE_STATS_INLINE SignalWatch::Slot* SignalWatch::slots() noexcept {
  static Slot all[count];
  return all;
}

/// {"signal":"SIGINT","duration_ms":1234}, as parse_label() reads it.
USAGE_STATS_INLINE void SignalWatch::Slot::note(const char* name) const noexcept {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || status.st_dev != device || status.st_ino != inode) return;  // host closed it
  char text[96];
  std::size_t used = 0;
  const auto put = [&](const char* part) {
    while (*part != '\0' && used < sizeof text) text[used++] = *part++;
  };
  put("{\"signal\":\"");
  put(name);
  put("\",\"duration_ms\":");
  char digits[24] = {};
  std::size_t at = sizeof digits - 1;
  std::int64_t rest = posix::monotonic_ms() - begin_ms;
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  put(&digits[at]);
  put("}\n");
  static_cast<void>(posix::write_all(descriptor, std::string_view(text, used)));
}

USAGE_STATS_INLINE void SignalWatch::Slot::start_uploader() const noexcept {
  const posix::PreparedStart* const own = start;  // once: its session may end meanwhile, in another thread
  pid_t child = 0;                                // nobody is left to take it, or to be told of a problem
  if (own != nullptr && !starts_twice(*own)) own->run(child);
}

USAGE_STATS_INLINE bool SignalWatch::Slot::starts_twice(const posix::PreparedStart& own) const noexcept {
  for (const Slot* other = slots(); other != this; ++other) {
    const posix::PreparedStart* const its = other->armed ? other->start.load() : nullptr;
    if (its != nullptr && its->same_purpose(own)) return true;
  }
  return false;
}

USAGE_STATS_INLINE void SignalWatch::Slot::handle(int number, siginfo_t* info, void*) noexcept {
  const int saved = errno;
  const posix::KillingSignal* signal = nullptr;
  for (const posix::KillingSignal& known : posix::killing_signals)
    if (known.number == number) signal = &known;
  if (signal != nullptr && !posix::Signals::instance().noted.exchange(true)) {
    const pid_t self = ::getpid();  // in a fork's child nothing happens: its parent's run goes on
    for (int i = 0; i < count; ++i)
      if (slots()[i].armed && slots()[i].owner == self) slots()[i].note(signal->name);
    for (int i = 0; i < count; ++i)
      if (slots()[i].armed && slots()[i].owner == self) slots()[i].start_uploader();
  }
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ::sigaction(number, &plain, nullptr);
  // A fault comes again by itself, with all that a core dump tells of it.
  const bool again = signal != nullptr && signal->fault && info != nullptr && info->si_code > 0;
  if (!again && ::raise(number) != 0) ::kill(::getpid(), number);  // blocked until this handler returns
  errno = saved;
}

namespace posix {

USAGE_STATS_INLINE void install(void (*handler)(int, siginfo_t*, void*) noexcept) noexcept {
  Signals& signals = Signals::instance();
  const bool first_process = ::getpid() == 1;  // of a container: what others send it kills it only with a handler
  for (int i = 0; i < killing_signal_count; ++i) {
    struct sigaction now {};
    const int number = killing_signals[i].number;
    signals.ours[i] = (!first_process || killing_signals[i].fault || number == SIGABRT) &&
                      ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
                      now.sa_handler == SIG_DFL;
    if (!signals.ours[i]) continue;
    signals.former[i] = now;
    now.sa_sigaction = handler;
    // The other stack for an overflown one alone: AddressSanitizer's vfork can stand on no other than the thread's own.
    now.sa_flags = SA_SIGINFO | (number == SIGSEGV || number == SIGBUS ? SA_ONSTACK : 0);
    sigfillset(&now.sa_mask);
    ::sigaction(number, &now, nullptr);
  }
}

/// Puts back what was there; where the host has set a handler of its own meanwhile, that one stays.
USAGE_STATS_INLINE void uninstall(void (*handler)(int, siginfo_t*, void*) noexcept) noexcept {
  Signals& signals = Signals::instance();
  for (int i = 0; i < killing_signal_count; ++i) {
    struct sigaction now {};
    const int number = killing_signals[i].number;
    if (signals.ours[i] && ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
        now.sa_sigaction == handler)
      ::sigaction(number, &signals.former[i], nullptr);
    signals.ours[i] = false;
  }
}

}  // namespace posix

USAGE_STATS_INLINE SignalWatch::SignalWatch(const LockedFile& label, const std::optional<SelfStart>& uploader) {
  if (!label || !in_main_executable(reinterpret_cast<const void*>(&Slot::handle))) return;
  auto start = uploader ? std::make_unique<posix::PreparedStart>(*uploader) : nullptr;
  posix::offer_signal_stack();
  const auto guard = lock_or_give_up(posix::Signals::mutex());
  for (int i = 0; guard && i < count && slot_ < 0; ++i) {
    Slot& slot = slots()[i];
    if (slot.taken && slot.owner == ::getpid()) continue;  // one of a fork's parent is free here
    slot_ = i;
    slot.taken = true;
    slot.descriptor = label.impl_->descriptor.get();
    slot.device = label.impl_->device;
    slot.inode = label.impl_->inode;
    slot.owner = ::getpid();
    slot.begin_ms = posix::monotonic_ms();
    delete slot.start.exchange(start.release());  // a copy of the parent's
    slot.armed = true;
  }
  if (slot_ >= 0 && posix::Signals::instance().watches++ == 0) posix::install(&Slot::handle);
}

USAGE_STATS_INLINE SignalWatch::SignalWatch(SignalWatch&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}

USAGE_STATS_INLINE SignalWatch& SignalWatch::operator=(SignalWatch&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

USAGE_STATS_INLINE SignalWatch::~SignalWatch() {
  if (slot_ < 0 || slots()[slot_].owner != ::getpid()) return;
  const auto guard = lock_or_give_up(posix::Signals::mutex());
  if (!guard) return;
  posix::Signals& signals = posix::Signals::instance();
  Slot& slot = slots()[slot_];
  slot.armed = false;
  posix::PreparedStart* const start = slot.start.exchange(nullptr);
  if (!signals.noted) delete start;  // else a handler may be reading it, in another thread of a process that dies
  slot.taken = false;
  if (--signals.watches == 0) posix::uninstall(&Slot::handle);
}

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
