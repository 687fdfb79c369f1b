#pragma once
// The status of a file, with the 64 bits that its inode and size may need. On 32-bit systems the plain functions fail
// there with EOVERFLOW, unless everything was compiled with _FILE_OFFSET_BITS=64, which no header can ask for: the
// system's may have been included before it.

#include <cstdint>
#include <type_traits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "../../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

#if defined(__GLIBC__) && defined(__USE_LARGEFILE64) && !defined(__USE_FILE_OFFSET64) && __WORDSIZE == 32
using FileStatus = struct stat64;
using Offset = off64_t;
constexpr int large_file = O_LARGEFILE;
inline int status_of(int file, FileStatus& status) noexcept { return ::fstat64(file, &status); }
inline int status_at(int folder, const char* name, FileStatus& status, int flags = AT_SYMLINK_NOFOLLOW) noexcept {
  return ::fstatat64(folder, name, &status, flags);
}
inline Offset position_of(int file) noexcept { return ::lseek64(file, 0, SEEK_CUR); }
inline ssize_t read_at(int file, void* into, std::size_t size, Offset at) noexcept {
  return ::pread64(file, into, size, at);
}
#else
using FileStatus = struct stat;
using Offset = off_t;
constexpr int large_file = 0;
inline int status_of(int file, FileStatus& status) noexcept { return ::fstat(file, &status); }
inline int status_at(int folder, const char* name, FileStatus& status, int flags = AT_SYMLINK_NOFOLLOW) noexcept {
  return ::fstatat(folder, name, &status, flags);
}
inline Offset position_of(int file) noexcept { return ::lseek(file, 0, SEEK_CUR); }
inline ssize_t read_at(int file, void* into, std::size_t size, Offset at) noexcept {
  return ::pread(file, into, size, at);
}
#endif
using Device = decltype(FileStatus::st_dev);
using Inode = decltype(FileStatus::st_ino);

/// What tells a file from others, as numbers that are the same whatever the system makes them of: signed, or of 32
/// bits.
struct Identity {
  template <class Number>
  static constexpr std::uint64_t of(Number number) noexcept {
    if constexpr (std::is_same_v<Number, std::uint64_t>)
      return number;
    else
      return static_cast<std::uint64_t>(number);
  }
  explicit Identity(const FileStatus& status) noexcept : device(of(status.st_dev)), inode(of(status.st_ino)) {}
  std::uint64_t device, inode;
};

/// Of a path; links are followed.
inline int status_of(const char* path, FileStatus& status) noexcept { return status_at(AT_FDCWD, path, status, 0); }

}  // namespace posix
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
