#pragma once
// What happened: one run as data, and as the JSON text of report v1 (docs/report.schema.json).

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "system_info.hpp"
#include "../../fields.hpp"
#include "../../options.hpp"
#include "exception_info.hpp"
#include "redaction/scrub.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
constexpr std::size_t fields = 64, counters = 64, events = 1000, stages = 256, arguments = 64, dependencies = 64;
constexpr std::size_t string_bytes = 256, message_bytes = 1024, report_bytes = 64 * 1024;
}  // namespace limits

/// What a Field<Text> holds until scrub_report().
struct Unscrubbed {
  std::string text;
};

using Value = std::variant<bool, std::int64_t, double, std::string, Unscrubbed>;
using Values = std::vector<std::pair<std::string, Value>>;

struct EventRecord {
  std::string name;
  double at_s = 0;
  Values fields;
};

struct StageRecord {
  std::string name;
  double at_s = 0;
  std::optional<double> duration_s;       // none: still going on
  RunStatus status = RunStatus::running;  // running, ok or failed
  Values fields;
};

struct Report {
  USAGE_STATS_SPECIAL_MEMBERS(Report, maps_move_quietly);

  std::string client_id;  // empty: none yet
  std::string session_id;
  std::int64_t sequence = 1;
  bool final = false;
  std::string app_name, app_version;
  Build build;
  std::map<std::string, std::string> dependencies;
  System system;
  std::string command;
  std::optional<std::vector<std::string>> arguments;  // none: ArgumentDetail::none
  std::chrono::system_clock::time_point started_at;
  std::optional<std::chrono::system_clock::time_point> ended_at;
  std::optional<double> duration_s;
  Outcome outcome;
  Values fields;
  std::vector<std::pair<std::string, std::int64_t>> counters;
  std::vector<EventRecord> events;
  std::vector<StageRecord> stages;
  std::int64_t delivered = 0, failed = 0, dropped = 0;
  std::map<std::string, std::size_t> truncated;  // what a limit left out, by the part's name
};

/// The report of a run that starts now with these arguments (without the program's name); the client id is left empty.
Report report_at_start(const Options&, const std::string& session_id, const std::vector<std::string>& arguments,
                       const SensitiveValues& ambient);

/// Scrubs what the program has said in words of its own making: messages, `command`, Text fields, all in one pass over
/// memory, and none if there are none. Where that cannot be done, they are left out. A command in Options::subcommands
/// stays as it is; of another one the first four words, each of which the program itself must have, and none of which
/// may be a name or a value that `sensitive` knows.
void scrub_report(Report&, const Options&, const SensitiveValues&);

/// The report as JSON, indented for people, with a line break at its end; at most limits::report_bytes: a longer one is
/// not indented, and if that is not enough the youngest events, then stages, then fields are left out and counted.
std::string to_json(const Report&);
/// The same on one line, without a line break at its end.
std::string to_line(const Report&);

/// Turns the last report that a run wrote while it lived into that of a run that vanished, or that a signal ended.
/// `written`: it was an interim report, which may have been sent; this one is the next. Nothing for text that is not a
/// report.
std::optional<std::string> recover_report(std::string_view json, bool written, RunStatus, const std::string& signal,
                                          std::optional<std::chrono::milliseconds> duration);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
