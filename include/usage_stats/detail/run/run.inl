#pragma once

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "../os/bounded_lock.hpp"
#include "../store/client_id.hpp"
#include "run_registry.hpp"
#include "../base/sha256.hpp"
#include "../consent/notice.hpp"
#include "../consent/plan.hpp"
#include "run.hpp"
#include "../send/uploader.hpp"
#include "../base/json.inl"
#include "../store/storage.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace run_impl {

USAGE_STATS_INLINE bool sampled(const std::string& session_id, double share) {
  return static_cast<double>(std::strtoul(session_id.substr(0, 6).c_str(), nullptr, 16)) < share * 0x1000000;
}

/// What Hashed fields are salted with: the client id itself, also where only its hash leaves. With that hash for salt,
/// who receives the reports could try names until one fits.
USAGE_STATS_INLINE std::string salt_of(const Options& options, const State& state, const std::string& reported) {
  if (!options.hash_client_id) return reported;
  Options plain = options;
  plain.hash_client_id = false;
  return client_id_of(plain, state);
}

}  // namespace run_impl

USAGE_STATS_INLINE bool Run::disable(Plan& plan, const std::string& why) {
  problem = why;
  plan.turn_off(why);
  log("nothing is recorded: ", why);
  return false;
}

USAGE_STATS_INLINE bool Run::sends_by_process() const {
  return !envelope_.destinations.empty() && options.delivery != Delivery::in_process && can_start_uploader();
}

USAGE_STATS_INLINE std::shared_ptr<Recorder> Run::begin(const std::vector<std::string>& arguments) {
  Runs::instance().reap();
  Plan plan = plan_by_rules(options, arguments);
  decision = plan.decision;
  problem = plan.problem;
  log("verdict ",
      decision.verdict == Verdict::on      ? "on"
      : decision.verdict == Verdict::local ? "local"
                                           : "off",
      " by rule ", std::to_string(decision.rule), ": ", decision.why);
  if (decision.verdict == Verdict::off && !plan.consent.ask) return nullptr;
  if (open_folder(plan)) {
    if (plan.consent.ask) plan.storage->be_patient(std::chrono::seconds(1));  // an answer must not be lost
    plan.complete(options);
    inform_user(options, plan, log);
    if (plan.decision.verdict != Verdict::off) record(plan, arguments);
  }
  decision = plan.decision;
  return recorder_;
}

USAGE_STATS_INLINE bool Run::open_folder(Plan& plan) {
  folder_ = plan.folder;
  if (folder_.empty()) return disable(plan, no_place_for_reports);
  if (!os::has_spare_descriptors()) return disable(plan, "the descriptor limit is too low");
  if (plan.storage)
    plan.storage->claim();  // an earlier version's folder, which is as good without
  else if (!plan.open_folder(options, true))
    return disable(plan, plan.folder_problem);
  if (plan.state->damaged) log("state.json is damaged: what it knew is forgotten");
  known_ = plan.storage->known();
  return true;
}

USAGE_STATS_INLINE void Run::record(Plan& plan, const std::vector<std::string>& arguments) {
  session_id = random_hex(16);
  if (session_id.empty()) return static_cast<void>(disable(plan, "the operating system gives no random numbers"));
  if (!enough_memory()) return static_cast<void>(disable(plan, "there is too little memory"));
  disclosed_ = std::move(plan.withheld.instead);
  choose_destinations(plan);
  if (!choose_client(plan)) return;
  describe(plan, arguments);
  if (!open_envelope(plan)) return;
  std::string salt = report_.client_id.empty() ? "" : run_impl::salt_of(disclosed(), *plan.state, report_.client_id);
  if (salt.empty()) salt = session_id;
  recorder_ = std::make_shared<Recorder>(salt, std::move(plan.withheld));
  // Their threads may have to be left behind: in a name lookup that hangs, in the host's log function.
  if (options.delivery == Delivery::in_process || options.report_every > std::chrono::milliseconds(0))
    os::keep_loaded();
  begin_interims();
}

USAGE_STATS_INLINE bool Run::open_envelope(Plan& plan) {
  Storage& storage = *plan.storage;
  envelope_.running_report = to_line(report_);
  std::error_code error;
  lock_ = storage.outbox.begin(envelope_, error);
  if (!lock_) return disable(plan, os::path_bytes(folder_) + ": " + error.message());
  report_path = storage.archive.report_path(envelope_.client_id, session_id);
  log("session ", session_id, " begins; its report will be ", os::path_bytes(report_path));
  if (options.observed_signals != Signals::none) {
    std::optional<os::SelfStart> uploader;
    if (sends_by_process()) uploader = uploader_start(storage, options.app, UploadOptions().stay);
    signals_ = os::SignalWatch(lock_, uploader, options.observed_signals == Signals::all);
  }
  // Where every run vanishes, none comes to the end at which it would start an uploader.
  if (session_id[0] == '0' && has_abandoned_runs(storage)) run_maintenance(storage);
  if (envelope_.destinations.empty() || options.delivery == Delivery::in_process || can_start_uploader()) return true;
  problem = cannot_start_itself;
  log(problem);
  return true;
}

/// Those of the plan's endpoints that want reports of this version, if this run is one of those that are sent.
USAGE_STATS_INLINE void Run::choose_destinations(const Plan& plan) {
  const bool wanted = plan.consent.decision.verdict == Verdict::on || plan.decision.verdict == Verdict::on;
  if (wanted && !plan.endpoint_problem.empty()) {
    problem = plan.endpoint_problem;
    log(problem);
  }
  if (plan.decision.verdict != Verdict::on) return;
  for (const Endpoint& endpoint : plan.endpoints) {
    const bool stopped = plan.state->is_stopped(options.version, endpoint.url);
    if (stopped) log("endpoint ", endpoint.url, " takes no more reports of version ", options.version);
    if (!stopped && run_impl::sampled(session_id, options.sample)) envelope_.destinations.push_back({endpoint, 0, 0});
  }
}

USAGE_STATS_INLINE bool Run::choose_client(Plan& plan) {
  std::string id;
  if (plan.decision.verdict == Verdict::on) {
    id = client_id_of(disclosed(), *plan.state);
    if (id.empty()) {
      plan.storage->be_patient();  // once in the life of an id
      // Of many that begin together one makes the id; the others wait for no lock, but for the id.
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
      if (error) log("state.json is locked by a process that has stopped: this run is reported without a client id");
    }
  }
  report_.client_id = id;
  envelope_.client_id = id.empty() ? "local" : id;
  return true;
}

USAGE_STATS_INLINE void Run::describe(const Plan& plan, const std::vector<std::string>& arguments) {
  const std::string client_id = std::move(report_.client_id);
  ambient_ = ambient_values();
  report_ = report_at_start(disclosed(), session_id, arguments, ambient_);
  count_deliveries(*plan.state, report_);
  sensitive_ = ambient_;
  sensitive_.add_arguments(arguments);
  report_.client_id = client_id;

  envelope_.app = options.app;
  envelope_.version = options.version;
  envelope_.session_id = session_id;
  envelope_.created = now_seconds();
  envelope_.rule = plan.decision.rule;
  envelope_.host = host_mark(session_id, os::host_identity());
  envelope_.config_file = plan.consent.config.file;
  envelope_.policy_file = plan.consent.policy.file;
}

/// What the program's own parser has told, under the lock.
USAGE_STATS_INLINE void Run::add_parsed(Report& report) const {
  if (!command.empty()) report.command = command;
  parsed_arguments.replace_in(report, ambient_);
}

/// False, and the envelope stays: the run is lost, since a lock is held by what cannot go on.
USAGE_STATS_INLINE bool Run::close_report(const End& end) {
  const auto guard = lock_or_give_up(mutex);
  if (!guard || !recorder_->close()) return false;
  if (end.exit_code) outcome.exit_code = end.exit_code;
  if (outcome.exit_code) outcome.exit_code = os::exit_status(*outcome.exit_code);
  if (!end.uncaught.empty()) outcome.error = end.uncaught;
  if (end.unwinding || !end.uncaught.empty()) outcome.status = RunStatus::exception;
  if (outcome.status == RunStatus::running)
    outcome.status = outcome.exit_code.value_or(0) == 0 ? RunStatus::ok : RunStatus::failed;
  report_.outcome = outcome;
  add_parsed(report_);
  recorder_->add_to(report_);
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
    if (close_report(end))
      write_and_deliver();
    else
      log("session ", session_id, " ends in the middle of a call to this library; it is reported as lost");
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void Run::write_and_deliver() {
  std::error_code error;
  if (!enough_memory()) {
    log("too little memory for a report: the run is reported as lost");
    signals_ = os::SignalWatch();
    return lock_.release();
  }
  auto storage = Storage::open_again(folder_, known_, error);
  if (!storage) return write_to_envelope(error);
  // A last report that is there already is an uploader's: it took this run for lost. What was sent stays what it was.
  storage->keep_open();
  const bool may_be_collected = envelope_.destinations.empty() || !lock_.was_kept() ||
                                now_seconds() - envelope_.created >= storage_impl::left_to_its_host;
  const std::int64_t collected = may_be_collected ? storage->archive.last_report(envelope_) : 0;
  report_.sequence = envelope_.sequence =
      std::max(report_.sequence, collected + (envelope_.destinations.empty() ? 0 : 1));
  error = storage->archive.write_report(envelope_.client_id, session_id, to_json(report_));
  // Without a report the envelope stays in active/, and the next uploader reports the run as lost.
  if (!error) error = collected == 0 ? storage->outbox.finish(envelope_) : storage->outbox.wait_again(envelope_);
  if (error == std::errc::no_such_file_or_directory && collected == 0) forget(*storage, envelope_);
  signals_ = os::SignalWatch();
  lock_.release();
  log("session ", session_id, " ends: ", status_name(report_.outcome.status),
      error ? "; " + error.message() : std::string());
  deliver(*storage);
}

/// Where the folder is out of reach (setuid, chroot), the envelope is still open: the next uploader finds the report
/// there.
USAGE_STATS_INLINE void Run::write_to_envelope(std::error_code why) {
  JsonWriter end;
  end.begin_object();
  end.key("last_report").text(to_json(report_));
  end.end_object();
  const std::error_code error = lock_.append(end.take() + "\n");
  log(error ? "the report is lost: " : "the report is left to the next uploader: ", os::path_bytes(folder_), ": ",
      why.message());
  signals_ = os::SignalWatch();
  lock_.release();
}

USAGE_STATS_INLINE void Run::begin_interims() {
  if (options.report_every <= std::chrono::milliseconds(0)) return;
  // Clusters that were started together do not report together.
  const auto jitter =
      options.report_every * static_cast<int>(std::strtoul(session_id.substr(0, 2).c_str(), nullptr, 16));
  const auto first = std::min<std::chrono::milliseconds>(options.report_every, std::chrono::seconds(60));
  ticker_ = std::make_unique<Ticker>(first + std::min(jitter / 2560, first / 10), options.report_every,
                                     [run = weak_from_this()] {
                                       if (const auto alive = run.lock()) alive->write_interim();
                                     });
}

USAGE_STATS_INLINE void Run::write_interim() {
  USAGE_STATS_TRY {
    const std::uint64_t changes = recorder_->changes();
    const bool quiet = changes == changes_reported_;
    if (finished_ || (quiet && options.report_every < std::chrono::minutes(1)) || !enough_memory()) return;
    Report interim = report_;
    ++report_.sequence;  // the last report has another one, also if this thread is held up from here on
    if (const auto guard = lock_or_give_up(mutex)) add_parsed(interim);
    interim.outcome.status = RunStatus::running;
    interim.duration_s = recorder_->seconds();
    recorder_->add_to(interim);
    scrub_report(interim, disclosed(), sensitive_);
    const std::string sequence = std::to_string(interim.sequence);
    std::error_code error;
    auto storage = Storage::open_again(folder_, known_, error);
    // The run may have ended meanwhile, when this thread was held up: its last report stays.
    if (storage)
      error = storage->archive.write_report(envelope_.client_id, session_id, to_json(interim),
                                            [this]() noexcept { return !finished_; });
    if (!error) changes_reported_ = changes;
    log("session ", session_id, " goes on: report ", sequence, error ? "; " + error.message() : std::string());
    if (error || !storage) return;
    if (envelope_.destinations.empty() || !uploader_needed(*storage, envelope_, storage->state_at_opening())) return;
    if (options.delivery == Delivery::in_process) {
      UploadOptions now;
      now.stay = std::chrono::milliseconds(0);
      now.deadline = std::chrono::steady_clock::now() + options.wait_limit;
      now.awaited = true;
      upload(folder_, now, log);
    } else if (can_start_uploader()) {
      Runs::instance().reap();
      Runs::instance().adopt(start_uploader(*storage, options.app, UploadOptions().stay, log));
    }
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void Run::run_maintenance(Storage& storage) const {
  if (options.delivery != Delivery::in_process && can_start_uploader())
    Runs::instance().adopt(start_uploader(storage, options.app, std::chrono::milliseconds(0), log));
  else
    collect_alone(storage, log);
}

USAGE_STATS_INLINE void Run::deliver(Storage& storage) const {
  const State& state = storage.state_at_opening();  // some file writes ago
  if (!uploader_needed(storage, envelope_, state)) return;
  if (options.delivery == Delivery::in_process) return upload_in_process(folder_, options.wait_limit, log);
  if (!can_start_uploader()) {
    log("no uploader can be started; what is to be sent waits");
    if (needs_pruning(storage, envelope_.client_id)) collect_alone(storage, log);
    return;
  }
  const bool last_chance = options.delivery == Delivery::detached && may_be_asked(envelope_, state) &&
                           options.container_wait > std::chrono::milliseconds(0) && os::ends_with_its_container();
  if (last_chance) log("nothing outlives this process: it waits for its uploader");
  const bool wait = options.delivery == Delivery::wait || last_chance;
  os::Child child =
      start_uploader(storage, options.app, wait ? std::chrono::milliseconds(0) : UploadOptions().stay, log);
  if (wait && !envelope_.destinations.empty())
    return wait_for(std::move(child), storage, last_chance ? options.container_wait : options.wait_limit);
  Runs::instance().adopt(std::move(child));
}

USAGE_STATS_INLINE void Run::wait_for(os::Child child, const Storage& storage, std::chrono::milliseconds limit) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limit;
  std::error_code error;
  const os::Folder pending = storage.outbox.pending(false, error);
  auto pause = std::chrono::milliseconds(1);
  // Our own uploader ends at once where another is at work; that one has the envelope to send then.
  const auto over = [&] {
    return !pending || !pending.exists(session_id) || ((!child || child.ended()) && !uploader_at_work(storage));
  };
  while (Clock::now() < deadline && !over()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, deadline - Clock::now()));
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  log(pending && pending.exists(session_id) ? "waited long enough; the report is sent later" : "the report is sent");
  if (!child || child.ended()) return;
  Runs::instance().adopt(std::move(child));
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
