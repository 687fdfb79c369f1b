#pragma once
// Processes: the fate of a child, and running other programs.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__FreeBSD__)
#include <osreldate.h>
#endif

#include "../platform.hpp"
#include "file.inl"

extern "C" char** environ;

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE bool Child::ended() noexcept {
  if (id_ == 0) return true;
  const pid_t result = ::waitpid(static_cast<pid_t>(id_), nullptr, WNOHANG);
  if (result == 0 || (result < 0 && errno == EINTR)) return false;
  id_ = 0;  // ended, or somebody else has taken its status
  return true;
}

namespace posix {

/// posix_spawn with a clean slate: no blocked or ignored signals, a session of its own, no descriptor but the three.
struct Spawn {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  Spawn() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigemptyset(&all);
#if defined(__linux__)
    constexpr int end = NSIG;
#else
    constexpr int end = 32;  // those of threads, which FreeBSD counts on from there, may be refused
#endif
    for (int number = 1; number < end; ++number)
      if (number != SIGKILL && number != SIGSTOP) sigaddset(&all, number);  // FreeBSD refuses these two
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#if defined(POSIX_SPAWN_SETSID)
    flags = static_cast<short>(flags | POSIX_SPAWN_SETSID);
#endif
#if defined(POSIX_SPAWN_CLOEXEC_DEFAULT)
    flags = static_cast<short>(flags | POSIX_SPAWN_CLOEXEC_DEFAULT);
#endif
    ::posix_spawnattr_setflags(&attributes, flags);
  }
  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  void stream(int number, int from) { ::posix_spawn_file_actions_adddup2(&actions, from, number); }
  void null_stream(int number) {
    ::posix_spawn_file_actions_addopen(&actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  int start(pid_t& id, const std::string& program, const std::vector<std::string>& arguments, char** variables) {
#if defined(__GLIBC__)  // other libraries do not define the function-like macro, and cannot read a line that has it
#if __GLIBC_PREREQ(2, 34)
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
#elif defined(__FreeBSD_version)
#if __FreeBSD_version >= 1301000
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
#endif
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    return ::posix_spawn(&id, program.c_str(), &actions, &attributes, pointers.data(), variables);
  }
};

}  // namespace posix

USAGE_STATS_INLINE void block_signals_in_this_thread() noexcept {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

namespace posix {

/// The limit that limit_memory() has set.
struct MemoryLimit {
  std::mutex mutex;                     // not taken where there is no limit: only the uploader has one
  std::atomic<std::size_t> allowed{0};  // without stacks; 0: there is no limit
  std::size_t stacks = 0, most_stacks = 0;
  rlim_t users = RLIM_INFINITY;  // what was allowed before, which is never raised
};
USAGE_STATS_INLINE MemoryLimit& memory_limit() noexcept {
  static MemoryLimit limit;
  return limit;
}

USAGE_STATS_INLINE void set_data_limit(std::size_t bytes) noexcept {
#if defined(__linux__)
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(memory_limit().users, bytes);
  ::setrlimit(RLIMIT_DATA, &limit);
#else
  static_cast<void>(bytes);
#endif
}

/// Raises the limit for a thread's stack. It is not lowered again, because the C library keeps some unused stacks.
USAGE_STATS_INLINE void add_stack(std::size_t bytes) noexcept {
  MemoryLimit& limit = memory_limit();
  if (limit.allowed == 0) return;
  const std::lock_guard<std::mutex> guard(limit.mutex);
  limit.stacks += bytes;
  if (limit.stacks <= limit.most_stacks) return;
  limit.most_stacks = limit.stacks;
  set_data_limit(limit.allowed + limit.most_stacks);
}

USAGE_STATS_INLINE void remove_stack(std::size_t bytes) noexcept {
  MemoryLimit& limit = memory_limit();
  if (limit.allowed == 0) return;
  const std::lock_guard<std::mutex> guard(limit.mutex);
  limit.stacks -= bytes;
}

}  // namespace posix

USAGE_STATS_INLINE void limit_memory([[maybe_unused]] std::size_t more) noexcept {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return;
#endif
#endif
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return;
  unsigned long pages = 0;  // proc(5): the sixth number is "data + stack"
  const bool known = std::fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages) == 1;
  std::fclose(file);
  if (!known) return;
  posix::MemoryLimit& limit = posix::memory_limit();
  struct rlimit before {};
  if (::getrlimit(RLIMIT_DATA, &before) == 0) limit.users = before.rlim_cur;
  limit.allowed = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
  // Not RLIMIT_AS: what a program reserves and never uses is not taken from anybody.
  posix::set_data_limit(limit.allowed);
#endif
}

USAGE_STATS_INLINE std::filesystem::path find_program(std::string_view name, bool as_a_shell) {
  const std::string folders = variable("PATH").value_or("/usr/bin:/bin");
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    std::filesystem::path candidate = std::filesystem::path(folders.substr(begin, end - begin)) / name;
    std::error_code none;  // a folder may have the name, too, and the right that is asked for
    if ((as_a_shell || candidate.is_absolute()) && std::filesystem::is_regular_file(candidate, none) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    begin = end + 1;
  }
  return {};
}

namespace posix {

// As sockets::send_flags; the end of a socket pair that is written to is told itself elsewhere.
#if defined(MSG_NOSIGNAL) && !defined(__APPLE__)
constexpr int feeding_flags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int feeding_flags = MSG_DONTWAIT;
#endif

using Enough = std::function<bool(std::string_view)>;

/// Feeds the program and collects its output until that is closed (true), or until it is enough, or too much, or time
/// is up.
USAGE_STATS_INLINE bool converse(Descriptor& in, const Descriptor& out, std::string_view input, std::size_t limit,
                                 std::chrono::steady_clock::time_point deadline, const Enough& enough,
                                 std::string& output) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || output.size() >= limit || (enough && enough(output))) return false;
    const long long pause = enough && !output.empty() ? 100 : 1000;
    pollfd files[2] = {{out.get(), POLLIN, 0}, {in ? in.get() : -1, POLLOUT, 0}};
    if (::poll(files, 2, static_cast<int>(std::min<long long>(left, pause))) < 0 && errno != EINTR) return false;
    if (in && (files[1].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
      const ssize_t sent = ::send(in.get(), input.data(), input.size(), feeding_flags);
      if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
      if (input.empty() || (sent < 0 && errno != EAGAIN && errno != EINTR)) in.close();
    }
    if ((files[0].revents & (POLLIN | POLLHUP)) != 0) {
      char buffer[8192];
      const ssize_t count = ::read(out.get(), buffer, std::min(sizeof buffer, limit - output.size()));
      if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) return true;
      if (count > 0) output.append(buffer, static_cast<std::size_t>(count));
    }
  }
}

/// The limit of a program that has been started, all but at its beginning: it has read nothing of a stranger's yet.
USAGE_STATS_INLINE void limit_memory_of([[maybe_unused]] pid_t id, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
  struct rlimit limit {
  }, stack{};
  if (bytes == 0 || ::prlimit(id, RLIMIT_DATA, nullptr, &limit) != 0) return;
  // A thread's stack is as large as this says, and counted as if it were used.
  constexpr rlim_t usual_stack = 8 * 1024 * 1024, largest_stack = usual_stack * 64;
  rlim_t more = 0;
  if (::getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY && stack.rlim_cur > usual_stack)
    more = 2 * (std::min(stack.rlim_cur, largest_stack) - usual_stack);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, bytes + more);
  ::prlimit(id, RLIMIT_DATA, &limit, nullptr);
#endif
}

}  // namespace posix

USAGE_STATS_INLINE ProgramResult run_program(const std::vector<std::string>& command, std::string_view input,
                                             std::size_t output_limit, std::chrono::milliseconds limit,
                                             std::size_t memory, const std::function<bool(std::string_view)>& enough) {
  ProgramResult result;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int in[2], out[2];
  // A socket pair, because a pipe whose reader is gone raises SIGPIPE.
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, in) != 0) return result.error = posix::last_error(), result;
  posix::Descriptor in_parent(in[0]), in_child(in[1]);
#if defined(SO_NOSIGPIPE)
  const int yes = 1;
  ::setsockopt(in_parent.get(), SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
  if (::pipe(out) != 0) return result.error = posix::last_error(), result;
  posix::Descriptor out_parent(out[0]), out_child(out[1]);
  for (const auto* const end : {&in_parent, &in_child, &out_parent, &out_child})
    ::fcntl(end->get(), F_SETFD, FD_CLOEXEC);

  posix::Spawn spawn;
  spawn.stream(0, in_child.get());
  spawn.stream(1, out_child.get());
  spawn.null_stream(2);
  pid_t id = 0;
  const int problem = spawn.start(id, command.front(), command, environ);
  if (problem != 0) return result.error = std::error_code(problem, std::generic_category()), result;
  in_child.close();
  out_child.close();
  posix::limit_memory_of(id, memory);
  const bool ends_itself = posix::converse(in_parent, out_parent, input, output_limit, deadline, enough, result.output);

  out_parent.close();
  in_parent.close();
  int status = 0;
  for (int pause_ms = 1; ::waitpid(id, &status, WNOHANG) == 0;) {
    if (!ends_itself || std::chrono::steady_clock::now() >= deadline) ::kill(id, SIGKILL);
    ::poll(nullptr, 0, pause_ms);
    pause_ms = std::min(pause_ms * 2, 50);
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

USAGE_STATS_INLINE int exit_status(int code) noexcept { return code & 0xff; }
USAGE_STATS_INLINE void exit_now(int code) noexcept { ::_exit(code); }

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
