#pragma once
// The file of the running program, so that it can be started again.

#include <cstdint>
#include <string>

#include <unistd.h>
#if defined(__APPLE__)
#include <libproc.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#elif defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__)
#include <sys/types.h>
#include <sys/sysctl.h>
#endif

#include "../../platform.hpp"
#include "file_status.inl"

// USAGE_STATS_START_BY_PATH: makes Linux behave like systems that can name a file only by its path. For tests.
USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

#if defined(__linux__) && !defined(USAGE_STATS_START_BY_PATH)

USAGE_STATS_INLINE std::string own_executable() { return "/proc/self/exe"; }

namespace posix {
/// This name leads to the running file, whatever has replaced it.
USAGE_STATS_INLINE void note_own_program() noexcept {}
USAGE_STATS_INLINE bool is_own_program(const std::string&) noexcept { return true; }
}  // namespace posix

#else

/// A path, which may lead to another program by now: see is_own_program().
USAGE_STATS_INLINE std::string own_executable() {
#if defined(__linux__)
  const auto* const path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));  // NOLINT(performance-no-int-to-ptr)
  return path == nullptr ? std::string() : path;
#elif defined(__APPLE__)
  std::string path(PROC_PIDPATHINFO_MAXSIZE, '\0');  // absolute, whatever folder the host has gone to
  const int size = ::proc_pidpath(::getpid(), path.data(), PROC_PIDPATHINFO_MAXSIZE);
  return path.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0);
#elif defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__)
#if defined(__NetBSD__)
  const int name[] = {CTL_KERN, KERN_PROC_ARGS, -1, KERN_PROC_PATHNAME};
#else
  const int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1};
#endif
  std::string path(4096, '\0');
  std::size_t size = path.size();
  return ::sysctl(name, 4, path.data(), &size, nullptr, 0) == 0 ? std::string(path.c_str()) : std::string();
#else
  return {};
#endif
}

namespace posix {

/// The program's file as it was before main.
struct OwnProgram {
  bool known = false;
  FileStatus status{};

  static OwnProgram& instance() noexcept {
    static OwnProgram program;
    return program;
  }
};

USAGE_STATS_INLINE void note_own_program() noexcept {
  OwnProgram& own = OwnProgram::instance();
  if (own.known) return;
  USAGE_STATS_TRY {
    const std::string path = own_executable();
    own.known = !path.empty() && status_of(path.c_str(), own.status) == 0;
  }
  USAGE_STATS_CATCH_ALL {}
}

/// Whether it is still the same file. Another program, put there by an update, may not have the uploader: its main
/// would run.
USAGE_STATS_INLINE bool is_own_program(const std::string& path) noexcept {
  const OwnProgram& own = OwnProgram::instance();
  FileStatus now{};
  return own.known && status_of(path.c_str(), now) == 0 && now.st_dev == own.status.st_dev &&
         now.st_ino == own.status.st_ino && now.st_size == own.status.st_size && now.st_mtime == own.status.st_mtime;
}

}  // namespace posix

#endif

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
