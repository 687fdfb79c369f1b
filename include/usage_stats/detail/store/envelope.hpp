#pragma once
// An envelope says where its session's report must go. It is in active/ while the run lives, and is moved to pending/
// by one rename when the run has ended.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../options.hpp"
#include "../base/time.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
constexpr int tries = 10;
}  // namespace limits

/// A server that still has to get the session's report.
struct Destination {
  Endpoint endpoint;
  int attempts = 0;
  Seconds not_before = 0;
};

struct Envelope {
  USAGE_STATS_SPECIAL_MEMBERS(Envelope, true);

  bool deletion = false;  // not a report: asks the destinations to delete everything of `client_id`; never pruned
  std::string app, version, session_id, client_id;  // client_id: the folder's name, "local" if there is none
  std::int64_t sequence = 1;
  Seconds created = 0;
  int rule = 0;  // the rule of docs/consent.md that allowed it
  // As the run resolved them: what it does to its environment later does not matter. Empty: it could not resolve them.
  std::filesystem::path config_file, policy_file;
  std::vector<Destination> destinations;
  std::string host;            // host_mark() of the run's machine; empty: an earlier version wrote it
  std::string running_report;  // what is reported if the run vanishes, or its report is damaged
  // Written after the envelope by a signal handler:
  std::string signal;
  std::optional<std::chrono::milliseconds> duration;
  // ... or by a run that could no longer reach its folder when it ended:
  std::string last_report;
  // In pending/: another machine's, and used so recently that an uploader there may be sending it.
  bool in_use_elsewhere = false;
};

/// Marks the machine of an envelope without identifying it: only somebody who knows its name can recognise it, or see
/// that two envelopes are from the same one. Locks may work on one machine only (a home folder on NFS).
std::string host_mark(const std::string& session_id, const std::string& host_identity);

std::string to_text(const Envelope&);
std::optional<Envelope> parse_envelope(std::string_view text);
/// Whether it is an envelope of a version of this library with a different format.
bool is_newer_envelope(std::string_view text);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
