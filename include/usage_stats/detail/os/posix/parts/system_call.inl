#pragma once
// System calls without the C library, for signal handlers and between clone and execve. There, errno would be the
// host's, and a preloaded library's replacement for open() or fcntl() may wait for a lock that is never released.

#if defined(__linux__)

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {
namespace raw {

/// The kernel's own answer: an error is below 0, as -EINTR.
USAGE_STATS_INLINE long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                             long f = 0) noexcept {
#if defined(__x86_64__) && !defined(__ILP32__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long answer = number;
  __asm__ volatile("syscall"
                   : "+a"(answer)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return answer;
#elif defined(__aarch64__) && !defined(__ILP32__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
  const int before = errno;
  const long answer = ::syscall(number, a, b, c, d, e, f);
  const long error = -errno;
  errno = before;
  return answer == -1 ? error : answer;
#endif
}

inline long pointer(const void* address) noexcept { return reinterpret_cast<long>(address); }

[[noreturn]] USAGE_STATS_INLINE void exit(int code) noexcept {
  for (;;) call(SYS_exit_group, code);
}

/// A child with a copy of the memory, of whose end no signal tells.
USAGE_STATS_INLINE long fork() noexcept {
  return call(SYS_clone, 0, 0, 0, 0, 0);  // flags and stack, in whatever order
}

USAGE_STATS_INLINE int open(const char* path, int flags, int mode = 0) noexcept {
  return static_cast<int>(call(SYS_openat, AT_FDCWD, pointer(path), flags, mode));
}

/// Whether the process has the rights of its user, no more and no less.
USAGE_STATS_INLINE bool has_own_rights() noexcept {
#if defined(SYS_getuid32)  // the plain ones know 16 bits
  return call(SYS_getuid32) == call(SYS_geteuid32) && call(SYS_getgid32) == call(SYS_getegid32);
#else
  return call(SYS_getuid) == call(SYS_geteuid) && call(SYS_getgid) == call(SYS_getegid);
#endif
}

USAGE_STATS_INLINE long lock(int file, const struct flock& lock) noexcept {
#if defined(SYS_fcntl64)
  return call(SYS_fcntl64, file, F_SETLK, pointer(&lock));
#else
  return call(SYS_fcntl, file, F_SETLK, pointer(&lock));
#endif
}

USAGE_STATS_INLINE void alarm(unsigned seconds) noexcept {
#if defined(SYS_alarm)
  call(SYS_alarm, static_cast<long>(seconds));
#else
  const long once[4] = {0, 0, static_cast<long>(seconds), 0};
  call(SYS_setitimer, 0, pointer(once), 0);
#endif
}

// ---- signals: sets and actions as the kernel has them

constexpr std::size_t set_bytes = static_cast<std::size_t>(NSIG) / 8;
struct SignalSet {
  unsigned char bits[set_bytes] = {};

  static SignalSet all() noexcept {
    SignalSet set;
    for (unsigned char& byte : set.bits) byte = 0xFF;
    return set;
  }
  /// Counted within words, because their byte order may be either.
  static SignalSet only(int number) noexcept {
    SignalSet set;
    const unsigned long word = 1UL << (static_cast<std::size_t>(number - 1) % (8 * sizeof(long)));
    const std::size_t at = static_cast<std::size_t>(number - 1) / (8 * sizeof(long)) * sizeof(long);
    for (std::size_t i = 0; i < sizeof word && at + i < set_bytes; ++i)
      set.bits[at + i] = reinterpret_cast<const unsigned char*>(&word)[i];
    return set;
  }
  void remove(const SignalSet& others) noexcept {
    for (std::size_t i = 0; i < set_bytes; ++i) bits[i] = static_cast<unsigned char>(bits[i] & ~others.bits[i]);
  }
};

USAGE_STATS_INLINE void mask(int how, const SignalSet& set, SignalSet* former = nullptr) noexcept {
  call(SYS_rt_sigprocmask, how, pointer(&set), pointer(former), static_cast<long>(set_bytes));
}

/// The kernel's struct sigaction, nowhere larger; all zeros: SIG_DFL, no flags, an empty mask.
struct alignas(16) Action {
  unsigned char bytes[64] = {};

  std::uintptr_t handler() const noexcept {
#if defined(__mips__)
    constexpr std::size_t at = sizeof(void*);
#else
    constexpr std::size_t at = 0;
#endif
    std::uintptr_t address = 0;
    for (std::size_t i = 0; i < sizeof address; ++i) reinterpret_cast<unsigned char*>(&address)[i] = bytes[at + i];
    return address;
  }
};

USAGE_STATS_INLINE long action(int number, const Action* wanted, Action* former = nullptr) noexcept {
  return call(SYS_rt_sigaction, number, pointer(wanted), pointer(former), static_cast<long>(set_bytes));
}

/// In a new process: none of the host's handlers may run there.
USAGE_STATS_INLINE void forget_handlers() noexcept {
  const Action plain;
  for (int number = 1; number < NSIG; ++number) action(number, &plain);
}

// ---- time

struct Time {
  long seconds = 0, nanoseconds = 0;  // whatever the C library's timespec is made of
};

USAGE_STATS_INLINE std::int64_t monotonic_ms() noexcept {
#if defined(SYS_clock_gettime)
  Time now;
  call(SYS_clock_gettime, CLOCK_MONOTONIC, pointer(&now));
  return std::int64_t{now.seconds} * 1000 + now.nanoseconds / 1000000;
#else
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
#endif
}

USAGE_STATS_INLINE void nap(long microseconds) noexcept {
  const Time time{0, microseconds * 1000};
#if defined(SYS_nanosleep)
  call(SYS_nanosleep, pointer(&time), 0);
#else
  const struct timespec converted { 0, time.nanoseconds };
  ::nanosleep(&converted, nullptr);
#endif
}

// ---- descriptors

/// For kernels before 5.9, which have no close_range: by the list of what is open.
USAGE_STATS_INLINE bool close_listed(int first, int last) noexcept {
  const int list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list < 0) return false;
  alignas(8) char entries[2048];
  for (long size = 0; (size = call(SYS_getdents64, list, pointer(entries), sizeof entries)) > 0;)
    for (long at = 0; at < size;) {
      const char* const entry = entries + at;  // as linux/dirent.h has it: inode, offset, length, kind, name
      const auto* const length = static_cast<const std::uint16_t*>(static_cast<const void*>(entry + 16));
      int number = 0;
      for (const char* digit = entry + 19; *digit >= '0' && *digit <= '9'; ++digit)
        number = number * 10 + (*digit - '0');
      if (number >= first && number <= last && number != list) call(SYS_close, number);
      at += *length;
    }
  call(SYS_close, list);
  return true;
}

constexpr int last_descriptor = 0x7FFFFFFF;
USAGE_STATS_INLINE void close_range(int first, int last) noexcept {
  if (first > last) return;
#if defined(SYS_close_range)
  if (call(SYS_close_range, first, last, 0) == 0) return;
#endif
  if (close_listed(first, last)) return;
  for (int number = first; number <= last && number < 1024; ++number) call(SYS_close, number);
}

/// The null device as the three standard streams. Returns 0, or the error.
USAGE_STATS_INLINE int drop_streams() noexcept {
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return -null;
  for (int stream = 0; stream < 3; ++stream) {
    long answer = 0;
    do answer = null == stream ? 0 : call(SYS_dup3, null, stream, 0);
    while (answer == -EINTR || answer == -EBUSY);
    if (answer < 0) return static_cast<int>(-answer);
  }
  if (null > 2) call(SYS_close, null);
  return 0;
}

/// Waits for a child that is about to be gone, of whatever kind.
USAGE_STATS_INLINE void reap(long child) noexcept {
  while (call(SYS_wait4, child, 0, 0x40000000 /* __WALL */, 0) == -EINTR) {
  }
}

}  // namespace raw
}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE

#endif
