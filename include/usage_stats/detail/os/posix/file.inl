#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "parts/path.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// Of a lock that is not to be had, see lock_or_give_up().
USAGE_STATS_INLINE std::error_code interrupted() noexcept {
  return std::make_error_code(std::errc::resource_deadlock_would_occur);
}

/// Whether a file may grow by so much (RLIMIT_FSIZE). Trying more than that raises SIGXFSZ, which would end the host.
USAGE_STATS_INLINE bool may_grow(int file, std::size_t count) noexcept {
  struct rlimit limit {};
  struct stat status {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return true;
  const off_t end = std::max(status.st_size, ::lseek(file, 0, SEEK_CUR));
  return static_cast<rlim_t>(end) + count <= limit.rlim_cur;
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

USAGE_STATS_INLINE std::optional<std::string> read_all(int file, std::size_t size, std::size_t limit,
                                                       std::error_code& error) {
  if (size > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
  std::string bytes(size + 1, '\0');  // a byte more, to see a file that grows
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) {
      if (used > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
      bytes.resize(used * 2);
    }
    const ssize_t count = ::pread(file, &bytes[used], bytes.size() - used, static_cast<off_t>(used));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error = last_error(), std::nullopt;
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  if (used > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
  bytes.resize(used);
  error.clear();
  return bytes;
}

/// Ours: a regular file owned by the effective user. Links and pipes in its place are refused. A second name is no
/// attack, since nobody else can have put it into our folder: backups that link (cp -al) have it elsewhere.
USAGE_STATS_INLINE bool is_ours(const struct stat& status) noexcept {
  return S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
}

/// Whether a descriptor is still that file, as far as this machine knows: a file server that is away is not asked.
USAGE_STATS_INLINE bool is_open(int descriptor, dev_t device, ino_t inode) noexcept {
#if defined(__linux__) && defined(STATX_INO) && defined(AT_STATX_DONT_SYNC)
  struct statx known {};
  if (::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &known) == 0)
    return known.stx_ino == inode && makedev(known.stx_dev_major, known.stx_dev_minor) == device;
#endif
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/// An existing folder's mode is its owner's affair as long as nobody else can write there: it is looked at, not
/// changed.
USAGE_STATS_INLINE std::error_code check_folder(int folder) noexcept {
  struct stat status {};
  if (::fstat(folder, &status) != 0) return last_error();
  if (!S_ISDIR(status.st_mode)) return std::make_error_code(std::errc::not_a_directory);
  if (status.st_uid != ::geteuid()) return refused(Refusal::anothers);
  return (status.st_mode & 022) != 0 ? refused(Refusal::others_may_write) : std::error_code();
}

/// Who can rename our folder away could show us another one. The root of the file system lies in itself.
USAGE_STATS_INLINE std::error_code check_place(int folder) noexcept {
  struct stat status {
  }, above{};
  if (::fstat(folder, &status) != 0 || ::fstatat(folder, "..", &above, 0) != 0) return last_error();
  if (status.st_dev == above.st_dev && status.st_ino == above.st_ino) return refused(Refusal::root);
  return check_keeper(above);
}

/// Files that this process has locked. POSIX drops a lock when any descriptor of the file is closed, so such a file
/// must not even be opened again: it is read by the descriptor that holds the lock.
struct OwnLocks {
  struct File {
    dev_t device;
    ino_t inode;
    int descriptor;
  };
  std::mutex mutex;  // also held while another file is open, which might be locked meanwhile
  std::vector<File> files;

  /// The descriptor that holds the lock, or -1. Call it with the mutex held.
  int find(int folder, const char* name) const noexcept {
    struct stat status {};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    for (const File& file : files)
      if (file.device == status.st_dev && file.inode == status.st_ino &&
          is_open(file.descriptor, file.device, file.inode))  // not closed by the host, nor left in a hurry
        return file.descriptor;
    return -1;
  }
  /// Call it with the mutex held.
  void remove(dev_t device, ino_t inode) {
    for (auto file = files.begin(); file != files.end(); ++file)
      if (file->device == device && file->inode == inode) return static_cast<void>(files.erase(file));
  }
};

/// A new file under a name that nobody uses; `name` is set to it.
USAGE_STATS_INLINE Descriptor make_temporary(int folder, int flags, mode_t mode, std::string& name) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 32; ++attempt) {
    name = ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    if (Descriptor file = open_at(folder, name.c_str(), flags | O_CREAT | O_EXCL, mode)) return file;
    if (errno != EEXIST) break;
  }
  return Descriptor();
}

USAGE_STATS_INLINE std::error_code remove_tree_at(int folder, const char* name, int depth) {
  if (::unlinkat(folder, name, 0) == 0) return {};
  if (errno != EISDIR && errno != EPERM) return last_error();
  if (depth == 0) return std::make_error_code(std::errc::too_many_symbolic_link_levels);
  Descriptor inner = open_at(folder, name, O_RDONLY | O_DIRECTORY);
  if (!inner) return last_error();
  const int number = inner.get();
  DIR* const entries = ::fdopendir(inner.leave());
  if (entries == nullptr) return last_error();
  while (const dirent* const entry = ::readdir(entries)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    remove_tree_at(number, entry->d_name, depth - 1);
  }
  ::closedir(entries);
  return ::unlinkat(folder, name, AT_REMOVEDIR) == 0 ? std::error_code() : last_error();
}

/// Behind a slash the system would follow a link.
USAGE_STATS_INLINE std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace posix

struct Folder::Impl {
  posix::Descriptor descriptor;
  std::filesystem::path path;
};

USAGE_STATS_INLINE Folder::Folder() noexcept = default;
USAGE_STATS_INLINE Folder::~Folder() = default;
USAGE_STATS_INLINE Folder::Folder(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder::operator bool() const noexcept { return impl_ != nullptr; }
USAGE_STATS_INLINE const std::filesystem::path& Folder::path() const noexcept { return impl_->path; }

USAGE_STATS_INLINE Folder Folder::open(const std::filesystem::path& given, bool create, std::error_code& error,
                                       bool* made) {
  if (made != nullptr) *made = false;
  if (!given.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Folder();
  const std::filesystem::path path = posix::without_slash(given.lexically_normal().native());
  if (!path.has_relative_path()) return error = refused(Refusal::root), Folder();
  error.clear();
  posix::Descriptor descriptor = posix::open_without_links(path.c_str(), O_RDONLY | O_DIRECTORY);
  const bool missing = !descriptor && errno == ENOENT;
  if (!descriptor && !posix::may_have_links(errno) && !(missing && create)) error = posix::last_error();
  if (missing && create) error = posix::check_home_exists(path);
  if (error) return Folder();
  posix::Way way;
  if (!descriptor) {
    error = way.go(path, create, false);
    if (!error) descriptor = posix::open_at(way.folder(), way.name().c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor && !error && errno == ENOENT && create) {
    descriptor = posix::make_folder(way.folder(), way.name().c_str(), error);
    if (made != nullptr) *made = static_cast<bool>(descriptor);
    if (error == std::errc::file_exists) {
      error.clear();
      descriptor = posix::open_at(way.folder(), way.name().c_str(), O_RDONLY | O_DIRECTORY);
    }
  }
  if (!descriptor && !error) error = posix::last_error();
  if (!error) error = posix::check_folder(descriptor.get());
  if (!error) error = posix::check_place(descriptor.get());
  Folder folder;
  if (!error) folder.impl_ = std::make_unique<Impl>(Impl{std::move(descriptor), path});
  return folder;
}

USAGE_STATS_INLINE Folder Folder::folder(const std::string& name, bool create, std::error_code& error) const {
  const int parent = impl_->descriptor.get();
  error.clear();
  posix::Descriptor descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!descriptor && errno == ENOENT && create) {
    descriptor = posix::make_folder(parent, name.c_str(), error);
    if (error && error != std::errc::file_exists) return Folder();
    if (!descriptor) descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor) return error = posix::last_error(), Folder();
  error = posix::check_folder(descriptor.get());
  if (error) return Folder();
  Folder inner;
  inner.impl_ = std::make_unique<Impl>(Impl{std::move(descriptor), impl_->path / name});
  return inner;
}

USAGE_STATS_INLINE bool Folder::is_private() const noexcept {
  struct stat status {};
  return ::fstat(impl_->descriptor.get(), &status) == 0 && (status.st_mode & 077) == 0;
}

USAGE_STATS_INLINE std::optional<std::string> Folder::read(const std::string& name, std::size_t limit,
                                                           std::error_code& error) const {
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return error = posix::interrupted(), std::nullopt;
  posix::Descriptor opened;
  int file = own.find(impl_->descriptor.get(), name.c_str());
  if (file < 0) {
    opened = posix::open_at(impl_->descriptor.get(), name.c_str(), O_RDONLY);
    file = opened.get();
  }
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) return error = posix::last_error(), std::nullopt;
  if (!posix::is_ours(status)) return error = std::make_error_code(std::errc::operation_not_permitted), std::nullopt;
  return posix::read_all(file, static_cast<std::size_t>(status.st_size), limit, error);
}

USAGE_STATS_INLINE std::error_code Folder::write(const std::string& name, std::string_view bytes, bool durable,
                                                 const std::function<bool()>& wanted) const {
  const int folder = impl_->descriptor.get();
  std::string temporary;
  posix::Descriptor file = posix::make_temporary(folder, O_WRONLY, 0600, temporary);
  if (!file) return posix::last_error();
  std::error_code error = posix::set_mode(file.get(), 0600);
  if (!error) error = posix::write_all(file.get(), bytes);
  if (!error && durable && ::fsync(file.get()) != 0) error = posix::last_error();
  file.close();
  if (!error && wanted && !wanted()) error = std::make_error_code(std::errc::operation_canceled);
  if (!error && ::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) error = posix::last_error();
  if (error) ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

USAGE_STATS_INLINE std::error_code Folder::move(const std::string& name, const Folder& to) const {
  const int result = ::renameat(impl_->descriptor.get(), name.c_str(), to.impl_->descriptor.get(), name.c_str());
  return result == 0 ? std::error_code() : posix::last_error();
}

USAGE_STATS_INLINE std::error_code Folder::remove(const std::string& name) const {
  return ::unlinkat(impl_->descriptor.get(), name.c_str(), 0) == 0 ? std::error_code() : posix::last_error();
}

USAGE_STATS_INLINE std::error_code Folder::remove_tree(const std::string& name) const {
  return posix::remove_tree_at(impl_->descriptor.get(), name.c_str(), 4);
}

USAGE_STATS_INLINE std::error_code Folder::remove_empty(const std::string& name) const {
  return ::unlinkat(impl_->descriptor.get(), name.c_str(), AT_REMOVEDIR) == 0 ? std::error_code() : posix::last_error();
}

USAGE_STATS_INLINE bool Folder::exists(const std::string& name) const noexcept {
  struct stat status {};
  return ::fstatat(impl_->descriptor.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

USAGE_STATS_INLINE bool Folder::is_gone() const noexcept {
  struct stat named {
  }, held{};
  if (::lstat(impl_->path.c_str(), &named) != 0) return errno == ENOENT || errno == ENOTDIR;
  return ::fstat(impl_->descriptor.get(), &held) == 0 && (named.st_dev != held.st_dev || named.st_ino != held.st_ino);
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::size_t looks) const {
  std::vector<Entry> found;
  posix::Descriptor again = posix::open_at(impl_->descriptor.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!again) return found;
  const int number = again.get();
  DIR* const entries = ::fdopendir(again.leave());
  if (entries == nullptr) return ::close(number), found;
  while (found.size() < limit && looks-- > 0) {
    const dirent* const entry = ::readdir(entries);
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || !wanted(name)) continue;
    struct stat status {};
    if (::fstatat(number, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    found.push_back({name, std::chrono::system_clock::from_time_t(status.st_mtime),
                     static_cast<std::uint64_t>(status.st_size), S_ISDIR(status.st_mode),
                     !S_ISDIR(status.st_mode) && status.st_nlink > 1,
                     !S_ISDIR(status.st_mode) && (status.st_mode & 077) != 0,
                     std::chrono::system_clock::from_time_t(status.st_ctime)});
  }
  ::closedir(entries);
  return found;
}

USAGE_STATS_INLINE std::error_code replace_file(const std::filesystem::path& given, std::string_view bytes) {
  const std::filesystem::path path = given.lexically_normal();
  if (!path.is_absolute()) return std::make_error_code(std::errc::invalid_argument);
  posix::Way way;
  std::error_code error = posix::check_home_exists(path);
  if (!error) error = way.go(path, true, true);
  if (!error) error = posix::check_keeper(way.folder());
  if (error) return error;
  const int folder = way.folder();
  const char* const name = way.name().c_str();
  struct stat status {};
  const bool exists = ::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && errno != ENOENT) return posix::last_error();
  if (exists && !S_ISREG(status.st_mode)) return std::make_error_code(std::errc::invalid_argument);
  std::string temporary;
  posix::Descriptor file = posix::make_temporary(folder, O_WRONLY, 0600, temporary);
  if (!file) return posix::last_error();
  if (::fchmod(file.get(), exists ? status.st_mode & 07777 : 0600) != 0) error = posix::last_error();
  if (!error) error = posix::write_all(file.get(), bytes);
  if (!error && ::fsync(file.get()) != 0) error = posix::last_error();
  file.close();
  if (!error && ::renameat(folder, temporary.c_str(), folder, name) != 0) error = posix::last_error();
  if (error) ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

namespace posix {

USAGE_STATS_INLINE std::optional<std::string> read_regular(const Descriptor& file, std::size_t limit,
                                                           std::error_code& error) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return error = last_error(), std::nullopt;
  if (!S_ISREG(status.st_mode)) return error = std::make_error_code(std::errc::invalid_argument), std::nullopt;
  return read_all(file.get(), static_cast<std::size_t>(status.st_size), limit, error);
}

/// A file that the system keeps, wherever its links lead.
USAGE_STATS_INLINE std::optional<std::string> read_system_file(const char* path, std::size_t limit,
                                                               std::error_code& error) {
  int number = -1;
  do {
    number = ::open(path, O_RDONLY | careful);
  } while (number < 0 && errno == EINTR);
  const Descriptor file(number);
  if (!file) return error = last_error(), std::nullopt;
  return read_regular(file, limit, error);
}

}  // namespace posix

USAGE_STATS_INLINE std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t limit,
                                                        std::error_code& error) {
  const posix::Descriptor file = posix::open_file(path, error);
  return file ? posix::read_regular(file, limit, error) : std::nullopt;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
