#pragma once
// What starting this program as another process requires, and the ways to do it.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "../../platform.hpp"
#include "../lock.inl"
#include "../process.inl"
#include "exec_strings.inl"
#include "own_program.inl"
#include "system_call.inl"

// ThreadSanitizer's vfork is a fork: for a while the child would hold all that the host has open, and in a signal's
// handler it ends the host. AddressSanitizer's can stand on no other stack than the thread's own, and not in a child of
// another one; and before 2.25 glibc's clone forgets which thread it was called in.
#if defined(__SANITIZE_THREAD__)
#define USAGE_STATS_VFORK_IS_FORK
#elif defined(__SANITIZE_ADDRESS__)
#define USAGE_STATS_NO_OTHER_STACK
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define USAGE_STATS_VFORK_IS_FORK
#elif __has_feature(address_sanitizer)
#define USAGE_STATS_NO_OTHER_STACK
#endif
#endif
#if defined(__GLIBC__) && !defined(USAGE_STATS_NO_OTHER_STACK)
#if !__GLIBC_PREREQ(2, 25)
#define USAGE_STATS_NO_OTHER_STACK
#endif
#endif

// A child that works beside its host in the same memory must ask the kernel without the C library (system_call.inl).
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__) && \
    !defined(USAGE_STATS_VFORK_IS_FORK) && !defined(USAGE_STATS_NO_OTHER_STACK)
#define USAGE_STATS_START_APART
#endif

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

namespace posix {

constexpr int first_descriptor = 3;  // after the three streams; in a new process that of its lock

/// Valgrind ends a program that starts a process in its own memory and goes on beside it.
USAGE_STATS_INLINE bool memory_can_be_shared() noexcept {
  const char* const preloaded = std::getenv("LD_PRELOAD");
  return preloaded == nullptr || std::strstr(preloaded, "/vgpreload_") == nullptr;
}

USAGE_STATS_INLINE void close_from(int first) noexcept {
#if defined(__linux__)
  raw::close_range(first, raw::last_descriptor);
#elif defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__) || defined(__OpenBSD__)
  ::closefrom(first);
#else
  for (int number = first; number < 1024; ++number) ::close(number);
#endif
}

/// All that a start needs, made while memory can still be had: in a signal handler, and after clone, none can.
class PreparedStart {
 public:
  explicit PreparedStart(const SelfStart& start)
      : lock_(start.lock),
        life_(static_cast<unsigned>(start.life.count())),
        environment_(environment_with(start.variables)) {
    arguments_.add(start.argument0);
    arguments_.close();
    for (const auto& variable : start.variables) purpose_ += variable.second + '\n';
  }

  bool same_purpose(const PreparedStart& other) const noexcept { return purpose_ == other.purpose_; }
  /// Copies no memory, whatever there is of it. Returns 0, or the error; EBUSY where another process holds the lock.
  /// `child`: the new process, where it is this one's child in spite of all, as that of a container's first process
  /// is; else 0.
  int run(pid_t& child) const noexcept;
#if defined(USAGE_STATS_START_APART)
  /// The same, but waits only until the new process is about to be another program: loading it is most of the work. It
  /// uses this object until then, see ended(). Nothing where that cannot be done here.
  std::optional<int> run_apart() const noexcept;
  /// Whether the new process needs this object no more.
  bool ended() const noexcept { return apart_.process == 0; }
#endif
#if defined(__linux__)
  /// In a process that a signal handler has made for this, with or without the host's memory: only what may be done
  /// there.
  void run_after_signal(bool in_hosts_memory) const noexcept;
#endif

 private:
  struct Start {
    const PreparedStart* prepared;
    volatile int problem;
    volatile pid_t child;
  };
  static int become(void* start) noexcept;
  static int in_between(void* start) noexcept;
  static pid_t start_directly(Start&) noexcept;
  static pid_t start_in_between(Start&) noexcept;
  int become_it() const noexcept;
#if defined(USAGE_STATS_START_APART)
  /// What host and new process tell each other, in the host's memory.
  struct Apart {
    std::atomic<int> made{0};     // its number, or less: the error; 0: it was made in a copy of this memory, or never
    std::atomic<int> told{0};     // 1: it is about to be another program, or has failed
    std::atomic<int> process{0};  // cleared by the kernel when it has left this memory
    std::atomic<int> problem{0};
    void tell(int failed) noexcept {
      problem = failed;
      told = 1;
      raw::call(SYS_futex, raw::pointer(&told), 1 /* FUTEX_WAKE */, 1);
    }
  };
  static int become_apart(void* prepared) noexcept;
  static int in_between_apart(void* prepared) noexcept;
#endif
  char* stack(std::size_t number) const noexcept { return stacks_.get() + number * stack_bytes; }

  static constexpr std::size_t stack_bytes = 16 * 1024;
  std::string program_ = own_executable(), lock_, purpose_;
  unsigned life_;  // seconds
  ExecStrings arguments_, environment_;
  std::unique_ptr<char[]> stacks_{new char[2 * stack_bytes]};
#if defined(USAGE_STATS_START_APART)
  mutable Apart apart_;
#endif
};

#if defined(__linux__)
/// In the child. Returns only if there will be no new program: the reason.
USAGE_STATS_INLINE int PreparedStart::become_it() const noexcept {
  // With other rights than its user's it would be taken for a setuid program.
  if (!raw::has_own_rights()) return EPERM;
  raw::forget_handlers();
  raw::mask(SIG_UNBLOCK, raw::SignalSet::only(SIGALRM));  // before all that may hang
  raw::alarm(life_);
  raw::call(SYS_setsid);
  raw::call(SYS_umask, 077);
  if (const int problem = raw::drop_streams()) return problem;
  raw::close_range(first_descriptor, raw::last_descriptor);
  // A record lock lasts beyond execve: whoever starts an uploader from here on finds the file locked. Where it cannot
  // be had for another reason, the new program says so. It is not made here: a link may have come into its path.
  const int lock = raw::open(lock_.c_str(), O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0);
  const struct flock whole = whole_file(F_WRLCK);
  const long locked = lock < 0 ? 0 : raw::lock(lock, whole);
  if (locked == -EACCES || locked == -EAGAIN) return EBUSY;
    // Empty, and of now, it tells of an uploader that was started and has done nothing yet. A file that has a second
    // name (a backup made of hard links) is left as it is.
#if defined(SYS_ftruncate) && defined(SYS_statx) && defined(STATX_NLINK)
  struct statx known {};
  if (lock >= 0 && locked == 0 &&
      raw::call(SYS_statx, lock, raw::pointer(""), AT_EMPTY_PATH, STATX_NLINK, raw::pointer(&known)) == 0 &&
      known.stx_nlink == 1)
    raw::call(SYS_ftruncate, lock, 0);
#endif
  raw::mask(SIG_SETMASK, raw::SignalSet());
#if defined(USAGE_STATS_START_APART)
  if (apart_.process != 0) apart_.tell(0);
#endif
  // In the host's folder still, for the sake of relative paths to libraries; see become_background_process().
  return static_cast<int>(-raw::call(SYS_execve, raw::pointer(program_.c_str()), raw::pointer(arguments_.pointers()),
                                     raw::pointer(environment_.pointers())));
}

USAGE_STATS_INLINE int PreparedStart::become(void* data) noexcept {
  Start& start = *static_cast<Start*>(data);
  start.problem = start.prepared->become_it();
  raw::exit(127);
}

USAGE_STATS_INLINE void PreparedStart::run_after_signal(bool in_hosts_memory) const noexcept {
  Start start{this, 0, 0};
  if (in_hosts_memory)
    ::clone(&become, stack(1), CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
  else if (raw::fork() == 0)
    become(&start);
}
#endif

#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK)
/// The process that is the host's child and the new program's parent: gone when the program runs, so that the host's
/// wait() never finds a child that it does not know.
USAGE_STATS_INLINE int PreparedStart::in_between(void* data) noexcept {
  Start& start = *static_cast<Start*>(data);
  const pid_t child = ::clone(&become, start.prepared->stack(1), CLONE_VM | CLONE_VFORK | SIGCHLD, data);
  start.child = child;
  if (child < 0) start.problem = errno;
  // One that came to nothing still has the host's streams until it has quite ended.
  if (start.problem != 0 && child > 0) raw::reap(child);
  raw::exit(0);
}

/// Whether it gets the children of those that have ended.
USAGE_STATS_INLINE bool is_reaper() noexcept {
  int subreaper = 0;
  return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

USAGE_STATS_INLINE pid_t PreparedStart::start_directly(Start& start) noexcept {
  const pid_t child = ::vfork();  // which stays this process's child
  if (child == 0) become(&start);
  if (child < 0) start.problem = errno;
  if (child > 0 && start.problem != 0) raw::reap(child);
  return child;
}

USAGE_STATS_INLINE pid_t PreparedStart::start_in_between(Start& start) noexcept {
#if defined(USAGE_STATS_NO_OTHER_STACK)
  return start_directly(start);
#else
  // No signal tells of its end (SIGCHLD), and wait() does not see it.
  const pid_t middle = ::clone(&in_between, start.prepared->stack(2), CLONE_VM | CLONE_VFORK, &start);
  if (middle < 0 && errno == EINVAL) return start_directly(start);  // an emulator that knows no such children
  if (middle < 0) start.problem = errno;
  if (middle > 0) raw::reap(middle);
  return is_reaper() ? start.child : 0;
#endif
}

/// While a child works in this process's memory: no handler, no cancellation may run there. What has no handler may
/// still end both, should a file be on a server that does not answer.
struct ScopedHandlerBlock {
  raw::SignalSet former;
  int cancelling = 0;

  ScopedHandlerBlock() noexcept {
    raw::SignalSet handled = raw::SignalSet::all();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      raw::Action now;
      if (raw::action(number, nullptr, &now) == 0 && now.handler() == 0) handled.remove(raw::SignalSet::only(number));
    }
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    raw::mask(SIG_BLOCK, handled, &former);
  }
  ~ScopedHandlerBlock() {
    raw::mask(SIG_SETMASK, former);
    ::pthread_setcancelstate(cancelling, nullptr);
  }
  ScopedHandlerBlock(const ScopedHandlerBlock&) = delete;
  ScopedHandlerBlock& operator=(const ScopedHandlerBlock&) = delete;
};

USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept {
  Start start{this, 0, 0};
  const ScopedHandlerBlock held;
  child = start_in_between(start);
  if (start.problem != 0) child = 0;
  return start.problem;
}

#if defined(USAGE_STATS_START_APART)
USAGE_STATS_INLINE int PreparedStart::become_apart(void* data) noexcept {
  const auto* const prepared = static_cast<const PreparedStart*>(data);
  const int problem = prepared->become_it();
  raw::close_range(0, raw::last_descriptor);  // whoever reads the host's output waits until nobody holds it
  prepared->apart_.tell(problem);
  raw::exit(127);
}

USAGE_STATS_INLINE int PreparedStart::in_between_apart(void* data) noexcept {
  const auto* const prepared = static_cast<const PreparedStart*>(data);
  Apart& apart = prepared->apart_;
  const int child = ::clone(&become_apart, prepared->stack(1), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, data, nullptr,
                            nullptr, &apart.process);
  apart.made = child < 0 ? -errno : child;
  raw::exit(0);
}

USAGE_STATS_INLINE std::optional<int> PreparedStart::run_apart() const noexcept {
  if (!memory_can_be_shared() || is_reaper()) return std::nullopt;
  const ScopedHandlerBlock held;
  apart_.process = 1;  // until the kernel says otherwise
  const pid_t middle = ::clone(&in_between_apart, stack(2), CLONE_VM | CLONE_VFORK, const_cast<PreparedStart*>(this));
  const int refused = middle < 0 ? errno : 0;
  if (middle > 0) raw::reap(middle);
  if (apart_.made <= 0) {  // an emulator may know no such children, or give them a copy of the memory
    const int problem = refused != 0 ? refused : -apart_.made;
    apart_.process = 0;
    return problem == 0 || problem == EINVAL ? std::nullopt : std::optional<int>(problem);
  }
  // It takes the lock meanwhile, in a folder that may be on a server that does not answer.
  const raw::Time slice{0, 10'000'000};  // so that its death is seen, too
  for (int look = 0; look < 100 && apart_.told == 0 && !ended(); ++look)
    raw::call(SYS_futex, raw::pointer(&apart_.told), 0 /* FUTEX_WAIT */, 0, raw::pointer(&slice));
  return apart_.told == 0 && ended() ? ECHILD : apart_.problem.load();
}
#endif
#else
USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept { return child = 0, ENOSYS; }
#endif

#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK)
USAGE_STATS_INLINE int start_prepared(const SelfStart& start, pid_t& child) {
#if defined(USAGE_STATS_START_APART)
  // The one before, which its process may still be using; in sight of leak checkers.
  static std::atomic<PreparedStart*> last{nullptr};
  PreparedStart* const former = last.exchange(nullptr);
  if (former == nullptr || former->ended()) {
    delete former;
    auto prepared = std::make_unique<PreparedStart>(start);
    const auto problem = prepared->run_apart();  // and from here on in use, perhaps
    if (!prepared->ended()) {
      PreparedStart* none = nullptr;  // else another thread was faster: this one's stays, and nobody frees it
      last.compare_exchange_strong(none, prepared.release());
    }
    if (problem) return *problem;
    return prepared->run(child);
  }
  PreparedStart* none = nullptr;
  last.compare_exchange_strong(none, former);
#endif
  return PreparedStart(start).run(child);
}
#endif

}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
