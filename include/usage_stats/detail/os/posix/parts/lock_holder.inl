#pragma once
// Which process holds a lock, whether it makes progress, and whether locks are available at all.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../../bounded_lock.hpp"
#include "../lock.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// Reads a file of /proc about a process, at most as much as there is room for.
template <std::size_t Size>
void read_start(const char* path, char (&text)[Size]) noexcept {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t size = file ? ::read(file.get(), text, Size - 1) : 0;
  text[std::max<ssize_t>(size, 0)] = '\0';
}

/// The letter of its state, by proc(5); 0 if there is no such process, or it is not visible.
USAGE_STATS_INLINE char state_of([[maybe_unused]] pid_t process) noexcept {
#if defined(__linux__)
  char path[48], text[512];
  if (process <= 0) return '\0';
  std::snprintf(path, sizeof path, "/proc/%lld/stat", static_cast<long long>(process));
  read_start(path, text);
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' ? name_end[2] : '\0';
#else
  return '\0';
#endif
}

/// Whether its cgroup is frozen (`docker pause`, `systemctl freeze`), which its state does not show.
USAGE_STATS_INLINE bool is_frozen([[maybe_unused]] pid_t process) noexcept {
#if defined(__linux__)
  char path[48], groups[1024], events[1024 + 64], text[256];
  std::snprintf(path, sizeof path, "/proc/%lld/cgroup", static_cast<long long>(process));
  read_start(path, groups);
  const char* const group = std::strncmp(groups, "0::", 3) == 0 ? groups : std::strstr(groups, "\n0::");
  if (group == nullptr) return false;
  const char* const name = std::strchr(group, '/');
  if (name == nullptr) return false;
  std::snprintf(events, sizeof events, "/sys/fs/cgroup%.*s/cgroup.events", static_cast<int>(std::strcspn(name, "\n")),
                name);
  read_start(events, text);
  return std::strstr(text, "frozen 1") != nullptr;
#else
  return false;
#endif
}

/// Whether it runs, waits for its turn or for a disk.
USAGE_STATS_INLINE bool gets_on(pid_t process) noexcept {
  const char state = state_of(process);
  return (state == 'R' || state == 'S' || state == 'D') && !is_frozen(process);
}

/// The first of the folders from here upwards that is there, and may be looked at.
USAGE_STATS_INLINE std::filesystem::path nearest_folder(std::filesystem::path path) {
  FileStatus status{};
  while (path.has_relative_path() && status_of(path.c_str(), status) != 0 && errno == ENOENT) path = path.parent_path();
  return path;
}

}  // namespace posix

USAGE_STATS_INLINE bool LockedFile::is_stuck(const Folder& folder, const std::string& name) noexcept {
  const int parent = folder.impl_->descriptor.get();
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard || own.find(parent, name.c_str()) >= 0) return true;
  const posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR);
  struct flock lock = posix::whole_file(F_WRLCK);
  if (!file || ::fcntl(file.get(), F_GETLK, &lock) != 0) return true;
  return lock.l_type != F_UNLCK && !posix::gets_on(lock.l_pid);
}

USAGE_STATS_INLINE std::int64_t LockedFile::stopped_holder(const Folder& folder, const std::string& name) noexcept {
  const int parent = folder.impl_->descriptor.get();
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard || own.find(parent, name.c_str()) >= 0) return 0;
  const posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR);
  struct flock lock = posix::whole_file(F_WRLCK);
  if (!file || ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0) return 0;
  const char state = posix::state_of(lock.l_pid);
  const bool stopped = state == 'T' || state == 't' || (state != '\0' && posix::is_frozen(lock.l_pid));
  return stopped ? lock.l_pid : 0;
}

USAGE_STATS_INLINE const char* LockedFile::problem_in(const std::filesystem::path& folder, std::error_code& reason) {
  constexpr const char* not_written = "nothing can be written there";
  reason.clear();
  const std::filesystem::path place = posix::nearest_folder(folder);
  const posix::Descriptor top(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top) return not_written;
  const posix::Descriptor file = posix::make_nameless(top.get());
  if (file)
    reason = posix::write_all(file.get(), std::string(4096, '\n'));
  else
    reason = posix::last_error();
  // Another check reports what the mode of an outer folder forbids.
  if (reason != std::errc::no_space_on_device && reason != std::errc::read_only_file_system &&
      reason != std::errc::io_error && reason.value() != EDQUOT)
    reason.clear();
  if (reason) return not_written;
  if (!file) {
    struct statvfs space {};
    const bool known = ::fstatvfs(top.get(), &space) == 0 && space.f_blocks > 0;
    if (known && (::geteuid() == 0 ? space.f_bfree : space.f_bavail) == 0)
      reason = std::make_error_code(std::errc::no_space_on_device);
    return not_written;
  }
  struct flock lock = posix::whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_SETLK, &lock) != 0) reason = posix::last_error();
  return "files cannot be locked there";
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
