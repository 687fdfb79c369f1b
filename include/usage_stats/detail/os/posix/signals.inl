#pragma once

#include <atomic>
#include <cerrno>
#include <csignal>

#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "loaded.inl"
#include "lock.inl"
#include "self_start.inl"
#include "parts/signal_actions.inl"
#include "parts/system_call.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

struct SignalWatch::Slot {
  std::atomic<bool> armed{false};
  bool taken = false;  // with the mutex held
  int descriptor = -1;
  posix::Device device = 0;
  posix::Inode inode = 0;
  pid_t owner = 0;
  std::int64_t begin_ms = 0;
  std::atomic<posix::PreparedStart*> start{nullptr};  // owned

  static void handle(int number, siginfo_t* info, void*) noexcept;
  static void note_all(const char* name) noexcept;
  void note(const char* name) const noexcept;
  bool of_this_process() const noexcept { return armed && owner == ::getpid(); }
  bool is_still_ours() const noexcept;
#if defined(__linux__)
  struct Death;
  static int note_apart(void* death) noexcept;
  static void let_go_of_host() noexcept;
  const posix::PreparedStart* start_of_its_own() const noexcept;
#endif
};

USAGE_STATS_INLINE SignalWatch::Slot* SignalWatch::table() noexcept {
  static Slot all[count];
  return all;
}

/// Whether the descriptor is the envelope's: the host may have closed it, and have a file of its own under the number.
USAGE_STATS_INLINE bool SignalWatch::Slot::is_still_ours() const noexcept {
#if defined(__linux__) && defined(SYS_statx) && defined(STATX_INO)
  struct statx known {};
  if (posix::raw::call(SYS_statx, descriptor, posix::raw::pointer(""), AT_EMPTY_PATH, STATX_INO,
                       posix::raw::pointer(&known)) == 0)
    return known.stx_ino == inode && makedev(known.stx_dev_major, known.stx_dev_minor) == device;
#endif
  posix::FileStatus status{};
  return posix::status_of(descriptor, status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/// {"signal":"SIGINT","duration_ms":1234}, as parse_envelope() reads it.
USAGE_STATS_INLINE void SignalWatch::Slot::note(const char* name) const noexcept {
  if (!is_still_ours()) return;
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
#if defined(__linux__)
  // In one piece, or not at all: SIGXFSZ is blocked here.
  posix::raw::call(SYS_write, descriptor, posix::raw::pointer(text), static_cast<long>(used));
#else
  static_cast<void>(posix::write_all(descriptor, std::string_view(text, used)));
#endif
}

#if defined(__linux__)
/// What the recording process needs to know about the host's end.
struct SignalWatch::Slot::Death {
  const char* name;
  pid_t host;
  bool in_hosts_memory;
};

/// Where this hangs, no shell may wait for the host's output, nobody find a port of the host's in use: all is closed
/// but the envelopes.
USAGE_STATS_INLINE void SignalWatch::Slot::let_go_of_host() noexcept {
  posix::raw::drop_streams();
  for (int first = posix::first_descriptor;;) {
    int next = posix::raw::last_descriptor;
    for (int i = 0; i < count; ++i)
      if (const int kept = table()[i].descriptor; table()[i].armed && kept >= first && kept < next) next = kept;
    posix::raw::close_range(first, next == posix::raw::last_descriptor ? next : next - 1);
    if (next == posix::raw::last_descriptor) return;
    first = next + 1;
  }
}

/// Nothing where an earlier slot starts the same uploader.
USAGE_STATS_INLINE const posix::PreparedStart* SignalWatch::Slot::start_of_its_own() const noexcept {
  const posix::PreparedStart* const own = start;  // once: its session may end meanwhile, in another thread
  for (const Slot* other = table(); own != nullptr && other != this; ++other) {
    const posix::PreparedStart* const its = other->armed ? other->start.load() : nullptr;
    if (its != nullptr && its->same_purpose(*own)) return nullptr;
  }
  return own;
}

/// The process that records the end of the host, which may be gone earlier: a file server that does not answer delays
/// only this process, and not forever.
USAGE_STATS_INLINE int SignalWatch::Slot::note_apart(void* data) noexcept {
  const Death& death = *static_cast<const Death*>(data);
  const char* const name = death.name;
  const bool in_hosts_memory = death.in_hosts_memory;
  const pid_t host = death.host;
  posix::raw::forget_handlers();
  posix::raw::mask(SIG_UNBLOCK, posix::raw::SignalSet::only(SIGALRM));
  posix::raw::alarm(10);
  posix::raw::call(SYS_setsid);  // a second Ctrl-C is for the host
  let_go_of_host();
  for (int i = 0; i < count; ++i)
    if (table()[i].armed && table()[i].owner == host) table()[i].note(name);
  // An envelope that is open here would be taken for that of a run that goes on.
  posix::raw::close_range(posix::first_descriptor, posix::raw::last_descriptor);
  for (int i = 0; i < count; ++i)
    if (table()[i].armed && table()[i].owner == host)
      if (const posix::PreparedStart* const start = table()[i].start_of_its_own())
        start->run_after_signal(in_hosts_memory);
  posix::raw::exit(0);
}

namespace posix {

/// Starts a process that shares this one's memory, which costs the same however much there is of it; or has a copy,
/// where a sanitizer, an emulator or Valgrind knows no such processes. 0 or less: there is none.
USAGE_STATS_INLINE long start_apart(int (*work)(void*) noexcept, void* data, bool& in_hosts_memory) noexcept {
  long child = -EINVAL;
#if !defined(USAGE_STATS_VFORK_IS_FORK) && !defined(USAGE_STATS_NO_OTHER_STACK)
  alignas(64) static char stack[16 * 1024];
  if (in_hosts_memory) child = ::clone(work, stack + sizeof stack, CLONE_VM, data);
#endif
  if (child > 0) return child;
  in_hosts_memory = false;
  child = raw::fork();
  if (child == 0) work(data);
  return child;
}

/// For 100 ms at most.
USAGE_STATS_INLINE void wait_briefly(long child) noexcept {
  const std::int64_t begin = raw::monotonic_ms();
  for (long pause = 50; raw::call(SYS_wait4, child, 0, WNOHANG | __WALL, 0) == 0; pause += pause / 2) {
    const std::int64_t left = 100 - (raw::monotonic_ms() - begin);
    if (left <= 0) return;
    raw::nap(pause < left * 1000 ? pause : static_cast<long>(left) * 1000);
  }
}

}  // namespace posix

USAGE_STATS_INLINE void SignalWatch::Slot::note_all(const char* name) noexcept {
  // Used by a process that this one may not live to see the end of.
  static Death death;
  death = {name, ::getpid(), posix::WatchedSignals::instance().share_memory};
  posix::raw::SignalSet former;
  posix::raw::mask(SIG_SETMASK, posix::raw::SignalSet::all(), &former);  // no handler of the host's may run over there
  const long child = posix::start_apart(&note_apart, &death, death.in_hosts_memory);
  posix::raw::mask(SIG_SETMASK, former);
  if (child > 0) posix::wait_briefly(child);
}
#else  // a later run sends it
USAGE_STATS_INLINE void SignalWatch::Slot::note_all(const char* name) noexcept {
  for (int i = 0; i < count; ++i)
    if (table()[i].of_this_process()) table()[i].note(name);
}
#endif

USAGE_STATS_INLINE void SignalWatch::Slot::handle(int number, siginfo_t* info, void*) noexcept {
  const int saved = errno;
  posix::WatchedSignals& watched = posix::WatchedSignals::instance();
  // Even if something hangs from here on, the next signal ends the process.
  posix::restore_default(number);
  const posix::KillingSignal* signal = nullptr;
  for (int i = 0; i < posix::killing_signal_count; ++i) {
    const posix::KillingSignal& known = posix::killing_signals[i];
    if (known.number == number)
      signal = &known;
    else if (watched.ours[i] && posix::is_handled_by(known.number, &handle))
      posix::restore_default(known.number);
  }
  bool watching = false;  // in a fork's child nothing happens: its parent's run goes on
  for (int i = 0; i < count; ++i) watching = watching || table()[i].of_this_process();
  if (signal != nullptr && watching && !watched.noted.exchange(true)) note_all(signal->name);
  // A fault comes again by itself, with all that a core dump tells of it.
  const bool again = signal != nullptr && signal->fault && info != nullptr && info->si_code > 0;
  if (!again) posix::raise_again(number, info);
  errno = saved;
}

USAGE_STATS_INLINE SignalWatch::SignalWatch(const LockedFile& envelope, const std::optional<SelfStart>& uploader,
                                            bool requests) {
  if (!envelope || !in_main_executable(reinterpret_cast<const void*>(&Slot::handle))) return;
  auto start = uploader ? std::make_unique<posix::PreparedStart>(*uploader) : nullptr;
  const auto guard = lock_or_give_up(posix::WatchedSignals::mutex());
  const pid_t process = ::getpid();
  for (int i = 0; guard && i < count && slot_ < 0; ++i) {
    Slot& slot = table()[i];
    if (slot.taken && slot.owner == process) continue;  // one of a fork's parent is free here
    slot_ = i;
    slot.taken = true;
    slot.descriptor = envelope.impl_->descriptor.get();
    slot.device = envelope.impl_->device;
    slot.inode = envelope.impl_->inode;
    slot.owner = process;
    slot.begin_ms = posix::monotonic_ms();
    delete slot.start.exchange(start.release());  // a copy of the parent's
    slot.armed = true;
  }
  if (slot_ < 0) return;
  posix::WatchedSignals& watched = posix::WatchedSignals::instance();
  if (watched.watches++ == 0) {
    watched.share_memory = posix::memory_can_be_shared();
    posix::SpareStack::instance().lend();
  }
  posix::install(&Slot::handle, requests, process);
}

USAGE_STATS_INLINE SignalWatch::SignalWatch(SignalWatch&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}

USAGE_STATS_INLINE SignalWatch& SignalWatch::operator=(SignalWatch&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

USAGE_STATS_INLINE SignalWatch::~SignalWatch() {
  if (slot_ < 0 || table()[slot_].owner != ::getpid()) return;
  const auto guard = lock_or_give_up(posix::WatchedSignals::mutex());
  if (!guard) return;
  posix::WatchedSignals& watched = posix::WatchedSignals::instance();
  Slot& slot = table()[slot_];
  slot.armed = false;
  posix::PreparedStart* const start = slot.start.exchange(nullptr);
  if (!watched.noted) delete start;  // else a process that notes the end may be reading it
  slot.taken = false;
  if (--watched.watches > 0) return;
  posix::uninstall(&Slot::handle);
  posix::SpareStack::instance().take_back();
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE

#undef USAGE_STATS_VFORK_IS_FORK
#undef USAGE_STATS_NO_OTHER_STACK
#undef USAGE_STATS_START_APART
