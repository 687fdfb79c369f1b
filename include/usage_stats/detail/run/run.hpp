#pragma once
// One run of the program, from the decision to the report that waits to be sent.

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../consent/plan.hpp"
#include "../record/disclosure.hpp"
#include "../base/log.hpp"
#include "../../options.hpp"
#include "../record/exception_info.hpp"
#include "../os/platform.hpp"
#include "../record/recorder.hpp"
#include "../record/report.hpp"
#include "../send/launcher.hpp"
#include "../store/storage.hpp"
#include "../base/worker.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Belongs to its session, and to the list of runs (run_registry.hpp) until it has finished.
class Run : public std::enable_shared_from_this<Run> {
 public:
  explicit Run(Options options) : options_(std::move(options)), log_(options_.log) {}

  /// Decides, and begins to record if that is allowed; else returns nothing.
  std::shared_ptr<Recorder> begin(const std::vector<std::string>& arguments);
  /// Writes the report and starts sending it; only the first call counts. In a forked child it does nothing: the run
  /// belongs to the parent.
  void finish(const End&) noexcept;
  /// Whether there is something that its end must report.
  bool recording() const noexcept { return recorder_ != nullptr && !finished_; }
  /// The options that determine what a report contains: the program's own, or the disclosed part of them.
  const Options& disclosed() const noexcept { return disclosed_ ? *disclosed_ : options_; }

  const Decision& decision() const noexcept { return decision_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& session_id() const noexcept { return envelope_.session_id; }
  const std::filesystem::path& report_path() const noexcept { return report_path_; }

 private:
  bool open_folder(Plan&);
  void record(Plan&, const std::vector<std::string>& arguments);
  void choose_destinations(const Plan&);
  bool choose_client(Plan&);
  void describe(const Plan&, const std::vector<std::string>& arguments);
  bool open_envelope(Plan&);
  void begin_interims();
  void write_interim();
  bool close(const End&);
  void write_last();
  void write_to_envelope(std::error_code why);
  bool disable(Plan&, const std::string& why);

  const Options options_;
  const Log log_;
  const Launcher launcher_{options_, log_};
  Decision decision_;
  std::string problem_;
  std::filesystem::path report_path_;
  std::optional<Options> disclosed_;
  Report report_;
  SensitiveValues ambient_;    // what this process knows ...
  SensitiveValues sensitive_;  // ... and what was in argv
  Envelope envelope_;
  os::LockedFile lock_;
  os::SignalWatch signals_;
  std::filesystem::path folder_;
  Storage::Known known_;  // of the folder, when the run began
  std::shared_ptr<Recorder> recorder_;
  std::unique_ptr<Ticker> ticker_;
  std::uint64_t changes_reported_ = ~std::uint64_t{0};  // none yet
  std::atomic<bool> finished_{false};
  const std::int64_t process_ = os::process_id();
  const unsigned forks_ = os::forks();
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
