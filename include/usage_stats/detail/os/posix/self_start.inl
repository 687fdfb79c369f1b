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
#include "lock.inl"
#include "process.inl"
#include "parts/system_call.inl"

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
namespace os {

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

/// Strings in one piece and pointers to them, as execve wants them.
class ExecStrings {
 public:
  void reserve(std::size_t count, std::size_t bytes) {
    begins_.reserve(count);
    bytes_.reserve(bytes + count);
  }
  void add(std::string_view text) {
    begins_.push_back(bytes_.size());
    bytes_.append(text);
    bytes_ += '\0';
  }
  /// No add() after this.
  void close() {
    pointers_.reserve(begins_.size() + 1);
    for (const std::size_t begin : begins_) pointers_.push_back(&bytes_[begin]);
    pointers_.push_back(nullptr);
  }
  char* const* pointers() const noexcept { return pointers_.data(); }
  char** pointers() noexcept { return pointers_.data(); }

 private:
  std::string bytes_;
  std::vector<std::size_t> begins_;
  std::vector<char*> pointers_;
};

/// What an entry of the environment is for a process in another folder: relative paths of the certificates that it is
/// to trust become absolute.
USAGE_STATS_INLINE std::string entry_elsewhere(std::string_view entry) {
  for (const std::string_view name : {"SSL_CERT_FILE=", "SSL_CERT_DIR=", "CURL_CA_BUNDLE=", "OPENSSL_CONF="}) {
    if (entry.compare(0, name.size(), name) != 0) continue;
    std::error_code error;
    std::string made(name), here;
    for (std::size_t begin = name.size(); !error && begin < entry.size();) {  // SSL_CERT_DIR may be a list
      const std::size_t end = name == "SSL_CERT_DIR=" ? std::min(entry.find(':', begin), entry.size()) : entry.size();
      if (entry[begin] != '/' && end > begin) {
        if (here.empty()) here = std::filesystem::current_path(error).string() + "/";
        made += here;
      }
      made.append(entry.substr(begin, end + 1 - begin));
      begin = end + 1;
    }
    if (!error) return made;
  }
  return {};
}

USAGE_STATS_INLINE ExecStrings environment_with(const std::vector<std::pair<std::string, std::string>>& more) {
  ExecStrings all;
  std::size_t count = more.size(), bytes = 512;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry, ++count) bytes += std::strlen(*entry);
  all.reserve(count, bytes);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string changed = entry_elsewhere(*entry);
    all.add(changed.empty() ? std::string_view(*entry) : changed);
  }
  for (const auto& [name, value] : more) all.add(name + "=" + value);
  all.close();
  return all;
}

USAGE_STATS_INLINE void close_from(int first) noexcept {
#if defined(__linux__)
  raw::close_range(first, raw::last_descriptor);
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
  char* stack(std::size_t number) const noexcept { return stacks_.get() + number * stack_bytes; }

  static constexpr std::size_t stack_bytes = 16 * 1024;
  std::string program_ = own_executable(), lock_, purpose_;
  unsigned life_;  // seconds
  ExecStrings arguments_, environment_;
  std::unique_ptr<char[]> stacks_{new char[2 * stack_bytes]};
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

USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept {
  // Until the child is another program, it works in this process's memory: no handler, no cancellation may run there.
  // What has no handler may still end both, should the program's file be on a server that does not answer.
  raw::SignalSet handled = raw::SignalSet::all(), former;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    raw::Action now;
    if (raw::action(number, nullptr, &now) == 0 && now.handler() == 0) handled.remove(raw::SignalSet::only(number));
  }
  int cancelling = 0;
  Start start{this, 0, 0};
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
  raw::mask(SIG_BLOCK, handled, &former);
  child = start_in_between(start);
  if (start.problem != 0) child = 0;
  raw::mask(SIG_SETMASK, former);
  ::pthread_setcancelstate(cancelling, nullptr);
  return start.problem;
}
#else
USAGE_STATS_INLINE int PreparedStart::run(pid_t& child) const noexcept { return child = 0, ENOSYS; }
#endif

}  // namespace posix

USAGE_STATS_INLINE Child start_self(const SelfStart& start, std::error_code& error) {
  pid_t id = 0;
#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK)
  const int problem = posix::PreparedStart(start).run(id);
#else
  // The lock is taken by the new program only.
  posix::ExecStrings environment = posix::environment_with(start.variables);
  posix::Spawn spawn;
  for (int stream = 0; stream < posix::first_descriptor; ++stream) spawn.null_stream(stream);
  const int problem = spawn.start(id, own_executable(), {start.argument0}, environment.pointers());
#endif
  Child child;
  error = problem == 0 ? std::error_code() : std::error_code(problem, std::generic_category());
  if (problem == 0) child.id_ = id;
  return child;
}

USAGE_STATS_INLINE bool finds_own_executable() noexcept {
  USAGE_STATS_TRY { return ::access(own_executable().c_str(), X_OK) == 0; }
  USAGE_STATS_CATCH_ALL { return true; }
}

namespace posix {

/// Process 1 of a machine, and of containers that hold many programs, outlives its children. What container engines put
/// there for one program (tini, dumb-init, catatonit, bwrap) ends when that does, and takes all others with it.
USAGE_STATS_INLINE bool is_lasting_init(std::string_view name) noexcept {
  if (name.substr(0, 4) == "init" || name.substr(0, 7) == "systemd") return true;  // "init(Debian)" of WSL
  for (const char* const other :
       {"launchd", "upstart", "openrc-init", "runit", "runit-init", "runsvdir", "s6-svscan", "supervisord", "procd",
        "dinit", "finit", "sinit", "shepherd", "busybox", "linuxrc", "my_init", "pause"})
    if (name == other) return true;
  return false;
}

}  // namespace posix

USAGE_STATS_INLINE bool ends_with_its_container() noexcept {
#if defined(__linux__)
  if (::getpid() == 1) return true;
  if (::getppid() != 1) return false;
  USAGE_STATS_TRY {
    std::error_code error;
    auto name = posix::read_system_file("/proc/1/comm", 64, error);
    if (!name) return false;
    if (!name->empty() && name->back() == '\n') name->pop_back();
    return !posix::is_lasting_init(*name);
  }
  USAGE_STATS_CATCH_ALL {}
#endif
  return false;
}

namespace posix {

/// The host may have been given a processor of its own, or a priority that keeps others from work; its uploader is not
/// to have them, nor more than the host has.
USAGE_STATS_INLINE void take_lowest_priority() noexcept {
#if defined(__linux__)
  const struct sched_param none {};
  ::sched_setscheduler(0, SCHED_OTHER, &none);
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);  // of those that there are, and that its container may use
  ::sched_setaffinity(0, sizeof all, &all);
#if defined(SYS_ioprio_set)
  raw::call(SYS_ioprio_set, 1, 0, (2 << 13) | 7);  // of the ordinary ones the last
#endif
#endif
  ::setpriority(PRIO_PROCESS, 0, 19);
}

/// What lists of processes show is else the word "exe".
USAGE_STATS_INLINE void take_programs_name() noexcept {
#if defined(__linux__)
  ::prctl(PR_SET_NAME, program_invocation_short_name);
#endif
}

}  // namespace posix

USAGE_STATS_INLINE void become_background_process(std::chrono::seconds limit, const std::string& lock) noexcept {
  ::alarm(static_cast<unsigned>(limit.count()));
  posix::take_programs_name();
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
  posix::take_lowest_priority();
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
