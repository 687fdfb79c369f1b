#pragma once
// Resolves the path to a folder or file part by part if it has links: these are followed only if nobody but us and root
// can have created them.

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include "../../platform.hpp"
#include "../../refusal.inl"
#include "file_status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// The names below a path, as operator/ joins them.
USAGE_STATS_INLINE std::string below(std::string_view path, std::string_view first, std::string_view second = {},
                                     std::string_view third = {}) {
  std::string joined;
  joined.reserve(path.size() + first.size() + second.size() + third.size() + 3);
  joined.append(path);
  for (const std::string_view name : {first, second, third}) {
    if (name.empty()) continue;
    if (joined.back() != '/') joined += '/';
    joined.append(name);
  }
  return joined;
}

/// Whether it is what lexically_normal() would make of it, and no link's name with a slash behind it; "/" is not.
USAGE_STATS_INLINE bool is_normal(std::string_view path) noexcept {
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] != '/') return false;
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view name = path.substr(at + 1, end - at - 1);
    if (name.empty() || name == "." || name == "..") return false;
    at = end;
  }
  return !path.empty();
}

USAGE_STATS_INLINE std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

/// An owned descriptor. Never 0, 1 or 2: if the host has closed a standard stream, its next output would end up in our
/// file.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {
    if (number_ >= 0 && number_ <= 2) {
      const int moved = ::fcntl(number_, F_DUPFD_CLOEXEC, 3);
      ::close(number_);
      number_ = moved;
    }
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  explicit operator bool() const noexcept { return number_ >= 0; }
  int get() const noexcept { return number_; }
  int leave() noexcept { return std::exchange(number_, -1); }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

constexpr int careful = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | large_file;

USAGE_STATS_INLINE Descriptor open_at(int folder, const char* name, int flags, mode_t mode = 0) noexcept {
  int number = -1;
  do {
    number = ::openat(folder, name, flags | careful | O_NOFOLLOW, mode);
  } while (number < 0 && errno == EINTR);
  return Descriptor(number);
}

/// Opens a folder on the way, which need not be readable.
USAGE_STATS_INLINE Descriptor pass_through(int folder, const char* name) noexcept {
#if defined(O_PATH)
  constexpr int access = O_PATH;
#elif defined(O_SEARCH)
  constexpr int access = O_SEARCH;
#else
  constexpr int access = O_RDONLY;
#endif
  return open_at(folder, name, access | O_DIRECTORY);
}

/// Opens a path without links. Except on Linux 5.6 and newer, errno is ENOSYS.
USAGE_STATS_INLINE Descriptor open_without_links(const char* path, int flags) noexcept {
#if defined(__linux__) && defined(SYS_openat2)
  struct {  // linux/openat2.h has it, where there is one
    std::uint64_t flags, mode, resolve;
  } how{static_cast<std::uint64_t>(flags | careful), 0, 0x04};  // RESOLVE_NO_SYMLINKS
  long number = -1;
  do {
    number = ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  } while (number < 0 && errno == EINTR);
  return Descriptor(static_cast<int>(number));
#else
  static_cast<void>(path), static_cast<void>(flags);
  errno = ENOSYS;
  return Descriptor();
#endif
}

USAGE_STATS_INLINE bool is_ours_or_roots(const FileStatus& status, uid_t user) noexcept {
  return status.st_uid == user || status.st_uid == 0;
}

/// Whether what lies in a folder stays what it is: it is ours or root's, and others may not write, or at least (where
/// it is sticky) not rename what they do not own.
USAGE_STATS_INLINE std::error_code check_keeper(const FileStatus& status, uid_t user) noexcept {
  if (!is_ours_or_roots(status, user)) return refused(Refusal::in_anothers_folder);
  const bool shared = (status.st_mode & 002) != 0 && (status.st_mode & S_ISVTX) == 0;
  return shared ? refused(Refusal::in_shared_folder) : std::error_code();
}

USAGE_STATS_INLINE std::error_code check_keeper(int folder) noexcept {
  FileStatus status{};
  return status_of(folder, status) == 0 ? check_keeper(status, ::geteuid()) : last_error();
}

/// A link that only we or root can have put there.
USAGE_STATS_INLINE bool is_trusted_link(int folder, const FileStatus& link) noexcept {
  FileStatus status{};
  const uid_t user = ::geteuid();
  return status_of(folder, status) == 0 && is_ours_or_roots(status, user) && (status.st_mode & 022) == 0 &&
         is_ours_or_roots(link, user);
}

/// Gives what this process has just created exactly that mode, whatever the umask was.
USAGE_STATS_INLINE std::error_code set_mode(int made, mode_t mode) noexcept {
  FileStatus status{};
  if (status_of(made, status) != 0) return last_error();
  const mode_t now = status.st_mode & 07777;
  if (now == mode) return {};
  // Others who can write to the parent folder may have replaced it; no umask leaves such a mode.
  if (status.st_uid != ::geteuid() || (now & ~(mode | S_ISGID)) != 0) return refused(Refusal::not_made_by_us);
  return ::fchmod(made, mode) == 0 ? std::error_code() : last_error();
}

/// Creates a folder (0700) and opens it; std::errc::file_exists if somebody was faster. `parent`: one whose owner has
/// been checked.
USAGE_STATS_INLINE Descriptor make_checked_folder(int parent, const char* name, std::error_code& error) noexcept {
  error.clear();
  if (::mkdirat(parent, name, 0700) != 0) return error = last_error(), Descriptor();
  Descriptor folder = open_at(parent, name, O_RDONLY | O_DIRECTORY);
  if (!folder && errno == EACCES) {  // under some umasks we may not even open it
    if (::fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) != 0 && errno == EOPNOTSUPP)
      ::fchmodat(parent, name, 0700, 0);
    folder = open_at(parent, name, O_RDONLY | O_DIRECTORY);
  }
  error = folder ? set_mode(folder.get(), 0700) : last_error();
  return error ? Descriptor() : std::move(folder);
}

USAGE_STATS_INLINE Descriptor make_folder(int parent, const char* name, std::error_code& error) noexcept {
  error = check_keeper(parent);
  return error ? Descriptor() : make_checked_folder(parent, name, error);
}

/// HOME is never created, nor is anything above it: if the home is missing (not mounted yet), it is not up to us to
/// create one. (What `path` and HOME have in common must be there. A HOME that is "/", as containers give it to users
/// they do not know, is no home: there the first part must be.)
USAGE_STATS_INLINE std::error_code check_home_exists(const std::filesystem::path& path) {
  const std::filesystem::path wanted = path.lexically_normal(), base = home().lexically_normal();
  if (base.empty()) return {};
  const bool is_root = !base.has_relative_path();
  std::filesystem::path common;
  auto part = wanted.begin();
  for (auto other = base.begin(); part != wanted.end() && other != base.end() && *part == *other; ++part, ++other)
    common /= *part;
  if (is_root && part != wanted.end()) common /= *part;
  FileStatus status{};
  if (status_of(common.c_str(), status) == 0) return {};
  return refused(is_root ? Refusal::home_is_root : Refusal::no_home);
}

/// An absolute path, gone part by part.
class Way {
 public:
  /// Goes as far as the folder that contains the last part. With `create`, missing folders are created (0700); with
  /// `through_last`, the last part is not a link any more, because it was followed.
  std::error_code go(const std::filesystem::path& path, bool create, bool through_last) {
    push(path.native());
    folder_ = pass_through(AT_FDCWD, "/");
    if (!folder_) return last_error();
    if (ahead_.empty()) return refused(Refusal::root);
    for (int links = 0;;) {
      name_ = std::move(ahead_.back());
      ahead_.pop_back();
      if (ahead_.empty() && !through_last) return {};
      FileStatus status{};
      const bool there = status_at(folder_.get(), name_.c_str(), status) == 0;
      if (!there && errno != ENOENT) return last_error();
      if (there && S_ISLNK(status.st_mode)) {
        if (++links > 40) return std::make_error_code(std::errc::too_many_symbolic_link_levels);
        if (const std::error_code error = follow(status)) return error;
      } else if (ahead_.empty()) {
        return {};
      } else if (const std::error_code error = step(there, create)) {
        return error;
      }
    }
  }
  int folder() const noexcept { return folder_.get(); }
  const std::string& name() const noexcept { return name_; }

 private:
  void push(const std::string& path) {
    for (std::size_t end = path.size(); end > 0;) {
      const std::size_t slash = path.rfind('/', end - 1);
      const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
      if (begin < end && path.compare(begin, end - begin, ".") != 0) ahead_.push_back(path.substr(begin, end - begin));
      end = slash == std::string::npos ? 0 : slash;
    }
  }
  std::error_code follow(const FileStatus& link) {
    if (!is_trusted_link(folder_.get(), link)) return refused(Refusal::untrusted_link);
    std::string target(4096, '\0');
    const ssize_t size = ::readlinkat(folder_.get(), name_.c_str(), &target[0], target.size());
    if (size <= 0) return last_error();
    target.resize(static_cast<std::size_t>(size));
    push(target);
    if (target[0] == '/') folder_ = pass_through(AT_FDCWD, "/");
    if (ahead_.empty()) return refused(Refusal::root);
    return folder_ ? std::error_code() : last_error();
  }
  std::error_code step(bool there, bool create) {
    std::error_code error;
    if (!there && !create) return std::make_error_code(std::errc::no_such_file_or_directory);
    Descriptor next = there ? Descriptor() : make_folder(folder_.get(), name_.c_str(), error);
    if (!next && error && error != std::errc::file_exists) return error;
    if (!next) next = pass_through(folder_.get(), name_.c_str());
    if (!next) return last_error();
    folder_ = std::move(next);
    return {};
  }

  std::vector<std::string> ahead_;  // the next part last
  std::string name_;
  Descriptor folder_;
};

/// Whether a path may have to be resolved part by part: it has links, or the system cannot tell.
USAGE_STATS_INLINE bool may_have_links(int problem) noexcept {
  return problem == ELOOP || problem == ENOSYS || problem == EPERM || problem == EINVAL || problem == E2BIG ||
         problem == EAGAIN;
}

/// Opens an existing file for reading.
USAGE_STATS_INLINE Descriptor open_file(const std::filesystem::path& path, std::error_code& error) {
  error.clear();
  if (!path.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Descriptor();
  Descriptor file = open_without_links(path.c_str(), O_RDONLY);
  if (file) return file;
  if (!may_have_links(errno)) return error = last_error(), Descriptor();
  Way way;
  error = way.go(path, false, true);
  if (error) return Descriptor();
  file = open_at(way.folder(), way.name().c_str(), O_RDONLY);
  if (!file) error = last_error();
  return file;
}

}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
