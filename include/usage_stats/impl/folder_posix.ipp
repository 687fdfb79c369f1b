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

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {
namespace posix {

USAGE_STATS_INLINE std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

/// Of a lock that is not to be had, see lock_or_give_up().
USAGE_STATS_INLINE std::error_code interrupted() noexcept {
  return std::make_error_code(std::errc::resource_deadlock_would_occur);
}

/// An owned descriptor. Never 0, 1 or 2: where the host has closed a standard stream, its next output would land in
/// our file.
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

USAGE_STATS_INLINE Descriptor open_at(int folder, const char* name, int flags, mode_t mode = 0) noexcept {
  int number = -1;
  do {
    number = ::openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode);
  } while (number < 0 && errno == EINTR);
  return Descriptor(number);
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

/// Ours: a regular file with one name, owned by the effective user. Links and pipes in its place are refused. A file
/// without a name has been replaced since it was opened.
USAGE_STATS_INLINE bool is_ours(const struct stat& status) noexcept {
  return S_ISREG(status.st_mode) && status.st_uid == ::geteuid() && status.st_nlink <= 1;
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

USAGE_STATS_INLINE std::error_code check_folder(int folder, bool top) noexcept {
  struct stat status {};
  if (::fstat(folder, &status) != 0) return last_error();
  if (!S_ISDIR(status.st_mode)) return std::make_error_code(std::errc::not_a_directory);
  if (status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
    return std::make_error_code(std::errc::operation_not_permitted);
  if ((status.st_mode & 055) != 0 && ::fchmod(folder, 0700) != 0) return last_error();
  if (!top) return {};
  // Who can rename our folder away could show us another one: the parent must be ours or root's, or sticky.
  if (::fstatat(folder, "..", &status, 0) != 0) return last_error();
  const bool trusted = status.st_uid == ::geteuid() || status.st_uid == 0;
  if (!trusted || ((status.st_mode & 002) != 0 && (status.st_mode & S_ISVTX) == 0))
    return std::make_error_code(std::errc::operation_not_permitted);
  return {};
}

/// Makes the folders that are missing (0700), but not in somebody else's folder: under sudo with the user's HOME they
/// would be root's, and shut the user out for good.
USAGE_STATS_INLINE std::error_code make_folders(const std::filesystem::path& path) {
  std::filesystem::path made;
  struct stat status {};
  for (const auto& part : path) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) != 0) {
      const std::error_code error = last_error();
      if (::stat(made.c_str(), &status) != 0) return error;
    } else if (status.st_uid != ::geteuid() && status.st_uid != 0) {
      ::rmdir(made.c_str());
      return std::make_error_code(std::errc::operation_not_permitted);
    }
  }
  return {};
}

/// Makes the folders that are missing, each with the owner of the one above: under sudo with the user's HOME they are
/// to be the user's. `last` is what the innermost is.
USAGE_STATS_INLINE std::error_code make_folders_of_owner(const std::filesystem::path& path, struct stat& last) {
  std::filesystem::path made;
  for (const auto& part : path) {
    made /= part;
    const struct stat above = last;
    const bool fresh = ::mkdir(made.c_str(), 0777) == 0;
    const std::error_code error = last_error();
    if (fresh && ::geteuid() == 0 && ::lchown(made.c_str(), above.st_uid, above.st_gid) != 0) return last_error();
    if (::stat(made.c_str(), &last) != 0) return fresh ? last_error() : error;
  }
  return {};
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

/// Behind a slash, or "/.", the system would follow a link.
USAGE_STATS_INLINE std::string without_slash(std::string path) {
  while (path.size() > 1 && (path.back() == '/' || path.compare(path.size() - 2, 2, "/.") == 0)) path.pop_back();
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

USAGE_STATS_INLINE Folder Folder::open(const std::filesystem::path& given, bool create, std::error_code& error) {
  Folder folder;
  if (!given.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Folder();
  const std::filesystem::path path = posix::without_slash(given.native());
  if (!path.has_relative_path()) return error = std::make_error_code(std::errc::operation_not_permitted), Folder();
  posix::Descriptor descriptor = posix::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!descriptor && errno == ENOENT && create) {
    error = posix::make_folders(path);
    if (error) return Folder();
    descriptor = posix::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor) return error = posix::last_error(), Folder();
  error = posix::check_folder(descriptor.get(), true);
  if (error) return Folder();
  folder.impl_ = std::make_unique<Impl>(Impl{std::move(descriptor), path});
  return folder;
}

USAGE_STATS_INLINE Folder Folder::folder(const std::string& name, bool create, std::error_code& error) const {
  const int parent = impl_->descriptor.get();
  posix::Descriptor descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!descriptor && errno == ENOENT && create) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return error = posix::last_error(), Folder();
    descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor) return error = posix::last_error(), Folder();
  error = posix::check_folder(descriptor.get(), false);
  if (error) return Folder();
  Folder inner;
  inner.impl_ = std::make_unique<Impl>(Impl{std::move(descriptor), impl_->path / name});
  return inner;
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
  std::error_code error = posix::write_all(file.get(), bytes);
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
                     static_cast<std::uint64_t>(status.st_size), S_ISDIR(status.st_mode)});
  }
  ::closedir(entries);
  return found;
}

USAGE_STATS_INLINE std::error_code replace_file(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code error;
  std::filesystem::path target = path;
  for (int links = 0; links < 16 && std::filesystem::is_symlink(target, error); ++links) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) return error;
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  struct stat status {};
  error = posix::make_folders_of_owner(target.parent_path(), status);
  if (error) return error;
  const bool exists = ::stat(target.c_str(), &status) == 0;
  const posix::Descriptor folder(::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return posix::last_error();
  std::string temporary;
  posix::Descriptor file = posix::make_temporary(folder.get(), O_WRONLY, exists ? 0600 : 0666, temporary);
  if (!file) return posix::last_error();
  if (exists && ::fchmod(file.get(), status.st_mode & 07777) != 0) error = posix::last_error();
  if (::geteuid() == 0 && ::fchown(file.get(), status.st_uid, status.st_gid) != 0) error = posix::last_error();
  if (!error) error = posix::write_all(file.get(), bytes);
  if (!error && ::fsync(file.get()) != 0) error = posix::last_error();
  file.close();
  if (!error && ::renameat(folder.get(), temporary.c_str(), folder.get(), target.filename().c_str()) != 0)
    error = posix::last_error();
  if (error) ::unlinkat(folder.get(), temporary.c_str(), 0);
  return error;
}

USAGE_STATS_INLINE std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t limit,
                                                        std::error_code& error) {
  int number = -1;
  do {
    number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  } while (number < 0 && errno == EINTR);
  const posix::Descriptor file(number);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return error = posix::last_error(), std::nullopt;
  if (!S_ISREG(status.st_mode)) return error = std::make_error_code(std::errc::invalid_argument), std::nullopt;
  return posix::read_all(file.get(), static_cast<std::size_t>(status.st_size), limit, error);
}

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
