#pragma once

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "../client_id.hpp"
#include "../hash.hpp"
#include "../notice.hpp"
#include "../platform.hpp"
#include "../report.hpp"
#include "../session.hpp"
#include "../storage.hpp"
#include "../uploader.hpp"
#include "json.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// One run of the program, from the decision to the report that waits to be sent.
class Run {
 public:
  explicit Run(Options chosen) : options(std::move(chosen)), log(options.log) {}

  /// Decides, and begins to record if that is allowed; else returns nothing.
  std::shared_ptr<Recorder> begin(const std::vector<std::string>& arguments);
  void finish(Recorder&, bool unwinding);

  const Options options;
  const Log log;
  Decision decision;
  std::string problem;
  std::string session_id;
  std::filesystem::path report_path;
  std::mutex mutex;  // of `outcome` and `command`, which any thread may set
  Outcome outcome;
  std::string command;
  const int exceptions_at_start = std::uncaught_exceptions();

 private:
  bool collect(const Consent&, const Storage&, const State&, const std::vector<std::string>& arguments, const Taint&);
  bool choose_destinations(const Consent&, const State&);
  bool choose_client(const Storage&, const State&);
  void describe(const std::vector<std::string>& arguments, const Taint&, const State&);
  void close_report(const Recorder&, bool unwinding);
  void deliver(const Storage&) const;
  void wait_for(platform::Child, const Storage&) const;
  bool give_up(const std::string& why);

  Report report_;
  Label label_;
  platform::LockedFile lock_;
  std::filesystem::path folder_;
  const std::int64_t process_ = platform::process_id();
};

namespace session_impl {

/// The sessions that are alive, the youngest last. Never destroyed: a session may be a static object.
struct Alive {
  std::mutex mutex;
  std::vector<TelemetrySession*> sessions;
  std::vector<platform::Child> children;  // uploaders whose exit status is ours to take

  static Alive& instance() {
    static Alive& alive = *new Alive;
    return alive;
  }
};

/// Takes the exit status of uploaders that have ended, so that a long-running host has at most one zombie.
USAGE_STATS_INLINE void reap_uploaders() {
  auto& alive = Alive::instance();
  const std::lock_guard<std::mutex> guard(alive.mutex);
  auto& children = alive.children;
  children.erase(std::remove_if(children.begin(), children.end(), [](platform::Child& child) { return child.ended(); }),
                 children.end());
}

/// A path for the label: the home folder as ~, since labels name nobody.
USAGE_STATS_INLINE std::string without_home(const std::filesystem::path& path) {
  const std::string text = path.string(), home = platform::home().string();
  return !home.empty() && text.compare(0, home.size() + 1, home + "/") == 0 ? "~" + text.substr(home.size()) : text;
}

USAGE_STATS_INLINE bool sampled(const std::string& session_id, double share) {
  return static_cast<double>(std::strtoul(session_id.substr(0, 6).c_str(), nullptr, 16)) < share * 0x1000000;
}

USAGE_STATS_INLINE std::string compact(const std::string& json) {
  const auto value = parse_json(json);
  return value ? json_text(*value) : std::string();
}

}  // namespace session_impl

USAGE_STATS_INLINE bool Run::give_up(const std::string& why) {
  problem = why;
  decision.verdict = Verdict::off;
  decision.why = why;
  log("nothing is recorded: ", why);
  return false;
}

USAGE_STATS_INLINE std::shared_ptr<Recorder> Run::begin(const std::vector<std::string>& arguments) {
  session_impl::reap_uploaders();
  problem = problem_with(options);
  if (problem.empty()) problem = problem_with_declarations();
  folder_ = usage_path(options);
  std::error_code error;
  std::optional<Storage> storage;
  std::optional<State> state;
  const auto read_state = [&] {
    if (!storage && !folder_.empty()) storage = Storage::open(folder_, false, error);
    if (!state) state = storage ? storage->state() : State();
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
  if (folder_.empty()) return give_up("there is no place for reports (no home folder)"), nullptr;
  if (!platform::has_spare_descriptors()) return give_up("the descriptor limit is too low"), nullptr;
  if (!storage) storage = Storage::open(folder_, true, error);
  if (!storage) return give_up(folder_.string() + ": " + error.message()), nullptr;
  std::vector<std::string> withheld = inform_user(options, consent, *storage, read_state(), decision, log);
  if (decision.verdict == Verdict::off) return nullptr;
  Taint taint = ambient_taint(arguments);
  if (!collect(consent, *storage, *state, arguments, taint)) return nullptr;
  return std::make_shared<Recorder>(std::move(taint), report_.client_id.empty() ? session_id : report_.client_id,
                                    std::move(withheld));
}

USAGE_STATS_INLINE bool Run::collect(const Consent& consent, const Storage& storage, const State& state,
                                     const std::vector<std::string>& arguments, const Taint& taint) {
  session_id = random_hex(16);
  if (session_id.empty()) return give_up("the operating system gives no random numbers");
  if (!choose_destinations(consent, state) || !choose_client(storage, state)) return false;
  describe(arguments, taint, state);
  label_.running_report = session_impl::compact(to_json(report_));
  std::error_code error;
  lock_ = storage.begin(label_, error);
  if (!lock_) return give_up(folder_.string() + ": " + error.message());
  report_path = storage.report_path(label_.client_id, session_id);
  log("session ", session_id, " begins; its report will be ", report_path.string());
  if (label_.destinations.empty() || options.delivery == Delivery::in_process || can_start_uploader()) return true;
  problem =
      "this code is not part of the main executable (or run_uploader() was not called): reports wait; consider "
      "Delivery::in_process";
  log(problem);
  return true;
}

USAGE_STATS_INLINE bool Run::choose_destinations(const Consent& consent, const State& state) {
  if (decision.verdict != Verdict::on) return true;
  std::string trouble;
  const auto endpoints = effective_endpoints(options, consent.policy, consent.config, trouble);
  if (!trouble.empty()) {
    log(trouble);
    problem = trouble;
  }
  if (endpoints.empty() || options.delivery == Delivery::local) {
    decision.verdict = Verdict::local;
    decision.why += endpoints.empty() ? "; there is no endpoint" : "; the program keeps its reports local";
    return true;
  }
  for (const Endpoint& endpoint : endpoints) {
    const std::string version_and_url = options.version + " " + endpoint.url;
    const bool stopped = std::find(state.stopped.begin(), state.stopped.end(), version_and_url) != state.stopped.end();
    if (stopped) log("endpoint ", endpoint.url, " wants nothing more from version ", options.version);
    if (!stopped && session_impl::sampled(session_id, options.sample)) label_.destinations.push_back({endpoint, 0, 0});
  }
  return true;
}

USAGE_STATS_INLINE bool Run::choose_client(const Storage& storage, const State& state) {
  std::string id;
  if (decision.verdict == Verdict::on) {
    id = client_id_of(options, state);
    if (id.empty()) {
      const std::error_code error = storage.update_state([&](State& changed) {
        make_client_id(options, changed);
        id = client_id_of(options, changed);
      });
      if (error) return give_up((folder_ / "state.json").string() + ": " + error.message());
    }
  }
  report_.client_id = id;
  label_.client_id = id.empty() ? "local" : id;
  return true;
}

USAGE_STATS_INLINE void Run::describe(const std::vector<std::string>& arguments, const Taint& taint,
                                      const State& state) {
  const std::string client_id = std::move(report_.client_id);
  report_ = report_at_start(options, session_id, arguments, taint, state);
  report_.client_id = client_id;

  label_.app = options.app;
  label_.version = options.version;
  label_.session_id = session_id;
  label_.created = now_seconds();
  label_.rule = decision.rule;
  if (!options.config_file.empty()) label_.config_file = session_impl::without_home(options.config_file);
  if (!options.policy_file.empty()) label_.policy_file = session_impl::without_home(options.policy_file);
}

USAGE_STATS_INLINE void Run::close_report(const Recorder& recorder, bool unwinding) {
  const std::lock_guard<std::mutex> guard(mutex);
  if (unwinding) outcome.status = Status::exception;
  if (outcome.status == Status::running)
    outcome.status = outcome.exit_code.value_or(0) == 0 ? Status::ok : Status::failed;
  report_.outcome = outcome;
  for (ErrorLink& link : report_.outcome.error)
    link.message = options.errors == ErrorDetail::type ? std::string()
                                                       : scrub(link.message, recorder.taint(), limits::message_bytes);
  if (!command.empty()) report_.command = command;
  recorder.add_to(report_);
  report_.final = true;
  report_.duration_s = recorder.seconds();
  report_.ended_at = std::chrono::system_clock::now();
}

USAGE_STATS_INLINE void Run::finish(Recorder& recorder, bool unwinding) {
  recorder.close();
  if (platform::process_id() != process_) return;  // a fork's child: the session is its parent's
  close_report(recorder, unwinding);
  std::error_code error;
  const auto storage = Storage::open(folder_, false, error);
  if (!storage) {
    log("the report is lost: ", folder_.string(), ": ", error.message());
    return lock_.release();
  }
  error = storage->write_report(label_.client_id, session_id, to_json(report_));
  // Without a report the label stays in active/, and the next uploader reports the run as lost.
  if (!error) error = storage->finish(label_);
  lock_.release();
  log("session ", session_id, " ends: ", status_name(report_.outcome.status),
      error ? "; " + error.message() : std::string());
  deliver(*storage);
}

USAGE_STATS_INLINE void Run::deliver(const Storage& storage) const {
  if (!uploader_needed(storage, label_, storage.state())) return;
  if (options.delivery == Delivery::in_process) return upload_in_process(folder_, options.wait_limit, log);
  if (!can_start_uploader()) return log("no uploader can be started; what is to be sent waits");
  const bool wait = options.delivery == Delivery::wait;
  platform::Child child =
      start_uploader(storage, options.app, wait ? std::chrono::milliseconds(0) : UploadOptions().stay, log);
  if (wait && !label_.destinations.empty()) return wait_for(std::move(child), storage);
  if (!child) return;
  auto& alive = session_impl::Alive::instance();
  const std::lock_guard<std::mutex> guard(alive.mutex);
  alive.children.push_back(std::move(child));
}

USAGE_STATS_INLINE void Run::wait_for(platform::Child child, const Storage& storage) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + options.wait_limit;
  std::error_code error;
  const platform::Folder pending = storage.folder().folder("pending", false, error);
  auto pause = std::chrono::milliseconds(1);
  // Our own uploader ends at once where another is at work; that one has the label to send then.
  const auto over = [&] {
    return !pending || !pending.exists(session_id) || (child && child.ended() && !uploader_at_work(storage));
  };
  while (Clock::now() < deadline && !over()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, deadline - Clock::now()));
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  log(pending && pending.exists(session_id) ? "waited long enough; the report is sent later" : "the report is sent");
  if (!child || child.ended()) return;
  auto& alive = session_impl::Alive::instance();
  const std::lock_guard<std::mutex> guard(alive.mutex);
  alive.children.push_back(std::move(child));
}

namespace session_impl {

USAGE_STATS_INLINE std::vector<std::string> vector_of(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; argv != nullptr && i < argc && argv[i] != nullptr; ++i) arguments.emplace_back(argv[i]);
  return arguments;
}

}  // namespace session_impl
}  // namespace detail

USAGE_STATS_INLINE TelemetrySession::TelemetrySession(Options options, int argc, const char* const* argv) noexcept {
  USAGE_STATS_TRY { start(std::move(options), detail::session_impl::vector_of(argc, argv)); }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE TelemetrySession::TelemetrySession(Options options, std::vector<std::string> arguments) noexcept {
  start(std::move(options), std::move(arguments));
}

USAGE_STATS_INLINE void TelemetrySession::start(Options&& options, std::vector<std::string>&& arguments) noexcept {
  USAGE_STATS_TRY {
    run_ = std::make_unique<detail::Run>(std::move(options));
    recorder_ = run_->begin(arguments);
    auto& alive = detail::session_impl::Alive::instance();
    const std::lock_guard<std::mutex> guard(alive.mutex);
    alive.sessions.push_back(this);
  }
  USAGE_STATS_CATCH_ALL { recorder_.reset(); }
}

USAGE_STATS_INLINE TelemetrySession::~TelemetrySession() {
  finish();
  USAGE_STATS_TRY {
    auto& alive = detail::session_impl::Alive::instance();
    const std::lock_guard<std::mutex> guard(alive.mutex);
    alive.sessions.erase(std::remove(alive.sessions.begin(), alive.sessions.end(), this), alive.sessions.end());
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::finish() noexcept {
  USAGE_STATS_TRY {
    if (!run_ || !recorder_ || finished_.exchange(true)) return;
    run_->finish(*recorder_, std::uncaught_exceptions() > run_->exceptions_at_start);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::put(const FieldValue& value) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->set(value);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::add(const Counter& counter, std::int64_t n) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->add(counter, n);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::record(const Event& event,
                                                 std::initializer_list<FieldValue> values) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->record(event, values.begin(), values.size());
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE StageScope TelemetrySession::enter(const Stage& stage) noexcept {
  return StageScope(recorder_, stage);
}

USAGE_STATS_INLINE void TelemetrySession::command(std::string_view name) noexcept {
  USAGE_STATS_TRY {
    if (!recorder_) return;
    std::string clean = detail::clip_utf8(name, detail::limits::string_bytes);
    const std::lock_guard<std::mutex> guard(run_->mutex);
    run_->command = std::move(clean);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::fail(const std::exception& exception) noexcept {
  USAGE_STATS_TRY {
    if (!recorder_) return;
    auto error = detail::describe_exception(exception);
    const std::lock_guard<std::mutex> guard(run_->mutex);
    run_->outcome.status = detail::Status::failed;
    run_->outcome.error = std::move(error);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::fail(std::exception_ptr exception) noexcept {
  USAGE_STATS_TRY {
    if (!recorder_) return;
    auto error = detail::describe_exception(std::move(exception));
    const std::lock_guard<std::mutex> guard(run_->mutex);
    run_->outcome.status = detail::Status::failed;
    if (!error.empty()) run_->outcome.error = std::move(error);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE void TelemetrySession::left_by(std::exception_ptr exception) noexcept {
  fail(std::move(exception));
  USAGE_STATS_TRY {
    if (!recorder_) return;
    const std::lock_guard<std::mutex> guard(run_->mutex);
    run_->outcome.status = detail::Status::exception;
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE int TelemetrySession::exit_code(int code) noexcept {
  USAGE_STATS_TRY {
    if (!recorder_) return code;
    const std::lock_guard<std::mutex> guard(run_->mutex);
    run_->outcome.exit_code = code;
  }
  USAGE_STATS_CATCH_ALL {}
  return code;
}

USAGE_STATS_INLINE bool TelemetrySession::enabled() const noexcept { return recorder_ != nullptr; }

USAGE_STATS_INLINE const Decision& TelemetrySession::decision() const noexcept {
  static const Decision none;
  return run_ ? run_->decision : none;
}

USAGE_STATS_INLINE std::string_view TelemetrySession::session_id() const noexcept {
  return recorder_ ? std::string_view(run_->session_id) : std::string_view();
}

USAGE_STATS_INLINE std::filesystem::path TelemetrySession::report_path() const {
  return recorder_ ? run_->report_path : std::filesystem::path();
}

USAGE_STATS_INLINE std::string_view TelemetrySession::problem() const noexcept {
  return run_ ? std::string_view(run_->problem) : std::string_view();
}

USAGE_STATS_INLINE TelemetrySession* TelemetrySession::current() noexcept {
  USAGE_STATS_TRY {
    auto& alive = detail::session_impl::Alive::instance();
    const std::lock_guard<std::mutex> guard(alive.mutex);
    return alive.sessions.empty() ? nullptr : alive.sessions.back();
  }
  USAGE_STATS_CATCH_ALL { return nullptr; }
}

USAGE_STATS_INLINE StageScope::StageScope(std::shared_ptr<detail::Recorder> recorder, const Stage& stage) noexcept
    : exceptions_(std::uncaught_exceptions()) {
  USAGE_STATS_TRY {
    const auto number = recorder ? recorder->enter(stage) : std::nullopt;
    if (!number) return;
    stage_ = *number;
    recorder_ = std::move(recorder);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE StageScope::~StageScope() { end(); }

USAGE_STATS_INLINE void StageScope::end() noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->leave(stage_, failed_ || std::uncaught_exceptions() > exceptions_);
  }
  USAGE_STATS_CATCH_ALL {}
  recorder_.reset();
}

USAGE_STATS_INLINE void StageScope::put(const FieldValue& value) noexcept {
  USAGE_STATS_TRY {
    if (recorder_) recorder_->set(stage_, value);
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_END_NAMESPACE
