#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <locale.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif
#elif defined(__APPLE__)
#include <xlocale.h>
#include <sys/random.h>
#include <sys/sysctl.h>
#endif

#include "../platform.hpp"
#include "exit.inl"
#include "file.inl"
#include "folder_watch.inl"
#include "parts/accounts.inl"
#include "parts/forks.inl"
#include "lock.inl"
#include "parts/lock_holder.inl"
#include "loaded.inl"
#include "process.inl"
#include "memory.inl"
#include "self_start.inl"
#include "signals.inl"
#include "terminal.inl"
#include "thread.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

USAGE_STATS_INLINE std::string variable_values() {
  std::string values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (const char* const equals = std::strchr(*entry, '=')) values.append(equals + 1).push_back('\0');
  return values;
}

USAGE_STATS_INLINE void remove_variable(const char* name) noexcept { ::unsetenv(name); }

USAGE_STATS_INLINE ScopedCLocale::ScopedCLocale() noexcept {
#if defined(__NetBSD__)  // has no locale of a thread's own
  static_cast<void>(plain_), static_cast<void>(before_);
#else
  if (std::strlen(::localeconv()->decimal_point) < 2) return;
  const locale_t plain = ::newlocale(LC_NUMERIC_MASK, "C", locale_t{});
  if (plain == locale_t{}) return;
  plain_ = plain;
  before_ = ::uselocale(plain);
#endif
}

USAGE_STATS_INLINE ScopedCLocale::~ScopedCLocale() {
#if !defined(__NetBSD__)
  if (plain_ == nullptr) return;
  ::uselocale(static_cast<locale_t>(before_));
  ::freelocale(static_cast<locale_t>(plain_));
#endif
}

USAGE_STATS_INLINE ScopedCancelBlock::ScopedCancelBlock() noexcept {
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
}
USAGE_STATS_INLINE ScopedCancelBlock::~ScopedCancelBlock() { ::pthread_setcancelstate(before_, nullptr); }

USAGE_STATS_INLINE bool elevated() noexcept {
#if defined(__linux__)
  uid_t user = 0, acting_user = 0, saved_user = 0;
  gid_t group = 0, acting_group = 0, saved_group = 0;
  return ::getauxval(AT_SECURE) != 0 || ::getresuid(&user, &acting_user, &saved_user) != 0 ||
         ::getresgid(&group, &acting_group, &saved_group) != 0 || user != acting_user || group != acting_group;
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
  return ::issetugid() != 0;
#else
  return ::getuid() != ::geteuid() || ::getgid() != ::getegid();
#endif
}

USAGE_STATS_INLINE std::int64_t process_id() noexcept { return ::getpid(); }
USAGE_STATS_INLINE bool is_open(int stream) noexcept { return ::fcntl(stream, F_GETFD) >= 0; }
USAGE_STATS_INLINE bool is_terminal(int stream) noexcept { return ::isatty(stream) == 1; }

USAGE_STATS_INLINE ScopedSigpipeBlock::ScopedSigpipeBlock() noexcept {
  static_assert(sizeof(sigset_t) <= sizeof before_, "a larger set of signals");
  sigset_t ours, pending;
  sigemptyset(&ours);
  sigaddset(&ours, SIGPIPE);
  sigaddset(&ours, SIGTTOU);
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  blocked_ = ::pthread_sigmask(SIG_BLOCK, &ours, static_cast<sigset_t*>(static_cast<void*>(before_))) == 0;
}

USAGE_STATS_INLINE ScopedSigpipeBlock::~ScopedSigpipeBlock() {
  if (!blocked_) return;
  sigset_t pipe, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  int taken = 0;
  if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) sigwait(&pipe, &taken);
  ::pthread_sigmask(SIG_SETMASK, static_cast<const sigset_t*>(static_cast<const void*>(before_)), nullptr);
}

namespace posix {

USAGE_STATS_INLINE bool& began_without_standard_error() noexcept {
  static bool closed = false;
  return closed;
}

}  // namespace posix

USAGE_STATS_INLINE void note_standard_error() noexcept {
  posix::began_without_standard_error() = ::fcntl(STDERR_FILENO, F_GETFD) < 0;
}

USAGE_STATS_INLINE bool has_standard_streams() noexcept {
  for (int stream = 0; stream < 3; ++stream)
    if (::fcntl(stream, F_GETFD) < 0) return false;
  return true;
}

USAGE_STATS_INLINE bool write_to_standard_error(std::string_view text) noexcept {
  if (posix::began_without_standard_error()) return false;  // what has its number now is a file of the host
  const ScopedSigpipeBlock unharmed;
  return unharmed.blocked() && !posix::write_all(STDERR_FILENO, text);
}

namespace posix {

/// Standard error opened once more, for writing without waiting: O_NONBLOCK belongs to the open file, which the host
/// and others share, so this needs its own. None if that is not possible or would have side effects.
USAGE_STATS_INLINE Descriptor standard_error_without_waiting(const FileStatus& status) noexcept {
#if defined(__linux__)
  if (S_ISFIFO(status.st_mode) || ::isatty(STDERR_FILENO) == 1)
    return Descriptor(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
#endif
  static_cast<void>(status);
  return {};
}

/// As many bytes as there is room for; negative as of write(). Called when poll has seen room.
USAGE_STATS_INLINE ssize_t write_some(const Descriptor& own, const FileStatus& status, std::string_view text) noexcept {
  if (own) return ::write(own.get(), text.data(), text.size());
  if (S_ISSOCK(status.st_mode)) return ::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT);
  // A pipe that has room has room for so much, unless somebody else is faster; a terminal for a byte at least.
  const std::size_t room = S_ISFIFO(status.st_mode) ? PIPE_BUF : 1;
  return ::write(STDERR_FILENO, text.data(), (std::min)(text.size(), room));
}

}  // namespace posix

USAGE_STATS_INLINE bool offer_to_standard_error(std::string_view text) noexcept {
  posix::FileStatus status{};
  if (posix::status_of(STDERR_FILENO, status) != 0) return false;
  const bool may_wait = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || is_terminal(STDERR_FILENO);
  if (!may_wait) return write_to_standard_error(text);  // a file, the null device
  if (posix::began_without_standard_error()) return false;
  const ScopedSigpipeBlock unharmed;
  if (!unharmed.blocked()) return false;
  const posix::Descriptor own = posix::standard_error_without_waiting(status);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  const std::size_t whole = text.size();
  while (!text.empty()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd room{own ? own.get() : STDERR_FILENO, POLLOUT, 0};
    const int ready = ::poll(&room, 1, text.size() == whole || left < 0 ? 0 : static_cast<int>(left));
    if (ready < 0 && errno == EINTR && left > 0) continue;
    if (ready <= 0 || (room.revents & POLLOUT) == 0) return false;
    const ssize_t count = posix::write_some(own, status, text);
    if (count > 0)
      text.remove_prefix(static_cast<std::size_t>(count));
    else if (count == 0 || (errno != EINTR && errno != EAGAIN) || left <= 0)
      return false;
  }
  return true;
}

USAGE_STATS_INLINE bool has_spare_descriptors() noexcept {
  struct rlimit limit {};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 128;
}

USAGE_STATS_INLINE bool random_bytes(unsigned char* into, std::size_t count) noexcept {
  return count <= 256 && ::getentropy(into, count) == 0;
}

namespace posix {

USAGE_STATS_INLINE std::string first_line_value(const std::string& text, std::string_view key) {
  const std::string wanted = "\n" + std::string(key) + "=";
  const std::size_t at = ("\n" + text).find(wanted);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + wanted.size() - 1;
  std::string value = text.substr(begin, text.find('\n', begin) - begin);
  value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
  return value;
}

/// The release's leading numbers: what a distribution or a person adds to a kernel's name may identify a machine.
USAGE_STATS_INLINE std::string numbers_of(const std::string& release) {
  std::size_t end = 0;
  int dots = 0;
  while (end < release.size() && ((release[end] >= '0' && release[end] <= '9') || (release[end] == '.' && ++dots < 3)))
    ++end;
  while (end > 0 && release[end - 1] == '.') --end;
  return release.substr(0, end);
}

USAGE_STATS_INLINE unsigned usable_cpus() noexcept {
#if defined(__linux__)
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
#endif
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<unsigned>(online) : 0;
}

USAGE_STATS_INLINE std::uint64_t physical_memory() noexcept {
#if defined(__linux__)
  struct sysinfo info {};
  return ::sysinfo(&info) == 0 ? std::uint64_t{info.totalram} * info.mem_unit : 0;
#elif defined(__APPLE__)
  std::uint64_t bytes = 0;
  std::size_t size = sizeof bytes;
  return ::sysctlbyname("hw.memsize", &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
#else
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
#endif
}

}  // namespace posix

USAGE_STATS_INLINE Machine machine() {
  Machine machine;
  struct utsname names {};
  if (::uname(&names) == 0) {
    machine.os = names.sysname;
    machine.kernel = posix::numbers_of(names.release);
    machine.arch = names.machine;
    if (machine.arch == "amd64") machine.arch = "x86_64";
    if (machine.arch == "arm64") machine.arch = "aarch64";
  }
  std::error_code error;
#if defined(__APPLE__)
  machine.os = "macos";
  char version[64] = {};
  std::size_t size = sizeof version - 1;
  if (::sysctlbyname("kern.osproductversion", version, &size, nullptr, 0) == 0)
    machine.os_version = std::string("macOS ") + version;
#else
  if (const auto release = posix::read_system_file("/etc/os-release", 64 * 1024, error)) {
    machine.os_version = posix::first_line_value(*release, "NAME");
    const std::string version = posix::first_line_value(*release, "VERSION_ID");
    if (!version.empty()) machine.os_version += " " + version;
  }
#endif
#if defined(__GLIBC__)
  machine.libc = std::string("glibc ") + ::gnu_get_libc_version();
#endif
  machine.cpus = posix::usable_cpus();
  machine.memory_bytes = posix::physical_memory();
  machine.container = ::access("/.dockerenv", F_OK) == 0 || ::access("/run/.containerenv", F_OK) == 0 ||
                      variable("container") || variable("KUBERNETES_SERVICE_HOST");
  return machine;
}

USAGE_STATS_INLINE PrivateNames private_names() {
  PrivateNames names;
  for (const char* const name : {"USER", "LOGNAME", "SUDO_USER"})
    if (const auto value = variable(name)) names.users.push_back(*value);
  std::error_code error;
  if (const auto home_folder = variable("HOME")) names.home = *home_folder;
  struct utsname system {};
  if (::uname(&system) == 0) {
    const std::string host = system.nodename;
    names.hosts.push_back(host);
    names.hosts.push_back(host.substr(0, host.find('.')));
  }
  names.working_folder = std::filesystem::current_path(error).string();
  return names;
}

USAGE_STATS_INLINE std::string host_identity() {
  struct utsname system {};
  if (::uname(&system) != 0) return {};
  std::string name = system.nodename;
  // Names that many machines have.
  if (name.empty() || name == "(none)" || name.compare(0, 9, "localhost") == 0) {
    std::error_code error;
    name += " " + posix::read_system_file("/etc/machine-id", 4096, error).value_or("");
  }
  return name;
}

namespace posix {
USAGE_STATS_INLINE std::filesystem::path absolute_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? std::filesystem::path(value) : std::filesystem::path();
}
USAGE_STATS_INLINE std::filesystem::path below_home(const char* inner) {
  const char* const value = std::getenv("HOME");
  return value != nullptr && value[0] == '/' ? std::filesystem::path(below(value, inner)) : std::filesystem::path();
}
}  // namespace posix

USAGE_STATS_INLINE std::filesystem::path home() { return posix::absolute_variable("HOME"); }

#if defined(__APPLE__)
USAGE_STATS_INLINE std::filesystem::path state_root() { return posix::below_home("Library/Application Support"); }
USAGE_STATS_INLINE std::filesystem::path config_root() { return posix::below_home("Library/Application Support"); }
#else
USAGE_STATS_INLINE std::filesystem::path state_root() {
  const std::filesystem::path root = posix::absolute_variable("XDG_STATE_HOME");
  return root.empty() ? posix::below_home(".local/state") : root;
}
USAGE_STATS_INLINE std::filesystem::path config_root() {
  const std::filesystem::path root = posix::absolute_variable("XDG_CONFIG_HOME");
  return root.empty() ? posix::below_home(".config") : root;
}
#endif
USAGE_STATS_INLINE std::filesystem::path policy_root() { return "/etc"; }

USAGE_STATS_INLINE std::string path_bytes(const std::filesystem::path& path) { return path.native(); }
USAGE_STATS_INLINE std::filesystem::path path_of_bytes(std::string_view bytes) { return std::string(bytes); }
USAGE_STATS_INLINE std::filesystem::path path_below(const std::filesystem::path& root, std::string_view first,
                                                    std::string_view second, std::string_view third) {
  if (root.empty()) return {};
  return posix::below(root.native(), first, second, third);
}
USAGE_STATS_INLINE std::string path_with_tilde(const std::filesystem::path& path) {
  const std::string &text = path.native(), folder = home().native();
  const bool inside = folder.size() > 1 && text.compare(0, folder.size() + 1, folder + "/") == 0;
  return inside ? "~" + text.substr(folder.size()) : text;
}
namespace posix {
/// Whether a folder exists and belongs to somebody else.
USAGE_STATS_INLINE bool is_foreign(const std::filesystem::path& folder, bool roots_too) noexcept {
  FileStatus status{};
  if (folder.empty() || status_of(folder.c_str(), status) != 0 || !S_ISDIR(status.st_mode)) return false;
  return status.st_uid != ::geteuid() && (roots_too || status.st_uid != 0);
}
}  // namespace posix

USAGE_STATS_INLINE std::filesystem::path foreign_home() {
  std::filesystem::path folder = home();
  if (posix::is_foreign(folder, folder.has_relative_path())) return folder;
#if !defined(__APPLE__)
  for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"})
    if (posix::is_foreign(folder = posix::absolute_variable(name), false)) return folder;
#endif
  return {};
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
