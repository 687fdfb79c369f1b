#pragma once
// How uploaders are started, and whether a run waits for its own.

#include <chrono>
#include <optional>
#include <string>

#include "../../options.hpp"
#include "../base/log.hpp"
#include "../os/platform.hpp"
#include "../store/storage.hpp"
#include "hook.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Whether this program can start itself as an uploader: the hook (or run_uploader) ran, from the main executable.
bool can_start_uploader() noexcept;

constexpr const char* cannot_start_itself =
    "this code is not part of the main executable (or run_uploader() was not called): reports wait; consider "
    "Delivery::in_process";

/// Whether some process is uploading from the folder now.
bool uploader_at_work(const Storage&) noexcept;

/// Takes the exit status of uploaders that were children of this process, so that it has at most one zombie.
void reap_uploaders();

/// Gets the reports of one run sent, as Options::delivery says: starts an uploader, waits for one, or uploads in this
/// process. The constructor's arguments must outlive it.
class Launcher {
 public:
  Launcher(const Options& options, const Log& log) noexcept : options_(options), log_(log) {}

  /// How a signal handler starts an uploader for the run; nothing if it must not start one.
  std::optional<os::SelfStart> start_for_signals(const Storage&, const Envelope&) const;
  /// Why the run's report will wait whatever the server answers; null if nothing prevents sending.
  const char* problem(const Envelope&) const noexcept;
  /// Collects vanished runs and prunes, in an uploader if one can be started.
  void run_maintenance(Storage&) const;
  /// An interim report has been written. Never waits for a process.
  void send_interim(Storage&, const Envelope&) const;
  /// The last report has been written. Waits as long as the options allow, and never for longer.
  void send_last(Storage&, const Envelope&) const;

 private:
  bool can_start() const noexcept;
  void wait_for(os::Child, const Storage&, const std::string& session_id, std::chrono::milliseconds limit) const;

  const Options& options_;
  const Log& log_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
