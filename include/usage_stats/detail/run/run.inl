#pragma once

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "../os/bounded_lock.hpp"
#include "../store/client_id.hpp"
#include "run_registry.hpp"
#include "../base/sha256.hpp"
#include "../consent/notice.hpp"
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

USAGE_STATS_INLINE std::string compact(const std::string& json) {
  const auto value = parse_json(json);
  return value ? json_text(*value) : std::string();
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

USAGE_STATS_INLINE bool Run::disable(const std::string& why) {
  problem = why;
  decision.verdict = Verdict::off;
  decision.why = why;
  log("nothing is recorded: ", why);
  return false;
}

USAGE_STATS_INLINE bool Run::sends_by_process() const {
  return !envelope_.destinations.empty() && options.delivery != Delivery::in_process && can_start_uploader();
}

USAGE_STATS_INLINE std::shared_ptr<Recorder> Run::begin(const std::vector<std::string>& arguments) {
  Runs::instance().reap();
  problem = problem_with(options);
  if (problem.empty()) problem = problem_with_declarations();
  folder_ = usage_path(options);
  std::error_code error;
  std::optional<Storage> storage;
  std::optional<State> state;
  bool unreadable = false;
  const auto read_state = [&] {
    if (state) return *state;
    if (!storage && !folder_.empty()) storage = Storage::open(folder_, options.app, false, error);
    if (!storage) unreadable = storage_impl::is_transient(error);
    if (!storage) return State();
    state = storage->state_at_opening();
    if (state->damaged) log("state.json is damaged: what it knew is forgotten");
    return *state;
  };
  const Consent consent = decide(options, arguments, problem, read_state);
  decision = consent.decision;
  log("verdict ",
      decision.verdict == Verdict::on      ? "on"
      : decision.verdict == Verdict::local ? "local"
                                           : "off",
      " by rule ", std::to_string(decision.rule), ": ", decision.why);
  if (decision.verdict == Verdict::off && !consent.ask) return nullptr;
  if (folder_.empty()) return disable("there is no place for reports (no home folder)"), nullptr;
  if (!os::has_spare_descriptors()) return disable("the descriptor limit is too low"), nullptr;
  if (storage)
    storage->claim();  // an earlier version's folder, which is as good without
  else
    storage = Storage::open(folder_, options.app, true, error);
  if (!storage) return disable(folder_.string() + ": " + error.message()), nullptr;
  read_state();
  if (consent.ask) storage->be_patient(std::chrono::seconds(1));  // an answer must not be lost
  Withheld withheld = inform_user(options, consent, *storage, *state, decision, log);
  if (decision.verdict == Verdict::off) return nullptr;
  return record(consent, *storage, *state, arguments, std::move(withheld));
}

USAGE_STATS_INLINE std::shared_ptr<Recorder> Run::record(const Consent& consent, Storage& storage, const State& state,
                                                         const std::vector<std::string>& arguments, Withheld withheld) {
  session_id = random_hex(16);
  if (session_id.empty()) return disable("the operating system gives no random numbers"), nullptr;
  if (!enough_memory()) return disable("there is too little memory"), nullptr;
  State latest = state;
  disclosed_ = std::move(withheld.instead);
  if (!choose_destinations(consent, state, withheld) || !choose_client(storage, latest)) return nullptr;
  describe(consent, arguments, state);
  if (!open_envelope(storage)) return nullptr;
  std::string salt = report_.client_id.empty() ? "" : run_impl::salt_of(disclosed(), latest, report_.client_id);
  if (salt.empty()) salt = session_id;
  recorder_ = std::make_shared<Recorder>(salt, std::move(withheld));
  // Their threads may have to be left behind: in a name lookup that hangs, in the host's log function.
  if (options.delivery == Delivery::in_process || options.report_every > std::chrono::milliseconds(0))
    os::keep_loaded();
  begin_interims();
  return recorder_;
}

USAGE_STATS_INLINE bool Run::open_envelope(const Storage& storage) {
  envelope_.running_report = run_impl::compact(to_json(report_));
  std::error_code error;
  lock_ = storage.begin(envelope_, error);
  if (!lock_) return disable(folder_.string() + ": " + error.message());
  report_path = storage.report_path(envelope_.client_id, session_id);
  log("session ", session_id, " begins; its report will be ", report_path.string());
  if (options.observed_signals != Signals::none) {
    std::optional<os::SelfStart> uploader;
    if (sends_by_process()) uploader = uploader_start(storage, options.app, UploadOptions().stay);
    signals_ = os::SignalWatch(lock_, uploader, options.observed_signals == Signals::all);
  }
  // Where every run vanishes, none comes to the end at which it would start an uploader.
  if (session_id[0] == '0' && storage.has_abandoned_runs()) run_maintenance(storage);
  if (envelope_.destinations.empty() || options.delivery == Delivery::in_process || can_start_uploader()) return true;
  problem = cannot_start_itself;
  log(problem);
  return true;
}

USAGE_STATS_INLINE bool Run::choose_destinations(const Consent& consent, const State& state, const Withheld& withheld) {
  if (decision.verdict != Verdict::on) return true;
  std::string trouble;
  auto endpoints = effective_endpoints(options, consent.policy, consent.config, trouble);
  if (!trouble.empty()) {
    log(trouble);
    problem = trouble;
  }
  if (endpoints.empty() || options.delivery == Delivery::local) {
    decision.verdict = Verdict::local;
    decision.why += endpoints.empty() ? "; there is no endpoint" : "; the program keeps its reports local";
    return true;
  }
  const auto is_new = [&](const Endpoint& endpoint) { return withheld.from(endpoint); };
  endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(), is_new), endpoints.end());
  if (endpoints.empty()) {
    decision.verdict = Verdict::local;
    decision.why += unannounced_recipients;
    return true;
  }
  for (const Endpoint& endpoint : endpoints) {
    const std::string version_and_url = options.version + " " + endpoint.url;
    const bool stopped = std::find(state.stopped.begin(), state.stopped.end(), version_and_url) != state.stopped.end();
    if (stopped) log("endpoint ", endpoint.url, " wants nothing more from version ", options.version);
    if (!stopped && run_impl::sampled(session_id, options.sample)) envelope_.destinations.push_back({endpoint, 0, 0});
  }
  return true;
}

USAGE_STATS_INLINE bool Run::choose_client(Storage& storage, State& state) {
  std::string id;
  if (decision.verdict == Verdict::on) {
    id = client_id_of(disclosed(), state);
    if (id.empty()) {
      storage.be_patient();  // once in the life of an id
      // Of many that begin together one makes the id; the others wait for no lock, but for the id.
      const auto known = [&](const State& now) { return !(id = client_id_of(disclosed(), state = now)).empty(); };
      const std::error_code error = storage.update_state(
          [&](State& changed) {
            make_client_id(disclosed(), changed);
            known(changed);
          },
          known);
      if (error) return disable((folder_ / "state.json").string() + ": " + error.message());
    }
  }
  report_.client_id = id;
  envelope_.client_id = id.empty() ? "local" : id;
  return true;
}

USAGE_STATS_INLINE void Run::describe(const Consent& consent, const std::vector<std::string>& arguments,
                                      const State& state) {
  const std::string client_id = std::move(report_.client_id);
  ambient_ = ambient_values();
  report_ = report_at_start(disclosed(), session_id, arguments, ambient_);
  count_deliveries(state, report_);
  sensitive_ = ambient_;
  sensitive_.add_arguments(arguments);
  report_.client_id = client_id;

  envelope_.app = options.app;
  envelope_.version = options.version;
  envelope_.session_id = session_id;
  envelope_.created = now_seconds();
  envelope_.rule = decision.rule;
  envelope_.host = host_mark(session_id, os::host_identity());
  envelope_.config_file = consent.config.file;
  envelope_.policy_file = consent.policy.file;
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
  const auto storage = Storage::open(folder_, options.app, false, error);
  if (!storage) return write_to_label(error);
  // A last report that is there already is an uploader's: it took this run for lost. What was sent stays what it was.
  const bool may_be_collected = envelope_.destinations.empty() || !lock_.was_kept() ||
                                now_seconds() - envelope_.created >= storage_impl::left_to_its_host;
  const std::int64_t collected = may_be_collected ? storage->last_report(envelope_) : 0;
  report_.sequence = envelope_.sequence =
      std::max(report_.sequence, collected + (envelope_.destinations.empty() ? 0 : 1));
  error = storage->write_report(envelope_.client_id, session_id, to_json(report_));
  // Without a report the envelope stays in active/, and the next uploader reports the run as lost.
  if (!error) error = collected == 0 ? storage->finish(envelope_) : storage->wait_again(envelope_);
  if (error == std::errc::no_such_file_or_directory && collected == 0) storage->forget(envelope_);
  signals_ = os::SignalWatch();
  lock_.release();
  log("session ", session_id, " ends: ", status_name(report_.outcome.status),
      error ? "; " + error.message() : std::string());
  deliver(*storage);
}

/// Where the folder is out of reach (setuid, chroot), the envelope is still open: the next uploader finds the report
/// there.
USAGE_STATS_INLINE void Run::write_to_label(std::error_code why) {
  const Json end = {{"last_report", to_json(report_)}};
  const std::error_code error = lock_.append(json_text(end) + "\n");
  log(error ? "the report is lost: " : "the report is left to the next uploader: ", folder_.string(), ": ",
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
    const auto storage = Storage::open(folder_, options.app, false, error);
    // The run may have ended meanwhile, when this thread was held up: its last report stays.
    if (storage)
      error = storage->write_report(envelope_.client_id, session_id, to_json(std::move(interim)),
                                    [this] { return !finished_; });
    if (!error) changes_reported_ = changes;
    log("session ", session_id, " goes on: report ", sequence, error ? "; " + error.message() : std::string());
    if (error || !storage) return;
    if (envelope_.destinations.empty() || !uploader_needed(*storage, envelope_, storage->state())) return;
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

USAGE_STATS_INLINE void Run::run_maintenance(const Storage& storage) const {
  if (options.delivery != Delivery::in_process && can_start_uploader())
    Runs::instance().adopt(start_uploader(storage, options.app, std::chrono::milliseconds(0), log));
  else
    collect_alone(storage, log);
}

USAGE_STATS_INLINE void Run::deliver(const Storage& storage) const {
  const State state = storage.state();
  if (!uploader_needed(storage, envelope_, state)) return;
  if (options.delivery == Delivery::in_process) return upload_in_process(folder_, options.wait_limit, log);
  if (!can_start_uploader()) {
    log("no uploader can be started; what is to be sent waits");
    if (storage.needs_pruning(envelope_.client_id)) collect_alone(storage, log);
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
  const os::Folder pending = storage.folder().folder("pending", false, error);
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
