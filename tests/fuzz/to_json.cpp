// Reports as they are made. A line adds something: `f NAME TEXT`, `i NAME INTEGER`, `d NAME NUMBER` fields, `c NAME
// COUNT` a counter, `e NAME SECONDS` an event, `s NAME SECONDS` a stage, `a TEXT` an argument, `m TEXT` an error, `x N`
// the last event and stage N times more, once (at most 4 times, but for each 61st length above 200, since large reports
// are slow). The result is JSON, UTF-8, no larger than a report may be, tells what it left out, can be closed, and
// every protocol can take it (of these four one for each input: its length says which).
#include "fuzz.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace us = usage_stats::detail;

namespace {

std::string clipped(std::string_view text) { return us::clip_utf8(text, us::limits::string_bytes); }

double seconds(std::string_view text) {
  const double value = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(value) ? value : 0;
}

void repeat(us::Report& report, std::int64_t times) {
  for (std::int64_t i = 0; i < times; ++i) {
    if (!report.events.empty() && report.events.size() < us::limits::events)
      report.events.push_back(us::EventRecord(report.events.back()));
    if (!report.stages.empty() && report.stages.size() < us::limits::stages)
      report.stages.push_back(us::StageRecord(report.stages.back()));
  }
}

void add(us::Report& report, std::string_view line, std::int64_t& repeats) {
  const std::string_view what = fuzz::take(line, ' ');
  if (what == "x") return repeat(report, std::min(std::exchange(repeats, 0), fuzz::number(line)));
  if (what == "a") {
    if (!report.arguments) report.arguments.emplace();
    if (report.arguments->size() < us::limits::arguments) report.arguments->push_back(clipped(line));
  }
  if (what == "m" && report.outcome.error.size() < 8)
    report.outcome.error.push_back({clipped(line), us::clip_utf8(line, us::limits::message_bytes)});
  const std::string name = clipped(fuzz::take(line, ' '));
  us::Values& fields = report.events.empty() ? report.fields : report.events.back().fields;
  const bool room = fields.size() < us::limits::fields;
  if (what == "f" && room) fields.emplace_back(name, clipped(line));
  if (what == "i" && room) fields.emplace_back(name, fuzz::number(line));
  if (what == "d" && room) fields.emplace_back(name, seconds(line));
  if (what == "c" && report.counters.size() < us::limits::counters)
    report.counters.emplace_back(name, fuzz::number(line));
  if (what == "e" && report.events.size() < us::limits::events) report.events.push_back({name, seconds(line), {}});
  if (what == "s" && report.stages.size() < us::limits::stages)
    report.stages.push_back({name, seconds(line), seconds(line), us::RunStatus::ok, {}});
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  us::Report report;
  report.session_id = std::string(32, 'a');
  report.app_name = "app";
  report.final = true;
  std::int64_t repeats = size > 200 && size % 61 == 0 ? us::limits::events : 4;
  for (const std::string& line : fuzz::all_of(fuzz::text_of(data, size), '\n')) add(report, line, repeats);
  const std::string text = us::to_json(report);
  HOLDS(text.size() <= us::limits::report_bytes);
  HOLDS(fuzz::is_utf8(text));
  const auto json = fuzz::parse(text);
  HOLDS(json.is_object());
  const auto left_out = [&](const char* name) {
    return json.contains("truncated") ? json["truncated"].value(name, std::size_t{0}) : std::size_t{0};
  };
  HOLDS(json["events"].size() + left_out("events") == report.events.size());
  HOLDS(json["stages"].size() + left_out("stages") == report.stages.size());
  constexpr usage_stats::Protocol protocols[] = {usage_stats::Protocol::json, usage_stats::Protocol::otlp,
                                                 usage_stats::Protocol::amplitude};
  if (size % 4 == 3) {
    HOLDS(us::recover_report(text, true, us::RunStatus::lost, "", std::nullopt));
    return 0;
  }
  const auto requests = us::requests_for({"https://example.org/", protocols[size % 4], "key"}, text);
  HOLDS(!requests.empty());
  for (const us::Request& request : requests)
    HOLDS(nlohmann::json::accept(request.body) && request.body.size() <= 1000 * 1000);
  return 0;
}
