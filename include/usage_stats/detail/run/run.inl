#pragma once

#include <algorithm>
#include <cstdlib>

#include "../store/client_id.hpp"
#include "run_registry.hpp"
#include "../base/sha256.hpp"
#include "../consent/notice.hpp"
#include "../consent/plan.hpp"
#include "run.hpp"
#include "../base/json.inl"
#include "../store/storage.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace run_impl {

USAGE_STATS_INLINE bool sampled(const std::string& session_id, double share) {
  return static_cast<double>(std::strtoul(session_id.substr(0, 6).c_str(), nullptr, 16)) < share * 0x1000000;
}

/// The salt of Hashed fields: the client id itself, even if only its hash is sent. With that hash as the salt, whoever
/// receives the reports could guess values.
USAGE_STATS_INLINE std::string salt_of(const Options& options, const State& state, const std::string& reported) {
  if (!options.hash_client_id) return reported;
  Options plain = options;
  plain.hash_client_id = false;
  return client_id_of(plain, state);
}

}  // namespace run_impl

USAGE_STATS_INLINE bool Run::disable(Plan& plan, const std::string& why) {
  problem_ = why;
  plan.turn_off(why);
  log_("nothing is recorded: ", why);
  return false;
}

USAGE_STATS_INLINE std::shared_ptr<Recorder> Run::begin(const std::vector<std::string>& arguments) {
  reap_uploaders();
  Plan plan = plan_by_rules(options_, arguments);
  decision_ = plan.decision;
  problem_ = plan.problem;
  log_("verdict ", verdict_name(decision_.verdict), " by rule ", std::to_string(decision_.rule), ": ", decision_.why);
  if (decision_.verdict == Verdict::off && !plan.consent.ask) return nullptr;
  if (open_folder(plan)) {
    if (plan.consent.ask) plan.storage->be_patient(std::chrono::seconds(1));  // an answer must not be lost
    plan.complete(options_);
    inform_user(options_, plan, log_);
    if (plan.decision.verdict != Verdict::off) record(plan, arguments);
  }
  decision_ = plan.decision;
  return recorder_;
}

USAGE_STATS_INLINE bool Run::open_folder(Plan& plan) {
  folder_ = plan.folder;
  if (folder_.empty()) return disable(plan, no_place_for_reports);
  if (!os::has_spare_descriptors()) return disable(plan, "the descriptor limit is too low");
  if (plan.storage)
    plan.storage->claim();  // an earlier version's folder, which is as good without
  else if (!plan.open_folder(options_, true))
    return disable(plan, plan.folder_problem);
  if (plan.state->damaged) log_("state.json is damaged: its contents are lost");
  known_ = plan.storage->known();
  return true;
}

USAGE_STATS_INLINE void Run::record(Plan& plan, const std::vector<std::string>& arguments) {
  envelope_.session_id = random_hex(16);
  if (session_id().empty()) return static_cast<void>(disable(plan, "the operating system gives no random numbers"));
  if (!enough_memory()) return static_cast<void>(disable(plan, "there is too little memory"));
  disclosed_ = std::move(plan.withheld.instead);
  choose_destinations(plan);
  if (!choose_client(plan)) return;
  describe(plan, arguments);
  if (!open_envelope(plan)) return;
  std::string salt = report_.client_id.empty() ? "" : run_impl::salt_of(disclosed(), *plan.state, report_.client_id);
  if (salt.empty()) salt = session_id();
  recorder_ = std::make_shared<Recorder>(salt, std::move(plan.withheld));
  // Their threads may have to be left behind: in a name lookup that hangs, in the host's log function.
  if (options_.delivery == Delivery::in_process || options_.report_every > std::chrono::milliseconds(0))
    os::keep_loaded();
  begin_interims();
}

USAGE_STATS_INLINE bool Run::open_envelope(Plan& plan) {
  Storage& storage = *plan.storage;
  envelope_.running_report = to_line(report_);
  std::error_code error;
  lock_ = storage.outbox.begin(envelope_, error);
  if (!lock_) return disable(plan, os::path_bytes(folder_) + ": " + error.message());
  report_path_ = storage.archive.report_path(envelope_.client_id, session_id());
  log_("session ", session_id(), " begins; its report will be ", os::path_bytes(report_path_));
  if (options_.observed_signals != Signals::none) {
    const auto uploader = launcher_.start_for_signals(storage, envelope_);
    signals_ = os::SignalWatch(lock_, uploader, options_.observed_signals == Signals::all);
  }
  // If every run vanishes, none reaches the end at which it would start an uploader.
  if (session_id()[0] == '0' && has_abandoned_runs(storage)) launcher_.run_maintenance(storage);
  if (const char* const why = launcher_.problem(envelope_)) {
    problem_ = why;
    log_(problem_);
  }
  return true;
}

/// Those of the plan's endpoints that want reports of this version, if this run is one of those that are sent.
USAGE_STATS_INLINE void Run::choose_destinations(const Plan& plan) {
  const bool wanted = plan.consent.decision.verdict == Verdict::on || plan.decision.verdict == Verdict::on;
  if (wanted && !plan.endpoint_problem.empty()) {
    problem_ = plan.endpoint_problem;
    log_(problem_);
  }
  if (plan.decision.verdict != Verdict::on) return;
  for (const Endpoint& endpoint : plan.endpoints) {
    const bool stopped = plan.state->is_stopped(options_.version, endpoint.url);
    if (stopped) log_("endpoint ", endpoint.url, " takes no more reports of version ", options_.version);
    if (!stopped && run_impl::sampled(session_id(), options_.sample))
      envelope_.destinations.push_back({endpoint, 0, 0});
  }
}

USAGE_STATS_INLINE bool Run::choose_client(Plan& plan) {
  std::string id;
  if (plan.decision.verdict == Verdict::on) {
    id = client_id_of(disclosed(), *plan.state);
    if (id.empty()) {
      plan.storage->be_patient();  // once in the life of an id
      // If many start together, one creates the id; the others wait only for the id, not for a lock.
      const auto known = [&](const State& now) {
        plan.state = std::make_shared<const State>(now);
        return !(id = client_id_of(disclosed(), now)).empty();
      };
      const std::error_code error = plan.storage->update_state(
          [&](State& changed) {
            make_client_id(disclosed(), changed);
            known(changed);
          },
          known);
      if (error && error != std::errc::timed_out)
        return disable(plan, os::path_bytes(folder_ / "state.json") + ": " + error.message());
      // The run counts all the same.
      if (error) log_("state.json is locked by a process that has stopped: this run is reported without a client id");
    }
  }
  report_.client_id = id;
  envelope_.client_id = id.empty() ? "local" : id;
  return true;
}

USAGE_STATS_INLINE void Run::describe(const Plan& plan, const std::vector<std::string>& arguments) {
  const std::string client_id = std::move(report_.client_id);
  ambient_ = ambient_values();
  report_ = report_at_start(disclosed(), session_id(), arguments, ambient_);
  count_deliveries(*plan.state, report_);
  sensitive_ = ambient_;
  sensitive_.add_arguments(arguments);
  report_.client_id = client_id;

  envelope_.app = options_.app;
  envelope_.version = options_.version;
  envelope_.created = now_seconds();
  envelope_.rule = plan.decision.rule;
  envelope_.host = host_mark(session_id(), os::host_identity());
  envelope_.config_file = plan.consent.config.file;
  envelope_.policy_file = plan.consent.policy.file;
}

/// False, and the envelope stays: the run is lost, since a lock is held by what cannot go on.
USAGE_STATS_INLINE bool Run::close(const End& end) {
  if (!recorder_->close(end) || !recorder_->add_to(report_, ambient_)) return false;
  scrub_report(report_, disclosed(), sensitive_);
  report_.final = true;
  report_.duration_s = recorder_->seconds();
  report_.ended_at = std::chrono::system_clock::now();
  return true;
}

USAGE_STATS_INLINE void Run::finish(const End& end) noexcept {
  // A child of a fork in a namespace of its own may have its parent's number.
  if (!recorder_ || os::process_id() != process_ || os::forks() != forks_ || finished_.exchange(true)) return;
  USAGE_STATS_TRY {
    if (ticker_) ticker_->stop(std::chrono::seconds(1));
    if (close(end))
      write_last();
    else
      log_("session ", session_id(), " ends in the middle of a call to this library; it is reported as lost");
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void Run::write_last() {
  std::error_code error;
  if (!enough_memory()) {
    log_("too little memory for a report: the run is reported as lost");
    signals_ = os::SignalWatch();
    return lock_.release();
  }
  auto storage = Storage::open_again(folder_, known_, error);
  if (!storage) return write_to_envelope(error);
  // A last report that already exists is an uploader's: it took this run for lost. What was sent stays what it was.
  storage->keep_open();
  const bool may_be_collected = envelope_.destinations.empty() || !lock_.was_kept() ||
                                now_seconds() - envelope_.created >= storage_impl::left_to_its_host;
  const std::int64_t collected = may_be_collected ? storage->archive.last_report(envelope_) : 0;
  report_.sequence = envelope_.sequence =
      std::max(report_.sequence, collected + (envelope_.destinations.empty() ? 0 : 1));
  error = storage->archive.write_report(envelope_.client_id, session_id(), to_json(report_));
  // Without a report the envelope stays in active/, and the next uploader reports the run as lost.
  if (!error) error = collected == 0 ? storage->outbox.enqueue(envelope_) : storage->outbox.add(envelope_);
  if (error == std::errc::no_such_file_or_directory && collected == 0) forget(*storage, envelope_);
  signals_ = os::SignalWatch();
  lock_.release();
  log_("session ", session_id(), " ends: ", status_name(report_.outcome.status),
       error ? "; " + error.message() : std::string());
  launcher_.send_last(*storage, envelope_);
}

/// Where the folder is out of reach (setuid, chroot), the envelope is still open: the next uploader finds the report
/// there.
USAGE_STATS_INLINE void Run::write_to_envelope(std::error_code why) {
  JsonWriter end;
  end.begin_object();
  end.key("last_report").text(to_json(report_));
  end.end_object();
  const std::error_code error = lock_.append(end.take() + "\n");
  log_(error ? "the report is lost: " : "the report is left to the next uploader: ", os::path_bytes(folder_), ": ",
       why.message());
  signals_ = os::SignalWatch();
  lock_.release();
}

USAGE_STATS_INLINE void Run::begin_interims() {
  if (options_.report_every <= std::chrono::milliseconds(0)) return;
  // Programs that were started together should not report together.
  const auto jitter =
      options_.report_every * static_cast<int>(std::strtoul(session_id().substr(0, 2).c_str(), nullptr, 16));
  const auto first = std::min<std::chrono::milliseconds>(options_.report_every, std::chrono::seconds(60));
  ticker_ = std::make_unique<Ticker>(first + std::min(jitter / 2560, first / 10), options_.report_every,
                                     [run = weak_from_this()] {
                                       if (const auto alive = run.lock()) alive->write_interim();
                                     });
}

USAGE_STATS_INLINE void Run::write_interim() {
  USAGE_STATS_TRY {
    const std::uint64_t changes = recorder_->changes();
    const bool quiet = changes == changes_reported_;
    if (finished_ || (quiet && options_.report_every < std::chrono::minutes(1)) || !enough_memory()) return;
    Report interim = report_;
    ++report_.sequence;  // the last report has another one, also if this thread is held up from here on
    interim.duration_s = recorder_->seconds();
    if (!recorder_->add_to(interim, ambient_)) return;
    scrub_report(interim, disclosed(), sensitive_);
    const std::string sequence = std::to_string(interim.sequence);
    std::error_code error;
    auto storage = Storage::open_again(folder_, known_, error);
    // The run may have ended meanwhile, when this thread was held up: its last report stays.
    if (storage)
      error = storage->archive.write_report(envelope_.client_id, session_id(), to_json(interim),
                                            [this]() noexcept { return !finished_; });
    if (!error) changes_reported_ = changes;
    log_("session ", session_id(), " goes on: report ", sequence, error ? "; " + error.message() : std::string());
    if (!error && storage) launcher_.send_interim(*storage, envelope_);
  }
  USAGE_STATS_CATCH_ALL {}
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
