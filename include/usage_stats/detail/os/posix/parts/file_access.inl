#pragma once
// The basis of Folder and LockedFile: reading and writing by descriptor, file ownership, this process's locks.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

#include "../../platform.hpp"
#include "file_status.inl"
#include "path.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// Of a lock that cannot be taken, see lock_or_give_up().
USAGE_STATS_INLINE std::error_code interrupted() noexcept {
  return std::make_error_code(std::errc::resource_deadlock_would_occur);
}

/// Whether a file may grow by so much (RLIMIT_FSIZE). Trying more than that raises SIGXFSZ, which would end the host.
USAGE_STATS_INLINE bool may_grow(int file, std::size_t count) noexcept {
  struct rlimit limit {};
  FileStatus status{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  if (status_of(file, status) != 0 || !S_ISREG(status.st_mode)) return true;
  const Offset end = std::max<Offset>(status.st_size, position_of(file));
  return end + static_cast<Offset>(count) <= static_cast<Offset>(limit.rlim_cur);  // which FreeBSD has signed, too
}

USAGE_STATS_INLINE std::error_code write_all(int file, std::string_view bytes) noexcept {
  if (!may_grow(file, bytes.size())) return std::make_error_code(std::errc::file_too_large);
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

USAGE_STATS_INLINE std::optional<std::string> read_all(int file, const FileStatus& status, std::size_t limit,
                                                       std::error_code& error) {
  if (static_cast<std::uint64_t>(status.st_size) > limit)
    return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string bytes(size + 1, '\0');  // a byte more, to see a file that grows
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) {
      if (used > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
      bytes.resize(used * 2);
    }
    const ssize_t count = read_at(file, &bytes[used], bytes.size() - used, static_cast<Offset>(used));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error = last_error(), std::nullopt;
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used == size) break;  // as much as the file was said to have, and there was room for more
  }
  if (used > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
  bytes.resize(used);
  error.clear();
  return bytes;
}

/// Ours: a regular file owned by the folder's user, who was the effective one when it was opened. Links and pipes are
/// refused. A second name is not an attack, because nobody else can have put it into our folder: backups that use hard
/// links (cp -al) have it elsewhere.
USAGE_STATS_INLINE bool is_ours(const FileStatus& status, uid_t owner) noexcept {
  return S_ISREG(status.st_mode) && status.st_uid == owner;
}

/// Whether a descriptor still refers to that file, as far as this machine knows, without asking a file server.
USAGE_STATS_INLINE bool is_open(int descriptor, Device device, Inode inode) noexcept {
#if defined(__linux__) && defined(STATX_INO) && defined(AT_STATX_DONT_SYNC)
  struct statx known {};
  if (::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &known) == 0)
    return known.stx_ino == inode && makedev(known.stx_dev_major, known.stx_dev_minor) == device;
#endif
  FileStatus status{};
  return status_of(descriptor, status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/// An existing folder's mode is up to its owner as long as nobody else can write there: it is checked, not changed.
USAGE_STATS_INLINE std::error_code check_folder(int folder, uid_t owner, FileStatus& status) noexcept {
  if (status_of(folder, status) != 0) return last_error();
  if (!S_ISDIR(status.st_mode)) return std::make_error_code(std::errc::not_a_directory);
  if (status.st_uid != owner) return refused(Refusal::anothers);
  return (status.st_mode & 022) != 0 ? refused(Refusal::others_may_write) : std::error_code();
}

/// Whoever can rename our folder could replace it with another. The root of the file system is its own parent.
/// `status`: the folder's own.
USAGE_STATS_INLINE std::error_code check_place(int folder, uid_t user, const FileStatus& status) noexcept {
  FileStatus above{};
  if (status_at(folder, "..", above, 0) != 0) return last_error();
  if (status.st_dev == above.st_dev && status.st_ino == above.st_ino) return refused(Refusal::root);
  return check_keeper(above, user);
}

/// Files that this process has locked. POSIX drops a lock when any descriptor of the file is closed, so such a file
/// must not even be opened again: it is read by the descriptor that holds the lock.
struct OwnLocks {
  struct File {
    Device device;
    Inode inode;
    int descriptor;
    bool of_process = true;  // else Linux's lock of an open file, which stays when another descriptor is closed
  };
  std::mutex mutex;  // also held while another file is open, which might be locked meanwhile
  std::vector<File> files;

  /// Whether a file that is opened could be one whose lock is lost when it is closed again. With the mutex held.
  bool may_lose_lock() const noexcept {
    return std::any_of(files.begin(), files.end(), [](const File& file) { return file.of_process; });
  }
  /// The descriptor that holds the lock, or -1. Call it with the mutex held.
  int find(int folder, const char* name) const noexcept {
    FileStatus status{};
    if (files.empty()) return -1;
    if (status_at(folder, name, status) != 0) return -1;
    for (const File& file : files)
      if (file.device == status.st_dev && file.inode == status.st_ino &&
          is_open(file.descriptor, file.device, file.inode))  // not closed by the host, nor left in a hurry
        return file.descriptor;
    return -1;
  }
  /// Call it with the mutex held.
  void remove(Device device, Inode inode) {
    for (auto file = files.begin(); file != files.end(); ++file)
      if (file->device == device && file->inode == inode) return static_cast<void>(files.erase(file));
  }
};

USAGE_STATS_INLINE std::string next_temporary_name() {
  static std::atomic<unsigned> counter{0};
  static std::atomic<pid_t> asked{0};  // once: a fork's child may have its parent's names, as far as none is taken
  if (asked == 0) asked = ::getpid();
  return ".tmp-" + std::to_string(asked) + "-" + std::to_string(counter++);
}

constexpr int temporary_names = 32;  // that are tried

/// A new file under a name that nobody uses; `name` is set to it.
USAGE_STATS_INLINE Descriptor make_temporary(int folder, int flags, mode_t mode, std::string& name) {
  for (int attempt = 0; attempt < temporary_names; ++attempt) {
    name = next_temporary_name();
    if (Descriptor file = open_at(folder, name.c_str(), flags | O_CREAT | O_EXCL, mode)) return file;
    if (errno != EEXIST) break;
  }
  return Descriptor();
}

/// A new file without a name, which nobody who removes the folder meanwhile would find; none if the file system does
/// not support that.
USAGE_STATS_INLINE Descriptor make_nameless([[maybe_unused]] int folder) noexcept {
#if defined(O_TMPFILE)
  return open_at(folder, ".", O_WRONLY | O_TMPFILE, 0600);
#else
  return Descriptor();
#endif
}

/// Empty where it cannot have one (no /proc).
USAGE_STATS_INLINE std::string give_temporary_name(int folder, const Descriptor& file) {
  const std::string open_file = "/proc/self/fd/" + std::to_string(file.get());
  for (int attempt = 0; attempt < temporary_names; ++attempt) {
    std::string name = next_temporary_name();
    if (::linkat(AT_FDCWD, open_file.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return name;
    if (errno != EEXIST) break;
  }
  return {};
}

/// Puts a file in another one's place. On Linux they are exchanged, which fails if the other one is gone; elsewhere,
/// and if the file system cannot do that (NFS), it may disappear between the check and the rename.
USAGE_STATS_INLINE std::error_code put_in_place(int folder, const char* name, const char* place) noexcept {
#if defined(SYS_renameat2)
  constexpr unsigned exchange = 2;  // RENAME_EXCHANGE
  if (::syscall(SYS_renameat2, folder, name, folder, place, exchange) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS && errno != EPERM && errno != EOPNOTSUPP) return last_error();
#endif
  FileStatus status{};
  if (status_at(folder, place, status) != 0) return last_error();
  return ::renameat(folder, name, folder, place) == 0 ? std::error_code() : last_error();
}

USAGE_STATS_INLINE std::error_code fill(const Descriptor& file, std::string_view bytes, bool durable) noexcept {
  std::error_code error = set_mode(file.get(), 0600);
  if (!error) error = write_all(file.get(), bytes);
  if (!error && durable && ::fsync(file.get()) != 0) error = last_error();
  return error;
}

/// After a trailing slash the system would follow a link.
USAGE_STATS_INLINE std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// Calls `each` with the open folder and each name in it, until it returns false. An error: there may be more names
/// than were seen. Without readdir, whose stream asks three questions that are answered already.
template <class Each>
std::error_code for_each_name(int folder, std::size_t looks, const Each& each) {
  Descriptor again = open_at(folder, ".", O_RDONLY | O_DIRECTORY);
  if (!again) return last_error();
  const int number = again.get();
#if defined(__linux__)
  constexpr std::size_t room = 32 * 1024;
  const std::unique_ptr<char[]> entries(new char[room]);
  for (;;) {
    const long size = ::syscall(SYS_getdents64, number, entries.get(), room);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != ENOENT) return last_error();  // ENOENT: a folder that is removed has no more names
    if (size <= 0) return {};
    for (long at = 0; at < size;) {  // as linux/dirent.h has it: inode, offset, length, kind, name
      const char* const entry = &entries[static_cast<std::size_t>(at)];
      std::uint16_t length = 0;
      std::memcpy(&length, entry + 16, sizeof length);
      at += length;
      if (looks-- == 0 || !each(number, entry + 19)) return {};
    }
  }
#else
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(number), [](DIR* all) { return ::closedir(all); });
  if (!entries) return last_error();
  again.leave();  // closed with the stream
  for (;;) {
    errno = 0;  // which is all that tells a failure from the end
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) return errno == 0 ? std::error_code() : last_error();
    if (looks-- == 0 || !each(number, entry->d_name)) return {};
  }
#endif
}

inline bool is_self_or_above(const char* name) noexcept {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

USAGE_STATS_INLINE std::error_code remove_tree_at(int folder, const char* name, int depth) {
  if (::unlinkat(folder, name, 0) == 0) return {};
  if (errno != EISDIR && errno != EPERM) return last_error();
  if (depth == 0) return std::make_error_code(std::errc::too_many_symbolic_link_levels);
  const Descriptor inner = open_at(folder, name, O_RDONLY | O_DIRECTORY);
  if (!inner) return last_error();
  // Anything that is left, for whatever reason, prevents the folder from being removed.
  for_each_name(inner.get(), static_cast<std::size_t>(-1), [&](int, const char* each) {
    if (!is_self_or_above(each)) remove_tree_at(inner.get(), each, depth - 1);
    return true;
  });
  return ::unlinkat(folder, name, AT_REMOVEDIR) == 0 ? std::error_code() : last_error();
}

}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
