#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report.hpp"
#include "../base/time.hpp"
#include "redaction/vocabulary.hpp"
#include "../base/json.inl"
#include "report_writer.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Report, maps_move_quietly);

namespace report_impl {

constexpr std::size_t room_for_the_end = 256;  // bytes: outcome, signal, duration, a digit more of the sequence

/// Drops a quarter (at least one) of the list's youngest and counts them; false if it was empty.
template <class List>
USAGE_STATS_INLINE bool shorten(List& list, const char* name, Report& report) {
  if (list.empty()) return false;
  const std::size_t gone = (list.size() + 3) / 4;
  list.erase(std::prev(list.end(), static_cast<std::ptrdiff_t>(gone)), list.end());
  report.truncated[name] += gone;
  return true;
}

USAGE_STATS_INLINE bool shorten(Report& report) {
  return shorten(report.events, "events", report) || shorten(report.stages, "stages", report) ||
         shorten(report.fields, "fields", report) || shorten(report.counters, "counters", report) ||
         (report.arguments && shorten(*report.arguments, "arguments", report)) ||
         shorten(report.dependencies, "dependencies", report);
}

}  // namespace report_impl

USAGE_STATS_INLINE Report report_at_start(const Options& options, const std::string& session_id,
                                          const std::vector<std::string>& arguments, const SensitiveValues& ambient) {
  Report report;
  report.session_id = session_id;
  report.app_name = options.app;
  report.app_version = options.version;
  report.build = this_build();
  report.dependencies = options.dependencies;
  report.system = this_system();
  if (options.arguments != ArgumentDetail::none) {
    std::size_t dropped = 0;
    report.arguments = describe_arguments(options, arguments, ambient, limits::arguments, dropped);
    if (dropped > 0) report.truncated["arguments"] = dropped;
  }
  report.command = subcommand_of(options, arguments);
  report.started_at = std::chrono::system_clock::now();
  return report;
}

namespace report_impl {

/// Calls `see` for each text that the program has made up, and the value that it is of, as far as a report has room for
/// them. Messages come first. Returns how many there was no room for.
template <class See>
std::size_t for_each_text(Report& report, See see) {
  std::size_t room = limits::report_bytes, left_out = 0;
  for (ErrorLink& link : report.outcome.error) {
    see(link.message, nullptr);
    if (link.told) see(link.type, nullptr);
  }
  const auto values = [&](Values& list) {
    for (auto& [name, value] : list) {
      auto* const text = std::get_if<Unscrubbed>(&value);
      if (text == nullptr) continue;
      if (text->text.size() > room) {
        ++left_out;
        continue;
      }
      room -= text->text.size();
      see(text->text, &value);
    }
  };
  values(report.fields);
  for (EventRecord& event : report.events) values(event.fields);
  for (StageRecord& stage : report.stages) values(stage.fields);
  return left_out;
}

USAGE_STATS_INLINE void scrub_texts(Report& report, const SensitiveValues& sensitive) {
  std::vector<std::string> texts;
  std::size_t messages = 0;
  const std::size_t left_out = for_each_text(report, [&](const std::string& text, const Value* field) {
    texts.push_back(text);
    messages += field == nullptr ? 1 : 0;
  });
  const bool any = std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !text.empty(); });
  std::optional<std::vector<std::string>> clean(texts);
  if (any && !enough_memory())
    clean.reset();
  else if (any)
    clean = scrub(texts, sensitive, limits::message_bytes, os::read_only_memory(true), messages);
  if (left_out > 0) report.truncated["fields"] += left_out;
  std::size_t next = 0;
  for_each_text(report, [&](std::string& text, Value* field) {
    std::string shown = clean ? std::move((*clean)[next++]) : std::string();
    if (field == nullptr) {
      text = std::move(shown);
    } else if (clean) {
      shown.resize(redaction_impl::whole_words(shown, limits::string_bytes));
      *field = std::move(shown);
    }
  });
}

/// "remote add", if the program (no library, for those have words for everything) has these words, and none is a name
/// of the user or the host.
USAGE_STATS_INLINE std::string known_command(const std::string& command, const SensitiveValues& sensitive) {
  constexpr std::size_t most = 4;
  std::vector<std::string_view> names;
  for (std::size_t at = 0, end = 0; at < command.size() && names.size() < most; at = end + 1) {
    end = std::min(command.find(' ', at), command.size());
    names.push_back(std::string_view(command).substr(at, end - at));
  }
  const auto known = find_own_names(names, false);
  std::string result;
  for (std::size_t i = 0; i < names.size() && known; ++i)
    result.append(i == 0 ? "" : " ").append((*known)[i] && !sensitive.is_name(names[i]) ? names[i] : value_mark);
  return result;
}

}  // namespace report_impl

USAGE_STATS_INLINE void scrub_report(Report& report, const Options& options, const SensitiveValues& sensitive) {
  const auto& listed = options.subcommands;
  if (!report.command.empty() && std::find(listed.begin(), listed.end(), report.command) == listed.end())
    report.command = enough_memory() ? report_impl::known_command(report.command, sensitive) : std::string();
  if (options.errors == ErrorDetail::type)
    for (ErrorLink& link : report.outcome.error) link.message.clear();
  report_impl::scrub_texts(report, sensitive);
}

namespace report_impl {

/// The report in `most` bytes, if it is not too long even without all that can be left out.
USAGE_STATS_INLINE std::string fitted(const Report& report, std::size_t most) {
  Report shorter = report;
  for (;;) {
    ReportWriter writer(shorter, false, most);
    if (!writer.is_full()) return writer.take();
    // No more of them than there was room for this time; which saves writing it once for each quarter.
    const bool no_events = shorter.events.empty();
    do
      if (!shorten(shorter)) return ReportWriter(shorter, false, ~std::size_t{0}).take();
    while ((!shorter.events.empty() && shorter.events.size() >= writer.events) ||
           (no_events && !shorter.stages.empty() && shorter.stages.size() >= writer.stages));
  }
}

/// What is not the last report leaves room for how the run ends: recover_report() may have to say it.
USAGE_STATS_INLINE std::size_t room_for(const Report& report) noexcept {
  return limits::report_bytes - 1 - (report.final ? 0 : room_for_the_end);
}

}  // namespace report_impl

USAGE_STATS_INLINE std::string to_json(const Report& report) {
  const std::size_t most = report_impl::room_for(report);
  report_impl::ReportWriter legible(report, true, most);
  // Where there is no room for both, what was recorded goes before what is easy to read.
  return (legible.is_full() ? report_impl::fitted(report, most) : legible.take()) + "\n";
}

USAGE_STATS_INLINE std::string to_line(const Report& report) {
  const std::size_t most = report_impl::room_for(report);
  report_impl::ReportWriter writer(report, false, most);
  return writer.is_full() ? report_impl::fitted(report, most) : writer.take();
}

namespace report_impl {

/// A report's keys in their order; an `ended_at` is not known of a run that somebody else closes.
inline constexpr const char* keys[] = {"schema", "client_id", "session_id", "sequence",   "final",      "app",
                                       "build",  "system",    "command",    "started_at", "duration_s", "outcome",
                                       "fields", "counters",  "events",     "stages",     "delivery",   "truncated"};

/// What is none of them.
USAGE_STATS_INLINE void write_other_keys(JsonWriter& out, const Json& report) {
  for (const auto& [name, value] : *report.get<Json::Members>())
    if (name != "ended_at" && std::find(std::begin(keys), std::end(keys), name) == std::end(keys))
      write_json(out.key(name), value);
}

struct Ending {
  std::int64_t sequence;
  RunStatus status;
  const std::string& signal;
  std::optional<std::chrono::milliseconds> duration;
};

USAGE_STATS_INLINE std::string closed(const Json& report, const Ending& end, bool indented) {
  JsonWriter out(indented);
  out.begin_object();
  for (const std::string_view key : keys) {
    const Json* const before = member(report, key);
    if (key == "final") {
      out.key(key).flag(true);
    } else if (key == "sequence") {
      out.key(key).integer(end.sequence);
    } else if (key == "duration_s") {
      if (end.duration) out.key(key).number(rounded(static_cast<double>(end.duration->count()) / 1000.0));
    } else if (key == "outcome") {
      out.key(key).begin_object();
      out.key("status").text(status_name(end.status));
      put_text(out, "signal", end.signal);
      out.end_object();
    } else if (before != nullptr) {
      write_json(out.key(key), *before);
    }
  }
  write_other_keys(out, report);
  out.end_object();
  return out.take() + "\n";
}

}  // namespace report_impl

/// A report that was read, its keys in their order.
USAGE_STATS_INLINE void write_report(JsonWriter& out, const Json& json) {
  if (!json.is_object()) return write_json(out, json);
  out.begin_object();
  for (const char* const key : report_impl::keys) {
    if (const Json* const value = member(json, key)) write_json(out.key(key), *value);
    const Json* const ended = std::string_view(key) == "started_at" ? member(json, "ended_at") : nullptr;
    if (ended != nullptr) write_json(out.key("ended_at"), *ended);
  }
  report_impl::write_other_keys(out, json);
  out.end_object();
}

USAGE_STATS_INLINE std::optional<std::string> recover_report(std::string_view text, bool written, RunStatus status,
                                                             const std::string& signal,
                                                             std::optional<std::chrono::milliseconds> duration) {
  const auto json = parse_json(text);
  if (!json || string_member(*json, "schema") != "usage-stats/1" || string_member(*json, "session_id").empty())
    return std::nullopt;
  const std::int64_t sequence = integer_member(*json, "sequence", 1) + (written ? 1 : 0);
  const report_impl::Ending end{sequence, status, signal, duration};
  std::string legible = report_impl::closed(*json, end, true);
  return legible.size() <= limits::report_bytes ? legible : report_impl::closed(*json, end, false);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
