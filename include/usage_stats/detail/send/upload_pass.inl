#pragma once
// One pass over the outbox: what is due, for which servers, and how long to wait for more.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../base/json.inl"
#include "../os/folder_watch.hpp"
#include "endpoint_workers.inl"
#include "../store/recovery.hpp"
#include "../store/retention.hpp"
#include "uploader.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

using Clock = std::chrono::steady_clock;

constexpr const char* lock_file = "uploader.lock";
constexpr std::chrono::seconds longest_life{60};
constexpr std::chrono::seconds longest_request{10};
constexpr std::chrono::milliseconds look_at_live_runs{200};
constexpr Seconds short_wait = 5;          // is waited for by the process at work
constexpr int failures_before_pause = 3;   // in a row, of an endpoint that answers
constexpr std::int64_t most_unsaved = 64;  // deliveries that state.json does not count yet, while more follow

/// The names of the envelopes that wait, sorted.
USAGE_STATS_INLINE std::vector<std::string> names_of_waiting(const Storage& storage) {
  std::vector<std::string> names;
  std::error_code error;
  if (const os::Folder folder = storage.outbox.pending(error))
    for (const auto& entry : folder.list(storage_impl::most_entries, is_id)) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

/// The work on one folder, by the process that holds its lock.
class UploadPass {
 public:
  UploadPass(Storage& storage, const State& state, const UploadOptions& options, const Log& log)
      : storage_(storage), options_(options), log_(log), state_(state) {}

  /// Sends until nothing is due and nothing new has arrived for `stay`; returns the envelopes it has seen.
  std::vector<std::string> run();

 private:
  bool out_of_time() const { return Clock::now() >= options_.deadline; }
  /// Whether there was something to do; looks at pending/ only if there are `new_envelopes`.
  bool start_workers(bool new_envelopes);
  /// When the next of the envelopes in pending/ is due, if that is worth staying for; 0: none is.
  Seconds next_due() const;
  /// Everything due for a server, each envelope once; of those in pending/, first the ones in `waiting`, which have
  /// just been read.
  void drain(const Endpoint&, std::optional<std::vector<Envelope>> waiting = std::nullopt);
  bool drain_interims(const Endpoint&);
  bool drain_waiting(const Endpoint&, std::vector<Envelope>, std::set<std::string>& seen);
  /// Whether the settings of administrator and user, which may have changed, still allow it. If permission was
  /// withdrawn, the report is dropped.
  bool still_allowed(const Envelope&);
  /// An interim report of a live run is tried once: the next one contains everything that it did.
  bool interim_due(const Envelope&, const Destination&);
  bool waiting_due(const Envelope&, const Destination&) const;
  /// state.json as it is now; null if it cannot be read.
  const State* state_now();
  /// A report that may be sent now: the attempt is on disk.
  struct Try {
    Envelope envelope;
    Destination to;
    std::vector<Request> requests;
    std::size_t events = 0;  // of the session's, that the endpoint has
  };
  std::optional<Try> prepare(Envelope, Destination);
  /// `more`: others for the same server follow immediately.
  void send_report(Try, bool more);
  void send_deletion(const Envelope&, Destination);
  Response answer_to(const Endpoint&, const Request&);
  bool remember_sent(const Envelope&, const std::string& url);
  void note_deletions();
  bool due(const Destination&) const;
  /// For a report that has been read and parsed; nothing if it cannot be stored that its id was sent there.
  std::optional<Try> requests_of(const Envelope&, const Destination&, const std::string& text, const Json& report);
  /// Whether nothing is left to do for the destination.
  bool send_to(Try&, bool more = false);
  bool conclude(const Envelope&, Destination&, const Response&, std::size_t events, bool more = false);
  void count_delivery(const std::string& url, bool more);
  std::error_code note_outcome(const Envelope&, const Destination&, bool done);
  void postpone(const Envelope&, Destination&, const Response&);
  /// If it cannot be saved: false, and the change is discarded here, too.
  bool save(const std::function<void(State&)>& change);
  void keep_count(const std::function<void(State&)>& change);

  Storage& storage_;
  const UploadOptions& options_;
  const Log& log_;
  State state_;
  std::optional<std::string> text_now_;  // of state.json, and what it says
  State state_now_;
  std::int64_t unsaved_ = 0;                       // deliveries that are not counted in state.json yet
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
  if (options_.stay.count() > 0) watch.emplace(storage_.outbox.pending_path());
  for (;;) {
    if (watch) watch->forget();  // what it has told of is seen now
    const bool look = Clock::now() - last_look >= look_at_live_runs;
    // Also while waiting for more: a run ended by a signal has started us before its process was gone.
    if (look) collect_vanished(storage_, log_);
    if (storage_.folder().is_gone()) return known;
    std::vector<std::string> names = names_of_waiting(storage_);
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
      workers_.wait(guard, watch ? look_at_live_runs : std::chrono::milliseconds(25));
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
      if (interim_due(envelope, to) && still_allowed(envelope)) add(wanted, to.endpoint);
    }
  std::vector<Envelope> waiting;
  if (new_envelopes) waiting = storage_.outbox.waiting();
  for (const Envelope& envelope : waiting)
    for (const Destination& to : envelope.destinations) {
      add(known, to.endpoint);
      if (waiting_due(envelope, to)) add(wanted, to.endpoint);
    }
  if (known.size() == 1 && wanted.size() == 1 && workers_.empty()) {
    drain(wanted.front(), new_envelopes ? std::optional(std::move(waiting)) : std::nullopt);
    return true;
  }
  for (const Endpoint& endpoint : wanted) workers_.start(endpoint);
  return !wanted.empty();
}

}  // namespace uploader_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
