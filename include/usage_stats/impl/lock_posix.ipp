#pragma once
// Locks on files, by POSIX record locks: they end with the process however it ends, and no child inherits them.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bounded_lock.hpp"
#include "../platform.hpp"
#include "folder_posix.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {
namespace posix {

USAGE_STATS_INLINE struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace posix

struct LockedFile::Impl {
  int descriptor = -1;
  dev_t device = 0;
  ino_t inode = 0;
  pid_t owner = 0;
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
  LockedFile result;
  posix::Descriptor low = posix::make_temporary(parent, O_RDWR | O_APPEND, 0600, temporary);
  if (!low) return error = posix::last_error(), LockedFile();
  // Held for the whole run: far up, so that the host's own descriptors keep the numbers they would have without us.
  posix::Descriptor file(::fcntl(low.get(), F_DUPFD_CLOEXEC, 100));
  low.close();
  struct stat status {};
  struct flock lock = posix::whole_file(F_WRLCK);
  error = !file || ::fstat(file.get(), &status) != 0 || ::fcntl(file.get(), F_SETLK, &lock) != 0
              ? posix::last_error()
              : posix::write_all(file.get(), bytes);
  // From its name's first moment nobody in this process may open it.
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard && !error) error = posix::interrupted();
  if (!error) own.files.reserve(own.files.size() + 1);
  if (!error && ::renameat(parent, temporary.c_str(), parent, name.c_str()) != 0) error = posix::last_error();
  if (error) return ::unlinkat(parent, temporary.c_str(), 0), LockedFile();
  own.files.push_back({status.st_dev, status.st_ino, file.get()});
  result.impl_ = std::make_unique<Impl>(Impl{file.leave(), status.st_dev, status.st_ino, ::getpid()});
  return result;
}

USAGE_STATS_INLINE LockedFile LockedFile::acquire(const Folder& folder, const std::string& name, bool create,
                                                  Outcome& outcome, std::error_code& error) {
  const int parent = folder.impl_->descriptor.get();
  outcome = Outcome::failed;
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return error = posix::interrupted(), LockedFile();
  outcome = Outcome::held_by_another;
  if (own.find(parent, name.c_str()) >= 0) return LockedFile();
  outcome = Outcome::failed;
  posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR | O_APPEND | (create ? O_CREAT : 0), 0600);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return error = posix::last_error(), LockedFile();
  if (!posix::is_ours(status)) {
    error = std::make_error_code(std::errc::operation_not_permitted);
    return LockedFile();
  }
  struct flock lock = posix::whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_SETLK, &lock) != 0) {
    if (errno == EACCES || errno == EAGAIN) outcome = Outcome::held_by_another;
    return error = posix::last_error(), LockedFile();
  }
  outcome = Outcome::locked;
  error.clear();
  own.files.push_back({status.st_dev, status.st_ino, file.get()});
  LockedFile result;
  result.impl_ = std::make_unique<Impl>(Impl{file.leave(), status.st_dev, status.st_ino, ::getpid()});
  return result;
}

USAGE_STATS_INLINE bool LockedFile::held(const Folder& folder, const std::string& name) noexcept {
  const int parent = folder.impl_->descriptor.get();
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard || own.find(parent, name.c_str()) >= 0) return true;
  const posix::Descriptor file = posix::open_at(parent, name.c_str(), O_RDWR);
  // What cannot be looked at may be held; what is gone, or a link, a pipe or a folder, is not.
  if (!file) return errno != ENOENT && errno != ELOOP && errno != ENXIO && errno != EISDIR && errno != ENOTDIR;
  struct flock lock = posix::whole_file(F_WRLCK);
  return ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

USAGE_STATS_INLINE bool LockedFile::stands_as(const Folder& folder, const std::string& name) const noexcept {
  struct stat status {};
  return impl_ && ::fstatat(folder.impl_->descriptor.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         status.st_dev == impl_->device && status.st_ino == impl_->inode;
}

USAGE_STATS_INLINE std::error_code LockedFile::append(std::string_view bytes) const noexcept {
  return posix::write_all(impl_->descriptor, bytes);
}

USAGE_STATS_INLINE void LockedFile::release() noexcept {
  if (!impl_) return;
  auto& own = per_process<posix::OwnLocks>();
  const auto guard = lock_or_give_up(own.mutex);
  if (!guard) return impl_.reset();  // the process ends, and the lock with it
  own.remove(impl_->device, impl_->inode);
  struct stat status {};
  const bool still_ours =
      ::fstat(impl_->descriptor, &status) == 0 && status.st_dev == impl_->device && status.st_ino == impl_->inode;
  if (still_ours) ::close(impl_->descriptor);  // else the host has closed it, and the number may be a file of the host
  impl_.reset();
}

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
