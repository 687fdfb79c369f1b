#pragma once
// Where this library is in memory, and how the program starts itself again.

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Whether this code address belongs to the main executable, so that starting the program again starts this library.
bool in_main_executable(const void* code) noexcept;
/// Whether the dynamic linker was told to run the program (`ld.so program`): to start this process's executable again
/// would start that.
bool started_by_loader() noexcept;
/// Keeps this library in memory until the process ends, even if it is part of a plugin that is unloaded: for a thread
/// that may have to be abandoned.
void keep_loaded() noexcept;
/// Before main, or when a plugin is loaded: what keep_loaded() needs of the dynamic linker, whose lock a fork's child
/// may not get; and which file the program is, where it is started again by no more than a path.
void note_own_file() noexcept;

/// How the program that is running is started once more.
struct SelfStart {
  std::string argument0;
  std::vector<std::pair<std::string, std::string>> variables;  // added to this process's environment
  std::string lock{};             // the path of a file that only one such process may have locked
  std::chrono::seconds life{60};  // Linux: an alarm ends it after so long, whatever keeps it from its work
};

/// A child process. Destroying the handle neither waits for it nor ends it.
class Child {
 public:
  explicit operator bool() const noexcept { return id_ != 0; }
  /// Whether it has ended; takes its exit status (POSIX: reaps it). Never blocks.
  bool ended() noexcept;

 private:
  friend Child start_self(const SelfStart&, std::error_code&);
  std::intptr_t id_ = 0;
};

/// Starts the program once more, in this process's folder; where only its path can be told (macOS, the BSDs) and there
/// is another file by now, nothing is started (std::errc::no_such_file_or_directory). It has a new session, the null
/// device as its three streams and no other descriptor but that of its lock. On Linux it has that before it is the
/// program, and where another process holds it, nothing is started (std::errc::device_or_resource_busy); elsewhere the
/// program has to take it. On Linux it is no child of this process, whose wait() must not find it, and the Child is
/// none; but where this process gets the children of those that have ended (the first one of a container) it is one,
/// and must be reaped.
Child start_self(const SelfStart&, std::error_code&);

/// Whether nothing that this process starts is sure to live longer than it: it is process 1 of a container, or a
/// child of a process 1 that may end with it, as all but real inits do. False where that cannot be told (no /proc).
bool ends_with_its_container() noexcept;
#if !defined(_WIN32)
/// The file of the program that is running, maybe by a link; empty where the system does not tell.
std::string own_executable();
#endif
/// Whether the file of the program that is running is found, to be started again.
bool finds_own_executable() noexcept;

/// What the uploader does first of all: new session, folder "/", no stray descriptors but that of the `lock` it was
/// started with, the lowest priority whatever the host's, all processors, and death by alarm after `limit`. Returns
/// whether it was started with the lock, also where that file has lost its name meanwhile.
bool become_background_process(std::chrono::seconds limit, const std::string& lock) noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
