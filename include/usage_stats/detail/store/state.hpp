#pragma once
// state.json: what is stored from run to run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../base/time.hpp"
#include "../record/disclosure.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Report;

namespace limits {
constexpr std::size_t remembered_ids = 1000;
}  // namespace limits

/// Whether a due time has come. A clock that was set back must not delay anything for longer than the longest pause.
bool has_come(Seconds moment, Seconds now) noexcept;

/// When an endpoint that gave no answer may be tried again.
struct Backoff {
  int failures = 0;
  Seconds not_before = 0;
  std::string why{};  // the last attempt's error, in words
};

/// A file that cannot be parsed counts as empty and is replaced.
struct State {
  USAGE_STATS_SPECIAL_MEMBERS(State, maps_move_quietly);

  std::string app;                    // the app that the folder belongs to; empty: an earlier version wrote it
  std::string client_id;              // ClientId::install; empty until the verdict is first `on`
  std::string secret;                 // ClientId::monthly: hashed with the month
  std::vector<std::string> sent_ids;  // every client id that a server may have had
  std::vector<std::string> sent_to;   // the URLs of those servers
  Seconds deletion_due = 0;           // when a deletion that waits may be tried (again); 0: none waits
  bool notice_shown = false;
  std::optional<Disclosed> disclosed;  // nothing: nothing has been disclosed yet
  bool said_no = false;  // `usage-stats disable`, or an answer; in addition to the config's "no", until `enable`
  int unanswered_prompts = 0;
  std::int64_t sent = 0, failed = 0, dropped = 0;  // `delivery` of the next report
  Seconds last_sent = 0;
  std::map<std::string, Backoff> backoff;  // by endpoint URL
  std::vector<std::string> stopped;        // "VERSION URL" that was answered with 410
  bool newer = false;    // written by a newer version, must not be changed: nothing else is known about it
  bool damaged = false;  // the file could not be parsed: nothing else is left of it

  /// Whether that endpoint wants no more reports from that version.
  bool is_stopped(const std::string& version, const std::string& url) const;
  void stop(const std::string& version, const std::string& url);
  /// Until when that endpoint is in back-off; 0: it is not.
  Seconds paused_until(const std::string& url) const;
  /// Whether it is not in back-off now.
  bool may_ask(const std::string& url, Seconds now) const;
  /// Whether a server should be asked now to delete what it has.
  bool is_deletion_due(Seconds now) const noexcept;
};

/// Adds to a report how many were delivered, failed and dropped so far.
void count_deliveries(const State&, Report&);

std::string to_text(const State&);
State parse_state(std::string_view text);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
