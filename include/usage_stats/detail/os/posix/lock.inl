#pragma once
// File locks. They end with the process however it ends, and no child inherits them.

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "file.inl"
#include "parts/forks.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

USAGE_STATS_INLINE struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace posix

struct LockedFile::Impl {
  posix::Descriptor descriptor;
  posix::Device device;
  posix::Inode inode;
  bool of_open_file = false;  // F_OFD_SETLK
  posix::ClosedInChildren::Place* in_children = nullptr;

  Impl(posix::Descriptor file, const posix::FileStatus& status) noexcept
      : descriptor(std::move(file)), device(status.st_dev), inode(status.st_ino) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const int number = descriptor.get();
    if (!posix::is_open(number, device, inode)) descriptor.leave();  // closed by the host: it may be a file of its own
    descriptor.close();
    if (in_children != nullptr) posix::ClosedInChildren::remove(*in_children, number);
  }

  /// POSIX drops a process's lock as soon as any descriptor of the file is closed, for example by a backup within the
  /// host. Linux's lock of an open file survives that (F_OFD_SETLK), but a forked child has the same open file.
  std::error_code lock_for_life() noexcept {
    struct flock lock = posix::whole_file(F_WRLCK);
#if defined(__linux__) && defined(F_OFD_SETLK)
    if (posix::forks_are_seen()) in_children = posix::ClosedInChildren::instance().add(descriptor.get(), device, inode);
    of_open_file = in_children != nullptr && ::fcntl(descriptor.get(), F_OFD_SETLK, &lock) == 0;
    if (of_open_file) return {};
#endif
    return ::fcntl(descriptor.get(), F_SETLK, &lock) == 0 ? std::error_code() : posix::last_error();
  }
};

USAGE_STATS_INLINE LockedFile::LockedFile() noexcept = default;
USAGE_STATS_INLINE LockedFile::~LockedFile() { release(); }
USAGE_STATS_INLINE LockedFile::LockedFile(LockedFile&&) noexcept = default;
USAGE_STATS_INLINE LockedFile& LockedFile::operator=(LockedFile&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
USAGE_STATS_INLINE LockedFile::operator bool() const noexcept { return impl_ != nullptr; }

USAGE_STATS_INLINE LockedFile LockedFile::create(const Folder& folder, const std::string& name, std::string_view bytes,
                                                 std::error_code& error) {
  const int parent = folder.impl_->descriptor.get();
  std::string temporary;
  posix::Descriptor low = posix::make_temporary(parent, O_RDWR | O_APPEND, 0600, temporary);
  if (!low) return error = posix::last_error(), LockedFile();
  // Open for the whole run: with a high number, so that the host's own descriptors keep the numbers they would have
  // without us.
  posix::Descriptor file(::fcntl(low.get(), F_DUPFD_CLOEXEC, 100));
  low.close();
  posix::FileStatus status{};
  error = !file || posix::status_of(file.get(), status) != 0 ? posix::last_error() : std::error_code();
  if (!error && (status.st_mode & 07777) != 0600) error = posix::set_mode(file.get(), 0600);
  LockedFile result;
  if (!error) result.impl_ = std::make_unique<Impl>(std::move(file), status);
  if (!error) error = result.impl_->lock_for_life();
  if (!error) error = posix::write_all(result.impl_->descriptor.get(), bytes);
  // From the moment it has its name, nobody in this process may open it.
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard && !error) error = posix::interrupted();
  if (!error) own.files.reserve(own.files.size() + 1);
  if (!error && ::renameat(parent, temporary.c_str(), parent, name.c_str()) != 0) error = posix::last_error();
  if (error) return ::unlinkat(parent, temporary.c_str(), 0), LockedFile();
  own.files.push_back({status.st_dev, status.st_ino, result.impl_->descriptor.get(), !result.impl_->of_open_file});
  return result;
}

USAGE_STATS_INLINE LockedFile LockedFile::acquire(const Folder& folder, const std::string& name, bool create,
                                                  Attempt& attempt, std::error_code& error) {
  const auto refuse = [&](Attempt what, std::error_code why) { return attempt = what, error = why, LockedFile(); };
  const int parent = folder.impl_->descriptor.get();
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return refuse(Attempt::failed, posix::interrupted());
  if (own.find(parent, name.c_str()) >= 0) return refuse(Attempt::locked_elsewhere, {});
  own.files.reserve(own.files.size() + 1);
  posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR | O_APPEND);
  if (!file && errno == ENOENT && create) {
    file = posix::open_at(parent, name.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0600);
    if (file)
      posix::set_mode(file.get(), 0600);
    else if (errno == EEXIST)
      file = posix::open_at(parent, name.c_str(), O_RDWR | O_APPEND);
  }
  posix::FileStatus status{};
  if (!file || posix::status_of(file.get(), status) != 0) return refuse(Attempt::failed, posix::last_error());
  if (!posix::is_ours(status, folder.impl_->owner))
    return refuse(Attempt::failed, std::make_error_code(std::errc::operation_not_permitted));
  struct flock lock = posix::whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_SETLK, &lock) != 0)
    return refuse(errno == EACCES || errno == EAGAIN ? Attempt::locked_elsewhere : Attempt::failed,
                  posix::last_error());
  LockedFile result;
  result.impl_ = std::make_unique<Impl>(std::move(file), status);
  own.files.push_back({status.st_dev, status.st_ino, result.impl_->descriptor.get()});
  attempt = Attempt::locked;
  error.clear();
  return result;
}

USAGE_STATS_INLINE LockedFile::Look LockedFile::look(const Folder& folder, const std::string& name) noexcept {
  const int parent = folder.impl_->descriptor.get();
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  // (A lock of an open file is one of another's for F_GETLK, too.)
  if (!guard || (own.may_lose_lock() && own.find(parent, name.c_str()) >= 0)) return Look::locked;
  const posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR);
  if (!file && errno == ENOENT) return Look::missing;
  // A file that cannot be examined may be locked; a link, a pipe or a folder is not.
  if (!file) return errno != ELOOP && errno != ENXIO && errno != EISDIR && errno != ENOTDIR ? Look::locked : Look::free;
  struct flock lock = posix::whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_GETLK, &lock) != 0) return Look::unknown;
  return lock.l_type != F_UNLCK ? Look::locked : Look::free;
}

USAGE_STATS_INLINE bool LockedFile::was_kept() const noexcept {
  return impl_ && impl_->of_open_file && posix::is_open(impl_->descriptor.get(), impl_->device, impl_->inode);
}

USAGE_STATS_INLINE bool LockedFile::still_named(const Folder& folder, const std::string& name) const noexcept {
  posix::FileStatus status{};
  return impl_ && posix::status_at(folder.impl_->descriptor.get(), name.c_str(), status) == 0 &&
         status.st_dev == impl_->device && status.st_ino == impl_->inode;
}

USAGE_STATS_INLINE std::error_code LockedFile::append(std::string_view bytes) noexcept {
  const int number = impl_->descriptor.get();
  if (!posix::is_open(number, impl_->device, impl_->inode)) return std::make_error_code(std::errc::bad_file_descriptor);
  return posix::write_all(number, bytes);
}

USAGE_STATS_INLINE void LockedFile::release() noexcept {
  if (!impl_) return;
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return impl_.reset();  // what stays in the list is no open file, see find()
  own.remove(impl_->device, impl_->inode);
  impl_.reset();
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
