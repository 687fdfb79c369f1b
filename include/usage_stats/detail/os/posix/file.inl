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
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif
#include <unistd.h>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "parts/file_access.inl"
#include "parts/path.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
struct Folder::Impl {
  posix::Descriptor descriptor;
  std::string path;
  uid_t owner;  // everything in it must belong to them
  bool is_new = false;
};

USAGE_STATS_INLINE Folder::Folder() noexcept = default;
USAGE_STATS_INLINE Folder::~Folder() = default;
USAGE_STATS_INLINE Folder::Folder(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder::Folder(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder::operator bool() const noexcept { return impl_ != nullptr; }
USAGE_STATS_INLINE std::filesystem::path Folder::path() const { return impl_->path; }
USAGE_STATS_INLINE bool Folder::is_new() const noexcept { return impl_->is_new; }

USAGE_STATS_INLINE Folder Folder::open(const std::filesystem::path& given, bool create, std::error_code& error) {
  if (!given.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Folder();
  std::string path = given.native();
  if (!posix::is_normal(path)) path = posix::without_slash(given.lexically_normal().native());
  if (path.find_first_not_of('/') == std::string::npos) return error = refused(Refusal::root), Folder();
  error.clear();
  posix::Descriptor descriptor = posix::open_without_links(path.c_str(), O_RDONLY | O_DIRECTORY);
  const bool missing = !descriptor && errno == ENOENT;
  if (!descriptor && !posix::may_have_links(errno) && !(missing && create)) error = posix::last_error();
  if (missing && create) error = posix::check_home_exists(path);
  if (error) return Folder();
  posix::Way way;
  bool is_new = false;
  if (!descriptor) {
    error = way.go(path, create, false);
    if (!error) descriptor = posix::open_at(way.folder(), way.name().c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor && !error && errno == ENOENT && create) {
    descriptor = posix::make_folder(way.folder(), way.name().c_str(), error);
    is_new = static_cast<bool>(descriptor);
    if (error == std::errc::file_exists) {
      error.clear();
      descriptor = posix::open_at(way.folder(), way.name().c_str(), O_RDONLY | O_DIRECTORY);
    }
  }
  if (!descriptor && !error) error = posix::last_error();
  posix::FileStatus status{};
  const uid_t user = ::geteuid();
  if (!error) error = posix::check_folder(descriptor.get(), user, status);
  if (!error) error = posix::check_place(descriptor.get(), user, status);
  Folder folder;
  if (!error) folder.impl_ = std::make_shared<const Impl>(Impl{std::move(descriptor), std::move(path), user, is_new});
  return folder;
}

USAGE_STATS_INLINE Folder Folder::folder(const std::string& name, bool create, std::error_code& error) const {
  const int parent = impl_->descriptor.get();
  error.clear();
  posix::Descriptor descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!descriptor && errno == ENOENT && create) {
    if (Folder made = make(name, error); made || error != std::errc::file_exists) return made;
    error.clear();
    descriptor = posix::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  }
  if (!descriptor) return error = posix::last_error(), Folder();
  posix::FileStatus status{};
  error = posix::check_folder(descriptor.get(), impl_->owner, status);
  if (error) return Folder();
  Folder inner;
  inner.impl_ =
      std::make_shared<const Impl>(Impl{std::move(descriptor), posix::below(impl_->path, name), impl_->owner});
  return inner;
}

USAGE_STATS_INLINE Folder Folder::make(const std::string& name, std::error_code& error) const {
  // This folder was checked when it was opened: nobody but us can have put anything here.
  posix::Descriptor descriptor = posix::make_checked_folder(impl_->descriptor.get(), name.c_str(), error);
  Folder inner;
  if (!error)
    inner.impl_ =
        std::make_shared<const Impl>(Impl{std::move(descriptor), posix::below(impl_->path, name), impl_->owner});
  return inner;
}

USAGE_STATS_INLINE bool Folder::is_private() const noexcept {
  posix::FileStatus status{};
  return posix::status_of(impl_->descriptor.get(), status) == 0 && (status.st_mode & 077) == 0;
}

namespace posix {

USAGE_STATS_INLINE Folder::Stamp stamp_of(const FileStatus& status) noexcept {
  Folder::Stamp stamp;
#if defined(__linux__)
  stamp.known = S_ISREG(status.st_mode);
  stamp.device = static_cast<std::uint64_t>(status.st_dev);
  stamp.number = static_cast<std::uint64_t>(status.st_ino);
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.modified_s = status.st_mtim.tv_sec;
  stamp.modified_ns = status.st_mtim.tv_nsec;
  stamp.changed_s = status.st_ctim.tv_sec;
  stamp.changed_ns = status.st_ctim.tv_nsec;
#else
  static_cast<void>(status);
#endif
  return stamp;
}

}  // namespace posix

USAGE_STATS_INLINE Folder::Stamp Folder::stamp(const std::string& name) const noexcept {
  posix::FileStatus status{};
  const bool there = posix::status_at(impl_->descriptor.get(), name.c_str(), status) == 0;
  return there && posix::is_ours(status, impl_->owner) ? posix::stamp_of(status) : Stamp();
}

USAGE_STATS_INLINE std::optional<std::string> Folder::read(const std::string& name, std::size_t limit,
                                                           std::error_code& error, Stamp* stamp) const {
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return error = posix::interrupted(), std::nullopt;
  posix::Descriptor opened;
  int file = own.may_lose_lock() ? own.find(impl_->descriptor.get(), name.c_str()) : -1;
  if (file < 0) {
    opened = posix::open_at(impl_->descriptor.get(), name.c_str(), O_RDONLY);
    file = opened.get();
  }
  posix::FileStatus status{};
  if (file < 0 || posix::status_of(file, status) != 0) return error = posix::last_error(), std::nullopt;
  if (!posix::is_ours(status, impl_->owner))
    return error = std::make_error_code(std::errc::operation_not_permitted), std::nullopt;
  if (stamp != nullptr) *stamp = posix::stamp_of(status);
  return posix::read_all(file, status, limit, error);
}

USAGE_STATS_INLINE std::error_code Folder::write(const std::string& name, std::string_view bytes, bool durable,
                                                 const std::function<bool()>& wanted) const {
  const int folder = impl_->descriptor.get();
  if (wanted && !wanted()) return std::make_error_code(std::errc::operation_canceled);
  std::string temporary;
  posix::Descriptor file = posix::make_temporary(folder, O_WRONLY, 0600, temporary);
  if (!file) return posix::last_error();
  std::error_code error = posix::fill(file, bytes, durable);
  file.close();
  if (!error && wanted && !wanted()) error = std::make_error_code(std::errc::operation_canceled);
  if (!error && ::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) error = posix::last_error();
  if (error) ::unlinkat(folder, temporary.c_str(), 0);
  return error;
}

USAGE_STATS_INLINE std::error_code Folder::replace(const std::string& name, std::string_view bytes,
                                                   bool durable) const {
  const int folder = impl_->descriptor.get();
  if (!exists(name)) return std::make_error_code(std::errc::no_such_file_or_directory);
  std::error_code error;
  std::string temporary;
  if (const posix::Descriptor file = posix::make_nameless(folder)) {
    if ((error = posix::fill(file, bytes, durable))) return error;
    temporary = posix::give_temporary_name(folder, file);
  }
  if (temporary.empty()) {
    const posix::Descriptor file = posix::make_temporary(folder, O_WRONLY, 0600, temporary);
    if (!file) return posix::last_error();
    error = posix::fill(file, bytes, durable);
  }
  if (!error) error = posix::put_in_place(folder, temporary.c_str(), name.c_str());
  ::unlinkat(folder, temporary.c_str(), 0);  // what stood there before, or what could not be put there
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
  posix::FileStatus status{};
  return posix::status_at(impl_->descriptor.get(), name.c_str(), status) == 0 || errno != ENOENT;
}

USAGE_STATS_INLINE bool Folder::is_gone() const noexcept {
  posix::FileStatus named{}, held{};
  if (posix::status_at(AT_FDCWD, impl_->path.c_str(), named) != 0) return errno == ENOENT || errno == ENOTDIR;
  return posix::status_of(impl_->descriptor.get(), held) == 0 &&
         (named.st_dev != held.st_dev || named.st_ino != held.st_ino);
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::size_t looks, std::error_code& error) const {
  std::vector<Entry> found;
  std::error_code first;
  error = posix::for_each_name(impl_->descriptor.get(), looks, [&](int folder, const char* name) {
    posix::FileStatus status{};
    if (found.size() >= limit) return false;
    if (posix::is_self_or_above(name) || !wanted(name)) return true;
    if (posix::status_at(folder, name, status) != 0) {
      if (errno != ENOENT && !first) first = posix::last_error();
      return true;
    }
    found.push_back({name, std::chrono::system_clock::from_time_t(status.st_mtime),
                     static_cast<std::uint64_t>(status.st_size), S_ISDIR(status.st_mode),
                     !S_ISDIR(status.st_mode) && status.st_nlink > 1,
                     !S_ISDIR(status.st_mode) && (status.st_mode & 077) != 0,
                     std::chrono::system_clock::from_time_t(status.st_ctime)});
    return found.size() < limit;
  });
  if (!error) error = first;
  return found;
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::size_t looks) const {
  std::error_code error;
  return list(limit, wanted, looks, error);
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::error_code& error) const {
  return list(limit, wanted, std::numeric_limits<std::size_t>::max(), error);
}

USAGE_STATS_INLINE std::vector<std::string> Folder::names(std::size_t limit, bool (*wanted)(std::string_view),
                                                          std::size_t looks) const {
  std::vector<std::string> found;
  posix::for_each_name(impl_->descriptor.get(), looks, [&](int, const char* name) {
    if (found.size() >= limit) return false;
    if (!posix::is_self_or_above(name) && wanted(name)) found.emplace_back(name);
    return found.size() < limit;
  });
  return found;
}

USAGE_STATS_INLINE std::error_code check_writable(const std::filesystem::path& given) {
  const std::filesystem::path path = posix::without_slash(given.lexically_normal().native());
  if (!path.is_absolute()) return std::make_error_code(std::errc::invalid_argument);
  posix::Way way;
  std::error_code error = posix::check_home_exists(path);
  if (!error) error = way.go(path, false, true);
  // If parts of it are missing, the path ends in the folder in which the first of them would be created.
  if (error && error != std::errc::no_such_file_or_directory) return error;
  if (way.folder() < 0 || (error && error.category() != std::generic_category())) return error;
  if (::faccessat(way.folder(), way.name().c_str(), W_OK | X_OK, 0) == 0) return {};
  if (errno != ENOENT) return posix::last_error();
  error = posix::check_keeper(way.folder());
  if (!error && ::faccessat(way.folder(), ".", W_OK | X_OK, 0) != 0) error = posix::last_error();
  return error;
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
  posix::FileStatus status{};
  const bool exists = posix::status_at(folder, name, status) == 0;
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
  FileStatus status{};
  if (status_of(file.get(), status) != 0) return error = last_error(), std::nullopt;
  if (!S_ISREG(status.st_mode)) return error = std::make_error_code(std::errc::invalid_argument), std::nullopt;
  return read_all(file.get(), status, limit, error);
}

/// A file of the system, wherever its links lead.
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

USAGE_STATS_INLINE std::optional<std::string> read_policy_file(const std::filesystem::path& path, std::size_t limit,
                                                               std::error_code& error) {
  return read_file(path, limit, error);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
