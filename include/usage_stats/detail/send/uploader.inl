#pragma once

#include <algorithm>
#include <set>

#include "../consent/rules.hpp"
#include "exporters/exporters.hpp"
#include "../os/folder_watch.hpp"
#include "../base/sha256.hpp"
#include "../consent/notice.hpp"
#include "../record/redaction/scrub.hpp"
#include "../record/report.hpp"
#include "../store/recovery.hpp"
#include "../store/retention.hpp"
#include "uploader.hpp"
#include "endpoint_workers.inl"
#include "retry.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

using Clock = std::chrono::steady_clock;

constexpr const char* lock_file = "uploader.lock";
constexpr std::chrono::seconds longest_life{60};
constexpr std::chrono::seconds longest_request{10};
constexpr std::chrono::milliseconds look_at_live_runs{200};
constexpr Seconds short_wait = 5;         // is waited for by the process at work
constexpr int failures_before_pause = 3;  // in a row, of an endpoint that answers

/// The envelopes that lie in a folder, sorted.
USAGE_STATS_INLINE std::vector<std::string> names_in(const Storage& storage, const char* name) {
  std::vector<std::string> names;
  std::error_code error;
  if (const os::Folder folder = storage.folder().folder(name, false, error))
    for (const auto& entry : folder.list(storage_impl::most_entries, is_id)) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

/// The work on one folder, by the process that holds its lock.
class UploadPass {
 public:
  UploadPass(Storage& storage, const State& state, const UploadOptions& options, const Log& log)
      : storage_(storage), options_(options), log_(log), state_(state) {}

  /// Sends until nothing is due and nothing new has come for `stay`; returns the envelopes it has seen.
  std::vector<std::string> run();

 private:
  bool out_of_time() const { return Clock::now() >= options_.deadline; }
  /// Whether there was something to do; of envelopes in pending/ only where there are `new_envelopes`.
  bool start_workers(bool new_envelopes);
  /// When the next of the envelopes in pending/ is due, if that is worth staying for; 0: none is.
  Seconds next_due() const;
  /// All that is due for a server, the envelopes each once.
  void drain(const Endpoint&);
  bool drain_interims(const Endpoint&);
  bool drain_waiting(const Endpoint&, std::set<std::string>& seen);
  /// Whether what administrator and user may have changed meanwhile still allows it. What is withdrawn is dropped.
  bool still_allowed(const Envelope&);
  /// An interim report of a run that is alive is tried once: the next one tells all that it told.
  bool interim_due(const Envelope&, const Destination&);
  bool waiting_due(const Envelope&, const Destination&) const;
  void send_report(Envelope, Destination);
  void send_deletion(const Envelope&, Destination);
  Response answer_to(const Endpoint&, const Request&);
  bool remember_sent(const Envelope&, const std::string& url);
  void note_deletions();
  bool due(const Destination&) const;
  /// Whether the destination is done with, one way or another.
  bool send_to(const Envelope&, Destination&, const std::string& report);
  bool conclude(const Envelope&, Destination&, const Response&, std::size_t events);
  std::error_code note_outcome(const Envelope&, const Destination&, bool done);
  void postpone(const Envelope&, Destination&, const Response&);
  /// False, and nothing is known of the change here either, if it cannot be saved.
  bool save(const std::function<void(State&)>& change);
  void keep_count(const std::function<void(State&)>& change);

  Storage& storage_;
  const UploadOptions& options_;
  const Log& log_;
  State state_;
  std::vector<std::string> silent_;                // endpoints that gave no answer, where back-off is ignored
  std::map<std::string, std::int64_t> interim_;    // the last sequence that was tried, by session and endpoint
  std::map<std::string, Connection> connections_;  // by endpoint; each is used by its worker alone
  EndpointWorkers workers_{[this](const Endpoint& endpoint) { drain(endpoint); }};  // last: its threads use all of this
};

/// The envelope's destination at this server, if it has one.
USAGE_STATS_INLINE const Destination* at(const Envelope& envelope, const Endpoint& endpoint) {
  const auto found = std::find_if(envelope.destinations.begin(), envelope.destinations.end(),
                                  [&](const Destination& destination) { return same(destination.endpoint, endpoint); });
  return found == envelope.destinations.end() ? nullptr : &*found;
}

USAGE_STATS_INLINE std::vector<std::string> UploadPass::run() {
  EndpointWorkers::Guard guard = workers_.hold();
  prune(storage_, log_, true);  // also now: this process may not live to its end
  std::vector<std::string> known;
  Seconds next = 0;
  auto last_news = Clock::now(), last_look = last_news - look_at_live_runs;
  std::optional<os::FolderWatch> watch;
  if (options_.stay.count() > 0) watch.emplace(storage_.folder().path() / "pending");
  for (;;) {
    if (watch) watch->forget();  // what it has told of is seen now
    const bool look = Clock::now() - last_look >= look_at_live_runs;
    // Also while staying: a run that a signal ends has started us before its process was gone.
    if (look) collect_vanished(storage_, log_);
    if (storage_.folder().is_gone()) return known;
    std::vector<std::string> names = names_in(storage_, "pending");
    const bool news = !std::includes(known.begin(), known.end(), names.begin(), names.end());
    const bool ended = workers_.end();
    const bool again = next != 0 && now_seconds() >= next;
    const bool started = (news || look || again) && start_workers(news || again);
    if (news || ended || started || again) next = next_due();
    if (news || ended || started) last_news = Clock::now();
    if (look) last_look = Clock::now();
    known = std::move(names);
    if (workers_.empty() && (out_of_time() || (next == 0 && Clock::now() - last_news >= options_.stay))) break;
    if (news) continue;
    if (!workers_.empty() || !watch)
      workers_.wait(guard, std::chrono::milliseconds(25));
    else
      watch->wait(std::chrono::ceil<std::chrono::milliseconds>(
          std::min({last_look + look_at_live_runs, last_news + options_.stay + std::chrono::milliseconds(1),
                    next == 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(100)}) -
          Clock::now()));
  }
  collect_vanished(storage_, log_);
  prune(storage_, log_, out_of_time());
  note_deletions();
  return known;
}

USAGE_STATS_INLINE bool UploadPass::due(const Destination& destination) const {
  const std::string& url = destination.endpoint.url;
  if (options_.ignore_backoff) return std::find(silent_.begin(), silent_.end(), url) == silent_.end();
  const Seconds now = now_seconds();
  return has_come(destination.not_before, now) && state_.may_ask(url, now);
}

USAGE_STATS_INLINE Seconds UploadPass::next_due() const {
  const Seconds now = now_seconds();
  Seconds next = 0;
  if (options_.awaited || options_.ignore_backoff || options_.only_deletions) return next;
  for (const Envelope& envelope : storage_.outbox.waiting())
    for (const Destination& to : envelope.destinations) {
      const Seconds due = std::max(to.not_before, state_.paused_until(to.endpoint.url));
      if (due > now && due <= now + short_wait) next = next == 0 ? due : std::min(next, due);
    }
  return next;
}

USAGE_STATS_INLINE bool UploadPass::interim_due(const Envelope& envelope, const Destination& to) {
  if (options_.only_deletions || state_.is_stopped(envelope.version, to.endpoint.url) || !due(to)) return false;
  std::int64_t& tried = interim_[envelope.session_id + " " + to.endpoint.url];
  if (envelope.sequence > tried && storage_.archive.was_tried(envelope, to.endpoint.url)) tried = envelope.sequence;
  return envelope.sequence > tried;
}

USAGE_STATS_INLINE bool UploadPass::waiting_due(const Envelope& envelope, const Destination& to) const {
  if (options_.only_deletions && !envelope.deletion) return false;
  if (envelope.in_use_elsewhere && !options_.ignore_backoff) return false;
  return due(to) || (!envelope.deletion && state_.is_stopped(envelope.version, to.endpoint.url));
}

USAGE_STATS_INLINE bool UploadPass::start_workers(bool new_envelopes) {
  std::vector<Endpoint> known, wanted;
  const auto add = [](std::vector<Endpoint>& list, const Endpoint& endpoint) {
    const auto it =
        std::find_if(list.begin(), list.end(), [&](const Endpoint& other) { return same(endpoint, other); });
    if (it == list.end()) list.push_back(endpoint);
  };
  if (out_of_time()) return false;
  for (const Envelope& envelope : storage_.outbox.interims(storage_.archive))
    for (const Destination& to : envelope.destinations) {
      add(known, to.endpoint);
      if (interim_due(envelope, to)) add(wanted, to.endpoint);
    }
  if (new_envelopes)
    for (const Envelope& envelope : storage_.outbox.waiting())
      for (const Destination& to : envelope.destinations) {
        add(known, to.endpoint);
        if (waiting_due(envelope, to)) add(wanted, to.endpoint);
      }
  if (known.size() == 1 && wanted.size() == 1 && workers_.empty()) return drain(wanted.front()), true;
  for (const Endpoint& endpoint : wanted) workers_.start(endpoint);
  return !wanted.empty();
}

USAGE_STATS_INLINE void UploadPass::drain(const Endpoint& endpoint) {
  std::set<std::string> seen;
  for (bool any = true; any;) {  // in turn: those that are alive always have something new
    any = drain_waiting(endpoint, seen);
    any = drain_interims(endpoint) || any;
  }
}

USAGE_STATS_INLINE bool UploadPass::drain_interims(const Endpoint& endpoint) {
  bool any = false;
  for (Envelope& envelope : storage_.outbox.interims(storage_.archive)) {
    const Destination* const to = at(envelope, endpoint);
    if (to == nullptr || out_of_time() || !interim_due(envelope, *to)) continue;
    // While another one was sent, a newer report may have come, or the last one, which goes the way of all that wait.
    const auto report = storage_.archive.read_report(envelope.client_id, envelope.session_id);
    const auto json = report ? parse_json(*report) : std::nullopt;
    if (!json || boolean_member(*json, "final")) continue;
    envelope.sequence = integer_member(*json, "sequence", envelope.sequence);
    // Also where it is not allowed any more: else it would be due, and keep this process alive, as long as the run.
    interim_[envelope.session_id + " " + endpoint.url] = envelope.sequence;
    if (!still_allowed(envelope)) continue;
    any = true;
    Destination tried = *to;
    ++tried.attempts;
    // What is on the disk before the first byte leaves is not sent twice, whatever ends this process in between.
    const DeliveryRecord begun{to->endpoint.url, envelope.sequence, 0, under_way, {}, tried.attempts, 0};
    if (!storage_.archive.record_delivery(envelope, begun)) send_to(envelope, tried, *report);
  }
  return any;
}

USAGE_STATS_INLINE bool UploadPass::drain_waiting(const Endpoint& endpoint, std::set<std::string>& seen) {
  bool any = false;
  std::vector<Envelope> envelopes = storage_.outbox.waiting();
  // Those that have failed least go first: one report that a server cannot stomach must not hold up the others.
  std::stable_sort(envelopes.begin(), envelopes.end(), [&](const Envelope& a, const Envelope& b) {
    const auto tries = [&](const Envelope& envelope) {
      const Destination* const to = at(envelope, endpoint);
      return to == nullptr ? 0 : to->attempts;
    };
    return tries(a) < tries(b);
  });
  for (const Envelope& envelope : envelopes) {
    const Destination* const to = at(envelope, endpoint);
    if (to == nullptr || out_of_time() || !waiting_due(envelope, *to) || !seen.insert(envelope.session_id).second)
      continue;
    any = true;
    if (envelope.deletion)
      send_deletion(envelope, *to);
    else if (still_allowed(envelope))
      send_report(envelope, *to);
  }
  return any;
}

USAGE_STATS_INLINE bool UploadPass::still_allowed(const Envelope& envelope) {
  const auto now = storage_.read_state();
  const Permission permission = !now         ? Permission{Leave::unclear, "state.json cannot be read now"}
                                : now->newer ? Permission{Leave::unclear, "state.json is of a newer version"}
                                             : permission_for(envelope, *now);
  if (permission.leave == Leave::allowed) return true;
  const bool waits = permission.leave == Leave::unclear;
  log_("session ", envelope.session_id, ": it ", waits ? "waits: " : "is not sent: ", permission.why);
  if (!waits) storage_.outbox.remove(envelope.session_id);
  return false;
}

USAGE_STATS_INLINE void UploadPass::send_report(Envelope envelope, Destination to) {
  const auto report = waiting_report(storage_, envelope, log_);
  if (report.transient()) return log_("session ", envelope.session_id, ": its report cannot be read now; it waits");
  if (!report) {
    log_("session ", envelope.session_id, ": its report is gone, damaged or not ours; dropped");
    if (succeeded(storage_.outbox.remove(envelope.session_id))) keep_count([](State& state) { ++state.dropped; });
    return;
  }
  if (const auto json = parse_json(*report)) envelope.sequence = integer_member(*json, "sequence", 1);
  const bool stopped = state_.is_stopped(envelope.version, to.endpoint.url);
  if (stopped || to.attempts >= limits::tries) {
    Response none;
    none.error = "the last try was cut off";
    note_outcome(envelope, to, stopped || conclude(envelope, to, none, 0));
    return;
  }
  ++to.attempts;
  // On the disk before the first byte leaves: whatever ends this process in between, there are so many tries at most.
  if (const auto error = note_outcome(envelope, to, false))
    return log_("session ", envelope.session_id, ": its envelope cannot be written: ", error.message(), "; it waits");
  // The disk may have taken its time, and somebody may have said no meanwhile.
  if (!still_allowed(envelope)) return;
  note_outcome(envelope, to, send_to(envelope, to, *report));
}

USAGE_STATS_INLINE std::error_code UploadPass::note_outcome(const Envelope& envelope, const Destination& tried,
                                                            bool done) {
  return storage_.outbox.update(envelope.session_id, [&](Envelope& now) {
    const Destination* const to = at(now, tried.endpoint);
    // A later one than that which was sent: the run's true end, after it was taken for lost.
    if (to == nullptr || now.sequence > envelope.sequence) return;
    const auto place = now.destinations.begin() + (to - now.destinations.data());
    if (done)
      now.destinations.erase(place);
    else
      *place = tried;
  });
}

USAGE_STATS_INLINE bool UploadPass::send_to(const Envelope& envelope, Destination& destination,
                                            const std::string& report) {
  Response response;
  const Endpoint& endpoint = destination.endpoint;
  // What an earlier try of this very report has brought counts too: a retry begins where that one came to its end.
  std::size_t events =
      endpoint.protocol == Protocol::amplitude
          ? delivered_events(storage_.archive.deliveries(envelope), endpoint.url, envelope.sequence + 1)
          : 0;
  const std::vector<Request> requests = requests_for(endpoint, report, events);
  if (!requests.empty() && !remember_sent(envelope, endpoint.url)) return --destination.attempts, false;
  for (const Request& request : requests) {
    response = answer_to(endpoint, request);
    if (classify(response, endpoint.protocol) != Answer::delivered) break;
    events = request.events;
  }
  return requests.empty() || conclude(envelope, destination, response, events);
}

USAGE_STATS_INLINE Response UploadPass::answer_to(const Endpoint& endpoint, const Request& request) {
  // Where nobody waits, a request that has begun gets its full time: cut short by our own end it would look like a
  // dead network, and make everything else wait.
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(options_.deadline - Clock::now());
  const std::chrono::milliseconds limit = options_.awaited ? left : longest_request;
  Connection& connection = connections_[endpoint.url + " " + protocol_name(endpoint.protocol)];
  Response response = workers_.meanwhile([&] {
    return send(request, std::clamp<std::chrono::milliseconds>(limit, std::chrono::milliseconds(1), longest_request),
                log_, &connection);
  });
  if (response.doubtful) response.error = "a page came instead of an answer, as of a captive portal";
  return response;
}

/// What became of it in words that a terminal can show: somebody else has written some of them.
USAGE_STATS_INLINE std::string detail_of(const Response& response) {
  return clip_utf8(plain_text(response.status == 0 || response.doubtful ? response.error : response.body), 256);
}

/// Before the first byte leaves: `usage-stats delete` must know of it also if this process ends in between. If that
/// cannot be remembered, nothing is sent.
USAGE_STATS_INLINE bool UploadPass::remember_sent(const Envelope& envelope, const std::string& url) {
  const auto missing = [](const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) == list.end();
  };
  const bool new_id = envelope.client_id != "local" && missing(state_.sent_ids, envelope.client_id);
  if (!new_id && !missing(state_.sent_to, url)) return true;
  return save([&](State& state) {
    if (new_id && missing(state.sent_ids, envelope.client_id)) state.sent_ids.push_back(envelope.client_id);
    if (missing(state.sent_to, url)) state.sent_to.push_back(url);
  });
}

/// Whatever else the server answers than that it has deleted, the wish stands, and comes again without limit.
USAGE_STATS_INLINE void UploadPass::send_deletion(const Envelope& envelope, Destination to) {
  const auto wish = deletion_request(to.endpoint, envelope.app, envelope.version, envelope.client_id);
  if (!wish) {
    note_outcome(envelope, to, true);
    return;
  }
  ++to.attempts;
  const Response response = answer_to(to.endpoint, *wish);
  const bool deleted = classify(response) == Answer::delivered;
  DeliveryRecord record{to.endpoint.url, 0, response.status, deleted ? "deleted" : "again later", {}, to.attempts, 0};
  if (!deleted) record.detail = detail_of(response);
  if (deleted)
    keep_count([&](State& state) { state.backoff.erase(to.endpoint.url); });
  else
    postpone(envelope, to, response);
  log_("deletion of ", envelope.client_id, " at ", record.url, ": ", record.result, " (",
       std::to_string(response.status), " ", record.detail, ")");
  if (options_.progress) options_.progress(envelope, record);
  note_outcome(envelope, to, deleted);
}

/// Tells sessions when a deletion is due, so that they start an uploader for it.
USAGE_STATS_INLINE void UploadPass::note_deletions() {
  Seconds next = 0;
  const Outbox::Waiting waiting = storage_.outbox.list_waiting();
  for (const Envelope& envelope : waiting.envelopes) {
    if (!envelope.deletion) continue;
    for (const Destination& destination : envelope.destinations) {
      const Seconds due = std::max<Seconds>(destination.not_before, 1);
      next = next == 0 ? due : std::min(next, due);
    }
  }
  if (!waiting.incomplete && next != state_.deletion_due) keep_count([&](State& state) { state.deletion_due = next; });
}

USAGE_STATS_INLINE bool UploadPass::conclude(const Envelope& envelope, Destination& destination,
                                             const Response& response, std::size_t events) {
  const std::string& url = destination.endpoint.url;
  const Answer answer = classify(response, destination.endpoint.protocol);
  DeliveryRecord record{url, envelope.sequence, response.status, {}, {}, destination.attempts, events};
  if (answer != Answer::delivered) record.detail = detail_of(response);
  bool done = true;
  switch (answer) {
    case Answer::delivered:
      record.result = "delivered";
      keep_count([&](State& state) {
        ++state.sent;
        state.last_sent = now_seconds();
        state.backoff.erase(url);
      });
      break;
    case Answer::refused:
      record.result = "refused";
      keep_count([](State& state) { ++state.dropped; });
      break;
    case Answer::stopped:
      record.result = "stopped";
      keep_count([&](State& state) {
        ++state.dropped;
        state.stop(envelope.version, url);
      });
      break;
    case Answer::impossible:
    case Answer::again_later:
      done = answer == Answer::again_later && destination.attempts >= limits::tries;
      record.result = done ? "gave up" : "again later";
      if (answer == Answer::impossible) --destination.attempts;  // nothing was tried
      postpone(envelope, destination, response);
      if (done) keep_count([](State& state) { ++state.dropped; });
      break;
  }
  log_("session ", envelope.session_id, " to ", url, ": ", record.result, " (", std::to_string(response.status), " ",
       record.detail, ")");
  storage_.archive.record_delivery(envelope, record);
  if (options_.progress) options_.progress(envelope, record);
  return done;
}

USAGE_STATS_INLINE void UploadPass::postpone(const Envelope& envelope, Destination& destination,
                                             const Response& response) {
  if (response.status == 0) silent_.push_back(destination.endpoint.url);
  const bool told = response.retry_after && (response.status == 429 || response.status == 503);
  const auto wish = told ? response.retry_after : std::nullopt;
  const auto seed = static_cast<unsigned>(std::strtoul(envelope.session_id.substr(0, 8).c_str(), nullptr, 16));
  keep_count([&](State& state) {
    ++state.failed;
    Backoff& wait = state.backoff[destination.endpoint.url];
    ++wait.failures;
    wait.why =
        response.status == 0 || response.doubtful ? detail_of(response) : "status " + std::to_string(response.status);
    const bool pause = response.status == 0 || told || wait.failures >= failures_before_pause;
    const Seconds now = now_seconds() + (told ? 1 : 0);  // the second that has begun does not count
    if (pause) wait.not_before = now + backoff_delay(told ? 1 : wait.failures, wish, seed).count();
    destination.not_before = now + backoff_delay(destination.attempts, wish, seed).count();
  });
}

USAGE_STATS_INLINE bool UploadPass::save(const std::function<void(State&)>& change) {
  State saved;
  const std::error_code error = storage_.update_state([&](State& state) {
    change(state);
    while (state.sent_ids.size() > limits::remembered_ids) state.sent_ids.erase(state.sent_ids.begin());
    while (state.sent_to.size() > 32) state.sent_to.erase(state.sent_to.begin());
    while (state.stopped.size() > 32) state.stopped.erase(state.stopped.begin());
    while (state.backoff.size() > 32) state.backoff.erase(state.backoff.begin());
    saved = state;
  });
  if (error)
    log_("state.json: ", error.message());
  else
    state_ = std::move(saved);
  return !error;
}

USAGE_STATS_INLINE void UploadPass::keep_count(const std::function<void(State&)>& change) {
  if (!save(change)) change(state_);  // this process, at least, remembers
}

/// One that was started and did not come so far leaves the file empty, for `usage-stats status` to see.
USAGE_STATS_INLINE void note_at_work(const Storage& storage, const os::LockedFile& lock) {
  for (const auto& entry : storage.folder().list(1, [](std::string_view name) { return name == lock_file; }))
    if (entry.size == 0 && !entry.linked) lock.append("at work\n");
}

}  // namespace uploader_impl

USAGE_STATS_INLINE bool upload(const std::filesystem::path& usage_folder, const UploadOptions& options, const Log& log,
                               std::error_code& error) {
  using os::LockedFile;
  bool worked = false;
  auto storage = Storage::open(usage_folder, {}, false, error);
  if (!storage) return log("no uploading: ", usage_folder.string(), ": ", error.message()), false;
  if (!options.awaited) storage->be_patient();
  if (!os::has_standard_streams()) return log("no uploading: a standard stream is closed"), true;
  for (;;) {
    LockedFile::Outcome outcome{};
    LockedFile lock = LockedFile::acquire(storage->folder(), uploader_impl::lock_file, true, outcome, error);
    if (!lock) {
      if (outcome != LockedFile::Outcome::failed) error.clear();
      log(outcome == LockedFile::Outcome::failed ? "uploader.lock: " + error.message() : "another uploader is at work");
      return worked;
    }
    if (!worked) uploader_impl::note_at_work(*storage, lock);
    worked = true;
    const auto state = storage->read_state();
    // A server may have told this version to stop, or to wait.
    if (!state) return log("state.json cannot be read now: nothing is sent"), worked;
    if (state->newer) return log("state.json is of a newer version: nothing is sent"), worked;
    const auto seen = uploader_impl::UploadPass(*storage, *state, options, log).run();
    lock.release();
    if (storage->folder().is_gone()) return true;
    // A session that saw the lock held has started no uploader: its envelope may have come after the last look.
    collect_vanished(*storage, log);
    const auto now = uploader_impl::names_in(*storage, "pending");
    if (std::includes(seen.begin(), seen.end(), now.begin(), now.end())) return true;
    if (uploader_impl::Clock::now() >= options.deadline) return true;
  }
}

USAGE_STATS_INLINE bool may_be_asked(const Envelope& envelope, const State& state) {
  return std::any_of(envelope.destinations.begin(), envelope.destinations.end(), [&](const Destination& destination) {
    return state.may_ask(destination.endpoint.url, now_seconds());
  });
}

USAGE_STATS_INLINE bool uploader_needed(const Storage& storage, const Envelope& envelope, const State& state) {
  if (state.is_deletion_due(now_seconds())) return true;
  return may_be_asked(envelope, state) || needs_pruning(storage, envelope.client_id);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
