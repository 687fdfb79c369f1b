#pragma once
// The program that is running, started once more.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include "../platform.hpp"
#include "lock_posix.ipp"
#include "process_posix.ipp"

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

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {

#if defined(__linux__)
USAGE_STATS_INLINE std::string own_executable() { return "/proc/self/exe"; }
#elif defined(__APPLE__)
USAGE_STATS_INLINE std::string own_executable() {
  std::string path(4096, '\0');
  auto size = static_cast<std::uint32_t>(path.size());
  return ::_NSGetExecutablePath(path.data(), &size) == 0 ? std::string(path.c_str()) : std::string();
}
#else
USAGE_STATS_INLINE std::string own_executable() { return {}; }
#endif

namespace posix {

constexpr int first_descriptor = 3;  // after the three streams; in a new process that of its lock

/// Strings and pointers to them, as execve wants them.
struct ExecStrings {
  std::vector<std::string> texts;
  std::vector<char*> pointers;

  explicit ExecStrings(std::vector<std::string> from) : texts(std::move(from)) {
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
  }
};

USAGE_STATS_INLINE std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) all.emplace_back(*entry);
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

#if defined(__linux__)
/// For kernels before 5.9, which have no close_range: by the list of what is open.
USAGE_STATS_INLINE bool close_listed(int first) noexcept {
  const int list = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list < 0) return false;
  alignas(8) char entries[2048];
  for (long size = 0; (size = ::syscall(SYS_getdents64, list, entries, sizeof entries)) > 0;)
    for (long at = 0; at < size;) {
      const char* const entry = entries + at;  // as linux/dirent.h has it: inode, offset, length, kind, name
      std::uint16_t length = 0;
      std::memcpy(&length, entry + 16, sizeof length);
      int number = 0;
      for (const char* digit = entry + 19; *digit >= '0' && *digit <= '9'; ++digit)
        number = number * 10 + (*digit - '0');
      if (number >= first && number != list) ::close(number);
      at += length;
    }
  ::close(list);
  return true;
}
#endif

USAGE_STATS_INLINE void close_from(int first) noexcept {
  bool closed = false;
#if defined(__linux__) && defined(SYS_close_range)
  closed = ::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0;
#endif
#if defined(__linux__)
  closed = closed || close_listed(first);
#endif
  for (int number = first; !closed && number < 1024; ++number) ::close(number);
}

/// In the child of a vfork, and there only. A library that has interposed sigaction keeps what it is told in the memory
/// of both, so it is not asked.
USAGE_STATS_INLINE void forget_handlers() noexcept {
#if defined(__linux__)
  alignas(16) char plain[64] = {};  // the kernel's struct sigaction, nowhere larger: SIG_DFL, no flags, an empty mask
  for (int number = 1; number < NSIG; ++number) ::syscall(SYS_rt_sigaction, number, plain, nullptr, NSIG / 8);
#endif
}

/// All that a start needs, made while memory can still be had: in a signal handler, and after vfork, none can.
class PreparedStart {
 public:
  explicit PreparedStart(const SelfStart& start)
      : lock_(start.lock),
        life_(static_cast<unsigned>(start.life.count())),
        arguments_({start.argument0}),
        environment_(environment_with(start.variables)) {
    for (const auto& variable : start.variables) purpose_ += variable.second + '\n';
  }

  bool same_purpose(const PreparedStart& other) const noexcept { return purpose_ == other.purpose_; }
  /// Only what POSIX allows a signal handler, and vfork and clone, which copy nothing and take no lock. Returns 0, or
  /// the error; EBUSY where another process holds the lock. `child`: the new process, where it is this one's child in
  /// spite of all, as that of a container's first process is; else 0.
  int run(pid_t& child) const noexcept;

 private:
  struct Start {
    const PreparedStart* prepared;
    volatile int problem;
    volatile pid_t child;
  };
  static int in_between(void* start) noexcept;
  static pid_t start_directly(Start&) noexcept;
  static pid_t start_in_between(Start&) noexcept;
  int become_it() const noexcept;

  static constexpr std::size_t stack_bytes = 32 * 1024;
  std::string program_ = own_executable(), lock_, purpose_;
  unsigned life_;  // seconds
  ExecStrings arguments_, environment_;
  std::unique_ptr<char[]> stack_{new char[stack_bytes]};
};

/// In the child. Returns only if there will be no new program: the reason.
USAGE_STATS_INLINE int PreparedStart::become_it() const noexcept {
  // With other rights than its user's it would be taken for a setuid program.
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) return EPERM;
  ::alarm(life_);
  ::setsid();
  ::umask(077);
  forget_handlers();
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) return errno;
  for (int stream = 0; stream < first_descriptor; ++stream)
    while (::dup2(null, stream) < 0)
      if (errno != EINTR && errno != EBUSY) return errno;
  close_from(first_descriptor);
  // A record lock lasts beyond execve: whoever starts an uploader from here on finds the file locked. Where it cannot
  // be had for another reason, the new program says so. It is not made here: a link may have come into its path.
  const int lock = ::open(lock_.c_str(), O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
  struct flock whole = whole_file(F_WRLCK);
  if (lock >= 0 && ::fcntl(lock, F_SETLK, &whole) != 0 && (errno == EACCES || errno == EAGAIN)) return EBUSY;
  if (::chdir("/") != 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program_.c_str(), arguments_.pointers.data(), environment_.pointers.data());
  return errno;
}

#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK)
/// The process that is the host's child and the new program's parent: gone when the program runs, so that the host's
/// wait() never finds a child that it does not know.
USAGE_STATS_INLINE int PreparedStart::in_between(void* data) noexcept {
  Start& start = *static_cast<Start*>(data);
  const pid_t child = ::vfork();
  if (child == 0) {
    start.problem = start.prepared->become_it();
    ::_exit(127);
  }
  start.child = child;
  if (child < 0) start.problem = errno;
  // One that came to nothing still has the host's streams until it has quite ended.
  while (start.problem != 0 && child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

/// Whether it gets the children of those that have ended.
USAGE_STATS_INLINE bool is_reaper() noexcept {
  int subreaper = 0;
  return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

USAGE_STATS_INLINE pid_t PreparedStart::start_directly(Start& start) noexcept {
  const pid_t child = ::vfork();  // which stays this process's child
  if (child == 0) {
    start.problem = start.prepared->become_it();
    ::_exit(127);
  }
  if (child < 0) start.problem = errno;
  while (child > 0 && start.problem != 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return child;
}

USAGE_STATS_INLINE pid_t PreparedStart::start_in_between(Start& start) noexcept {
#if defined(USAGE_STATS_NO_OTHER_STACK)
  return start_directly(start);
#else
  // No signal tells of its end (SIGCHLD), and wait() does not see it.
  char* const stack_end = start.prepared->stack_.get() + stack_bytes;
  const pid_t middle = ::clone(&in_between, stack_end, CLONE_VM | CLONE_VFORK, &start);
  if (middle < 0 && errno == EINVAL) return start_directly(start);  // an emulator that knows no such children
  if (middle < 0) start.problem = errno;
  while (middle > 0 && ::waitpid(middle, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  return is_reaper() ? start.child : 0;
#endif
}

USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept {
  // Until the child is another program, it works in this process's memory: no handler, no cancellation may run there.
  sigset_t all, former;
  sigfillset(&all);
  int cancelling = 0;
  Start start{this, 0, 0};
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
  ::pthread_sigmask(SIG_SETMASK, &all, &former);
  child = start_in_between(start);
  if (start.problem != 0) child = 0;
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
  ::pthread_setcancelstate(cancelling, nullptr);
  return start.problem;
}
#else  // a later run sends what a signal has ended
USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept { return child = 0, ENOSYS; }
#endif

}  // namespace posix

USAGE_STATS_INLINE Child start_self(const SelfStart& start, std::error_code& error) {
  pid_t id = 0;
#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK)
  const int problem = posix::PreparedStart(start).run(id);
#else
  // The lock is taken by the new program only.
  posix::ExecStrings environment(posix::environment_with(start.variables));
  posix::Spawn spawn;
  for (int stream = 0; stream < posix::first_descriptor; ++stream) spawn.null_stream(stream);
  const int problem = spawn.start(id, own_executable(), {start.argument0}, environment.pointers.data());
#endif
  Child child;
  error = problem == 0 ? std::error_code() : std::error_code(problem, std::generic_category());
  if (problem == 0) child.id_ = id;
  return child;
}

USAGE_STATS_INLINE void become_background_process(std::chrono::seconds limit, const std::string& lock) noexcept {
  ::alarm(static_cast<unsigned>(limit.count()));
  ::setsid();
  if (::chdir("/") != 0) exit_now(0);
  ::umask(077);
  struct stat named {
  }, held{};
  const bool locked = ::lstat(lock.c_str(), &named) == 0 && ::fstat(posix::first_descriptor, &held) == 0 &&
                      named.st_dev == held.st_dev && named.st_ino == held.st_ino &&
                      ::fcntl(posix::first_descriptor, F_SETFD, FD_CLOEXEC) == 0;
  posix::close_from(posix::first_descriptor + (locked ? 1 : 0));
  const struct rlimit no_core {};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setpriority(PRIO_PROCESS, 0, 10);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE

#undef USAGE_STATS_VFORK_IS_FORK
#undef USAGE_STATS_NO_OTHER_STACK
