#pragma once
// Ends without a destructor: std::exit, std::quick_exit, an uncaught exception. os::SignalWatch handles signals; what
// leaves no trace at all (kill -9, _exit, a power cut) is found by the next uploader. Code in a shared library sees
// only std::exit and its own unloading.

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "run.hpp"

USAGE_STATS_BEGIN_NAMESPACE

class TelemetrySession;

namespace detail {

/// The runs of this process that have not ended, and how they learn of its end.
class Runs {
 public:
  /// The list of this process; a forked child has an empty one.
  static Runs& instance();

  void add(TelemetrySession*, std::shared_ptr<Run>);
  void remove(const TelemetrySession*) noexcept;
  /// The session is gone and its run ends with the process. False if it must end now.
  bool leave_to_exit(const TelemetrySession*) noexcept;
  /// The session is gone in the middle of another call on its thread: waits for nothing, frees nothing.
  void forget(const TelemetrySession*) noexcept;
  /// Waits for nothing.
  TelemetrySession* youngest() const noexcept { return youngest_; }
  /// All of them, the youngest first.
  void finish(const End&) noexcept;

 private:
  struct Entry {
    TelemetrySession* session;  // nullptr: gone before its run
    std::shared_ptr<Run> run;
  };
  void note_youngest() noexcept;

  std::mutex mutex_;
  std::vector<Entry> entries_;  // the youngest last
  std::atomic<TelemetrySession*> youngest_{nullptr};
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
