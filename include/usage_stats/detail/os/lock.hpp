#pragma once
// Files that are locked for as long as their process lives.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "../../macros.hpp"
#include "file.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// A file with an exclusive lock that ends with the process however it ends, and that no child inherits (but see
/// posix::ClosedInChildren). If the host's code has closed its descriptor, that is noticed, and release() then touches
/// nothing. Movable.
class LockedFile {
 public:
  enum class Attempt { locked, locked_elsewhere, failed };

  LockedFile() noexcept;
  ~LockedFile();  // release()
  LockedFile(LockedFile&&) noexcept;
  LockedFile& operator=(LockedFile&&) noexcept;

  /// A new file with `bytes` in it that is locked before it is visible under its name. On Linux, the lock survives even
  /// if the host opens and closes the file.
  static LockedFile create(const Folder&, const std::string& name, std::string_view bytes, std::error_code&);
  /// Locks a file without waiting; with `create`, a missing one is created. A file that this process has already locked
  /// counts as locked by another.
  static LockedFile acquire(const Folder&, const std::string& name, bool create, Attempt&, std::error_code&);
  /// Whether another process holds the lock, without taking it; also true if that is unknown.
  static bool is_locked(const Folder& folder, const std::string& name) noexcept {
    const Look found = look(folder, name);
    return found == Look::locked || found == Look::unknown;
  }
  enum class Look { missing, free, locked, unknown };
  static Look look(const Folder&, const std::string& name) noexcept;
  /// The process that holds the lock and was stopped or frozen, so that it does nothing until somebody continues it; 0:
  /// none, or unknown (always outside Linux).
  static std::int64_t stopped_holder(const Folder&, const std::string& name) noexcept;
  /// Whether the process that holds the lock makes no progress, so that waiting is pointless: it was stopped, or
  /// nothing is known about it (on another machine, in another container; always outside Linux).
  static bool is_stuck(const Folder&, const std::string& name) noexcept;
  /// Why a file created in this folder, or in the nearest existing one above it, could not be written or locked now:
  /// what could not be done, and the system's reason. No reason: it could, or that is unknown (no O_TMPFILE). Nothing
  /// is left behind.
  static const char* problem_in(const std::filesystem::path& folder, std::error_code& reason);

  explicit operator bool() const noexcept;
  /// Whether nobody on this machine can have had the lock since; false if the host has closed the file's descriptor.
  bool was_kept() const noexcept;
  /// Whether the locked file still has that name, and not another that has been moved there.
  bool still_named(const Folder&, const std::string& name) const noexcept;
  /// Appends bytes in one write; an error if the host has closed the file's descriptor.
  std::error_code append(std::string_view bytes) noexcept;
  void release() noexcept;

 private:
  friend class SignalWatch;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
