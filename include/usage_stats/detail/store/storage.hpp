#pragma once
// The usage folder (section 6 of the design): state, reports, envelopes. An envelope says where its session's report
// must go; it lies in active/ while the run lives and is moved to pending/ by one rename when it has ended.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../record/disclosure.hpp"
#include "../base/log.hpp"
#include "../base/time.hpp"
#include "../../options.hpp"
#include "../record/exception_info.hpp"
#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Report;

namespace limits {
constexpr std::size_t file_bytes = 1024 * 1024;  // no file of ours is larger; a larger one is not read
constexpr std::size_t waiting_reports = 1000;    // the oldest go first
constexpr std::size_t waiting_bytes = 5 * 1024 * 1024;
constexpr std::size_t kept_sessions = 50;
constexpr std::chrono::hours kept_for{30 * 24};
constexpr int tries = 10;
constexpr std::size_t remembered_ids = 1000;
}  // namespace limits

/// When an endpoint that gave no answer may be tried again.
struct Backoff {
  int failures = 0;
  Seconds not_before = 0;
  std::string why{};  // the last try's error, in words
};

/// state.json: what is remembered from run to run. A file that cannot be parsed counts as empty and is replaced.
struct State {
  std::string app;                    // whose folder it is; empty: an earlier version wrote it
  std::string client_id;              // ClientId::install; empty until the verdict is first `on`
  std::string secret;                 // ClientId::monthly: hashed with the month
  std::vector<std::string> sent_ids;  // every client id that a server may have had
  std::vector<std::string> sent_to;   // the URLs of those servers
  Seconds deletion_due = 0;           // when a deletion that waits may be tried (again); 0: none waits
  bool notice_shown = false;
  std::optional<Disclosed> disclosed;  // nothing: nobody has been told anything yet
  bool said_no = false;                // `usage-stats disable`, or an answer; stands beside the config's until `enable`
  int unanswered_prompts = 0;
  std::int64_t sent = 0, failed = 0, dropped = 0;  // `delivery` of the next report
  Seconds last_sent = 0;
  std::map<std::string, Backoff> backoff;  // by endpoint URL
  std::vector<std::string> stopped;        // "VERSION URL" that was answered with 410
  bool newer = false;                      // another version's, which must not be changed: nothing else is known of it
  bool damaged = false;                    // of a file that could not be parsed: nothing else is left of it
};

/// A server that still has to get the session's report.
struct Destination {
  Endpoint endpoint;
  int attempts = 0;
  Seconds not_before = 0;
};

struct Envelope {
  bool deletion = false;  // not a report: the wish that the destinations delete all of `client_id`; never pruned
  std::string app, version, session_id, client_id;  // client_id: the folder's name, "local" if there is none
  std::int64_t sequence = 1;
  Seconds created = 0;
  int rule = 0;  // the rule of section 3 that allowed it
  // As the run resolved them: what it does to its environment later changes nothing. Empty: it knew no place.
  std::filesystem::path config_file, policy_file;
  std::vector<Destination> destinations;
  std::string host;            // host_mark() of the run's machine; empty: an earlier version wrote it
  std::string running_report;  // what is reported if the run vanishes, or its report is damaged
  // Written behind the envelope by a signal handler:
  std::string signal;
  std::optional<std::chrono::milliseconds> duration;
  // ... or by a run that could not reach its folder any more when it ended:
  std::string last_report;
  // Of an envelope in pending/: another machine's, and in use so recently that an uploader there may be sending it.
  bool in_use_elsewhere = false;
};

/// Puts into a report how many were delivered, failed and dropped so far.
void count_deliveries(const State&, Report&);
/// The machine in an envelope: it cannot be told from it, nor two envelopes be known to be of the same one, but by
/// whoever knows its name. Locks may hold on one machine only (a home folder on NFS).
std::string host_mark(const std::string& session_id, const std::string& host_identity);

/// 32 or 64 lower case hexadecimal digits: all that ever names a client or a session, so that no envelope points
/// outside.
bool is_id(std::string_view text) noexcept;
std::string to_text(const Envelope&);
std::optional<Envelope> parse_envelope(std::string_view text);
/// Whether it is an envelope of a version of this library whose envelopes are other than ours.
bool is_newer_label(std::string_view text);
std::string to_text(const State&);
State parse_state(std::string_view text);

constexpr const char* under_way = "under way";  // of an interim report: it may have been sent, there is no answer yet

/// One line of delivery.json.
struct DeliveryRecord {
  std::string url;
  std::int64_t sequence = 1;
  int http_status = 0;  // 0: no answer
  std::string result;   // "delivered", "again later", "refused", "stopped", "gave up", "under way"
  std::string detail;   // the transport's or the server's reason, at most 256 bytes
  int attempts = 0;
  std::size_t events = 0;  // amplitude: how many of the session's events the endpoint has now
};

/// How many of a session's events an amplitude endpoint has got with reports of a sequence below `sequence`, as the
/// text of the session's delivery.json tells; 0 if it does not.
std::size_t delivered_events(std::string_view delivery_json, std::string_view url, std::int64_t sequence);

/// The folder. All of it fails softly: an error code, never an exception for what the file system does.
class Storage {
 public:
  /// Opens the usage folder of that app; with `create`, a missing or empty one becomes its. An app without a name (an
  /// uploader's, which is told the folder only) takes the one that state.json names. Not ours, not that app's, read
  /// only, full: an error, and nothing has been changed.
  static std::optional<Storage> open(const std::filesystem::path&, const std::string& app, bool create,
                                     std::error_code&);
  /// Writes the app's name into the state.json of an earlier version, or of one that was damaged.
  std::error_code claim();

  const std::string& app() const noexcept { return app_; }
  /// What state.json said when the folder was opened.
  const State& state_at_opening() const noexcept { return opened_; }
  /// An empty one where there is none; also, with `unreadable` set, where it cannot be read now but may be later.
  State state(bool* unreadable = nullptr) const;
  /// Reads, changes and replaces state.json; safe against other processes doing the same, for which it waits 15 ms, or
  /// as be_patient() says: a host must not be held up by one that was stopped. Changes nothing where it cannot be
  /// read now, and where `enough` holds of what they have written meanwhile.
  std::error_code update_state(const std::function<void(State&)>& change,
                               const std::function<bool(const State&)>& enough = {}) const;

  /// active/SESSION_ID, locked for as long as this process lives.
  os::LockedFile begin(const Envelope&, std::error_code&) const;
  /// CLIENT_ID/SESSION_ID/usage_stats.json; std::errc::operation_canceled where it is not `wanted` at last.
  std::error_code write_report(const std::string& client_id, const std::string& session_id, std::string_view json,
                               const std::function<bool()>& wanted = {}) const;
  /// Nothing for a report that is missing, not ours, or larger than any report; `unreadable` is set where it may be
  /// there and cannot be read now.
  std::optional<std::string> read_report(const std::string& client_id, const std::string& session_id,
                                         bool* unreadable = nullptr) const;
  /// The report of an envelope in pending/. One that is damaged, as after a power cut, is replaced by what the envelope
  /// knows of the run. Nothing where there is none to send; `unreadable` as above.
  std::optional<std::string> waiting_report(const Envelope&, const Log&, bool& unreadable) const;
  std::filesystem::path report_path(const std::string& client_id, const std::string& session_id) const;
  /// active/SESSION_ID -> pending/SESSION_ID, or its end if it has nowhere to go.
  std::error_code finish(const Envelope&) const;
  /// Writes pending/SESSION_ID: for a run whose end comes when an uploader has taken it for lost.
  std::error_code wait_again(const Envelope&) const;

  /// Labels of runs that vanished: in active/, locked by nobody. The report says "lost" (or what the label's signal
  /// says) unless the run had already written its own; then the envelope is moved to pending/. Those of other machines
  /// are left alone for a day.
  void collect_vanished(const Log&, std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  std::vector<Envelope> waiting(bool* incomplete = nullptr) const;  // oldest first
  /// Labels of live sessions that have written an interim report, with its sequence.
  std::vector<Envelope> interims() const;
  /// Changes a waiting envelope; without destinations it goes. Nothing where it is gone: what `usage-stats disable` or
  /// `delete` has taken away meanwhile must not come back.
  std::error_code update_waiting(const std::string& session_id, const std::function<void(Envelope&)>& change) const;
  std::error_code remove_waiting(const std::string& session_id) const;
  /// The sequence of the last report of an envelope's run, if that is there; else 0.
  std::int64_t last_report(const Envelope&) const;
  /// Removes the report of a run whose envelope somebody has deleted, and with it all the rest. One that waits or was
  /// sent stays: an uploader has taken its run for lost.
  void forget(const Envelope&) const;
  std::error_code record_delivery(const Envelope&, const DeliveryRecord&) const;
  /// Whether delivery.json says that this sequence, or a later one, has been tried there.
  bool was_tried(const Envelope&, const std::string& url) const;
  /// delivery.json of the envelope's session; empty if there is none.
  std::string deliveries(const Envelope&) const;

  /// What lies in active/ and pending/ and is nobody's to send now.
  struct LeftAlone {
    std::size_t vanished = 0;   // their runs are gone; the next uploader reports them
    std::size_t elsewhere = 0;  // runs of other machines, which may be alive
    std::size_t newer = 0;      // envelopes of a newer version, which knows what they say
  };
  LeftAlone left_alone() const;
  /// Envelopes in pending/ that can be read and say nothing: how many there were.
  std::size_t remove_damaged_envelopes(const Log&) const;
  /// Holds the limits on number, size and age (section 6). `backlog`: reports wait because there was no time to try
  /// them yet, and somebody goes on; then their size alone counts.
  void prune(const Log&, bool backlog = false) const;
  /// Whether an uploader should prune: reports are too many, or too old, as far as one look at some hundred names
  /// tells.
  bool needs_pruning(const std::string& client_id) const;
  /// Whether many envelopes lie in active/ of runs that have vanished.
  bool has_abandoned_runs() const;

  const os::Folder& folder() const noexcept { return folder_; }
  /// For processes that nobody waits for, and the user's own commands.
  void be_patient(std::chrono::milliseconds limit = std::chrono::milliseconds(200)) noexcept { patience_ = limit; }

 private:
  Storage(os::Folder folder, std::string app, State opened, bool marked)
      : folder_(std::move(folder)), app_(std::move(app)), opened_(std::move(opened)), marked_(marked) {}
  os::Folder folder_;
  std::string app_;
  State opened_;
  bool marked_;
  std::chrono::milliseconds patience_{15};
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
