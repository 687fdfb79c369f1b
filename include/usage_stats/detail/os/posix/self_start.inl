#pragma once
// Starts the running program once more.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "../platform.hpp"
#include "lock.inl"
#include "process.inl"
#include "parts/prepared_start.inl"
#include "parts/system_call.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

namespace posix {

/// An empty file means that an uploader was started and has not done anything yet. Only the new program locks it.
/// EBUSY: another one has the lock.
USAGE_STATS_INLINE int note_start(const std::string& lock) noexcept {
  FileStatus status{};
  const Descriptor file = open_at(AT_FDCWD, lock.c_str(), O_RDWR);
  struct flock whole = whole_file(F_WRLCK);
  if (!file || status_of(file.get(), status) != 0 || !is_ours(status, ::geteuid())) return 0;  // its uploader will say
  if (::fcntl(file.get(), F_SETLK, &whole) != 0) return errno == EACCES || errno == EAGAIN ? EBUSY : 0;
  // One that has a second name (a backup made of hard links) is left as it is.
  return status.st_nlink != 1 || ::ftruncate(file.get(), 0) == 0 ? 0 : errno;
}

/// Where a program is started by nothing but its path.
USAGE_STATS_INLINE int start_by_path(const SelfStart& start, pid_t& id) {
  const std::string program = own_executable();
  if (program.empty()) return ENOENT;
  ExecStrings environment = environment_with(start.variables);
  Spawn spawn;
  for (int stream = 0; stream < first_descriptor; ++stream) spawn.null_stream(stream);
  if (const int problem = note_start(start.lock)) return problem;
  if (!is_own_program(program)) return ENOENT;  // last of all: from here on nothing is looked at
  return spawn.start(id, program, {start.argument0}, environment.pointers());
}

}  // namespace posix

USAGE_STATS_INLINE Child start_self(const SelfStart& start, std::error_code& error) {
  pid_t id = 0;
#if defined(__linux__) && !defined(USAGE_STATS_VFORK_IS_FORK) && !defined(USAGE_STATS_START_BY_PATH)
  const int problem = posix::start_prepared(start, id);
#else
  const int problem = posix::start_by_path(start, id);
#endif
  Child child;
  error = problem == 0 ? std::error_code() : std::error_code(problem, std::generic_category());
  if (problem == 0) child.id_ = id;
  return child;
}

USAGE_STATS_INLINE bool finds_own_executable() noexcept {
  USAGE_STATS_TRY {
    const std::string program = own_executable();
    return ::access(program.c_str(), X_OK) == 0 && posix::is_own_program(program);
  }
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

/// The host may have been given a dedicated processor, or a priority above others; its uploader must not have these,
/// nor more than the host has: anything lower is kept.
USAGE_STATS_INLINE void take_lowest_priority() noexcept {
#if defined(__linux__)
  const struct sched_param none {};
  // SCHED_BATCH and SCHED_IDLE are lower already.
  const int policy = ::sched_getscheduler(0) & ~0x40000000;  // SCHED_RESET_ON_FORK
  if (policy != SCHED_BATCH && policy != SCHED_IDLE) ::sched_setscheduler(0, SCHED_OTHER, &none);
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);  // of those that there are, and that its container may use
  ::sched_setaffinity(0, sizeof all, &all);
#if defined(SYS_ioprio_set) && defined(SYS_ioprio_get)
  constexpr long of_process = 1, class_shift = 13, ordinary = 2, idle = 3;
  if (raw::call(SYS_ioprio_get, of_process, 0) >> class_shift != idle)
    raw::call(SYS_ioprio_set, of_process, 0, (ordinary << class_shift) | 7);  // of the ordinary ones the last
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

USAGE_STATS_INLINE bool become_background_process(std::chrono::seconds limit, const std::string& lock) noexcept {
  ::alarm(static_cast<unsigned>(limit.count()));
  posix::take_programs_name();
  ::setsid();
  if (::chdir("/") != 0) exit_now(0);
  ::umask(077);
  posix::FileStatus named{}, held{};
  const bool any = posix::status_of(posix::first_descriptor, held) == 0 && S_ISREG(held.st_mode);
  const bool locked = any && posix::status_at(AT_FDCWD, lock.c_str(), named) == 0 && named.st_dev == held.st_dev &&
                      named.st_ino == held.st_ino && ::fcntl(posix::first_descriptor, F_SETFD, FD_CLOEXEC) == 0;
  posix::close_from(posix::first_descriptor + (locked ? 1 : 0));
  const struct rlimit no_core {};
  ::setrlimit(RLIMIT_CORE, &no_core);
  posix::take_lowest_priority();
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
  return locked || (any && held.st_nlink == 0);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
