#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>

#include "../os/bounded_lock.hpp"
#include "../base/sha256.hpp"
#include "report.hpp"
#include "../base/time.hpp"
#include "redaction/vocabulary.hpp"
#include "../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace report_impl {

constexpr std::size_t room_for_the_end = 256;  // bytes: outcome, signal, duration, a digit more of the sequence

/// Milliseconds are as fine as a report gets.
USAGE_STATS_INLINE double rounded(double seconds) { return std::round(std::max(seconds, 0.0) * 1000.0) / 1000.0; }

USAGE_STATS_INLINE Json json_of(const Values& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values)
    std::visit(
        [&, &key = name](const auto& plain) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(plain)>, Unscrubbed>) object[key] = plain;
        },
        value);
  return object;
}

USAGE_STATS_INLINE void put_known(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = clip_utf8(text, limits::string_bytes);
}

USAGE_STATS_INLINE Json json_of(const System& system) {
  Json object = Json::object();
  put_known(object, "os", system.os);
  put_known(object, "os_version", system.os_version);
  put_known(object, "kernel", system.kernel);
  put_known(object, "arch", system.arch);
  if (system.cpus != 0) object["cpus"] = system.cpus;
  if (system.memory_gb != 0) object["memory_gb"] = system.memory_gb;
  put_known(object, "libc", system.libc);
  object["ci"] = system.ci;
  object["container"] = system.container;
  object["interactive"] = system.interactive;
  return object;
}

USAGE_STATS_INLINE Json json_of(const Build& build, const std::map<std::string, std::string>& dependencies) {
  Json object = Json::object();
  put_known(object, "compiler", build.compiler);
  object["cxx_standard"] = build.cxx_standard;
  put_known(object, "type", build.type);
  if (dependencies.empty()) return object;
  Json& list = object["dependencies"] = Json::object();
  for (const auto& [name, version] : dependencies)
    list[clip_utf8(name, limits::string_bytes)] = clip_utf8(version, limits::string_bytes);
  return object;
}

USAGE_STATS_INLINE Json json_of(const ErrorLink& link) {
  Json object = Json::object();
  object["type"] = link.type.empty() ? "unknown" : clip_utf8(link.type, limits::string_bytes);
  if (!link.message.empty()) object["message"] = link.message;
  return object;
}

USAGE_STATS_INLINE Json json_of(const Outcome& outcome) {
  Json object = Json::object();
  object["status"] = status_name(outcome.status);
  if (outcome.exit_code) object["exit_code"] = *outcome.exit_code;
  put_known(object, "signal", outcome.signal);
  if (outcome.error.empty()) return object;
  Json& error = object["error"] = json_of(outcome.error.front());
  for (std::size_t i = 1; i < outcome.error.size(); ++i) error["causes"].push_back(json_of(outcome.error[i]));
  return object;
}

USAGE_STATS_INLINE Json json_of(const EventRecord& event) {
  return {{"name", event.name}, {"at_s", rounded(event.at_s)}, {"fields", json_of(event.fields)}};
}

USAGE_STATS_INLINE Json json_of(const StageRecord& stage) {
  Json object = {{"name", stage.name}, {"at_s", rounded(stage.at_s)}};
  if (stage.duration_s) object["duration_s"] = rounded(*stage.duration_s);
  object["status"] = status_name(stage.status);
  object["fields"] = json_of(stage.fields);
  return object;
}

template <class Record>
USAGE_STATS_INLINE Json json_list(const std::vector<Record>& records) {
  Json list = Json::array();
  for (const Record& record : records) list.push_back(json_of(record));
  return list;
}

USAGE_STATS_INLINE Json json_of(const Report& report) {
  Json json = Json::object();
  json["schema"] = "usage-stats/1";
  put_known(json, "client_id", report.client_id);
  json["session_id"] = report.session_id;
  json["sequence"] = report.sequence;
  json["final"] = report.final;
  json["app"] = {{"name", report.app_name}, {"version", report.app_version}};
  json["build"] = json_of(report.build, report.dependencies);
  json["system"] = json_of(report.system);
  Json& command = json["command"] = Json::object();
  put_known(command, "name", report.command);
  if (report.arguments) command["arguments"] = *report.arguments;
  json["started_at"] = timestamp(report.started_at);
  if (report.ended_at) json["ended_at"] = timestamp(*report.ended_at);
  if (report.duration_s) json["duration_s"] = rounded(*report.duration_s);
  json["outcome"] = json_of(report.outcome);
  json["fields"] = json_of(report.fields);
  Json& counters = json["counters"] = Json::object();
  for (const auto& [name, count] : report.counters) counters[name] = count;
  json["events"] = json_list(report.events);
  json["stages"] = json_list(report.stages);
  json["delivery"] = {{"sent", report.delivered}, {"failed", report.failed}, {"dropped", report.dropped}};
  if (!report.truncated.empty()) json["truncated"] = report.truncated;
  return json;
}

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

/// Calls `see` for each text that the program has made up, as far as a report has room for them.
template <class See>
void for_each_text(Report& report, See see) {
  std::size_t room = limits::report_bytes;
  for (ErrorLink& link : report.outcome.error) {
    see(link.message);
    if (link.told) see(link.type);
  }
  const auto values = [&](Values& list) {
    for (auto& [name, value] : list) {
      auto* const text = std::get_if<Unscrubbed>(&value);
      if (text == nullptr || text->text.size() > room) continue;
      room -= text->text.size();
      see(value);
    }
  };
  values(report.fields);
  for (EventRecord& event : report.events) values(event.fields);
  for (StageRecord& stage : report.stages) values(stage.fields);
}

/// "remote add", if the program has these words.
USAGE_STATS_INLINE std::string known_command(const std::string& command) {
  std::vector<std::string_view> names;
  for (std::size_t at = 0, end = 0; at < command.size(); at = end + 1) {
    end = std::min(command.find(' ', at), command.size());
    names.push_back(std::string_view(command).substr(at, end - at));
  }
  const auto known = find_own_names(names);
  std::string result;
  for (std::size_t i = 0; i < names.size() && known; ++i)
    result.append(i == 0 ? "" : " ").append((*known)[i] ? names[i] : value_mark);
  return result;
}

}  // namespace report_impl

USAGE_STATS_INLINE void scrub_report(Report& report, const Options& options, const SensitiveValues& sensitive) {
  const auto& listed = options.subcommands;
  if (!report.command.empty() && std::find(listed.begin(), listed.end(), report.command) == listed.end())
    report.command = enough_memory() ? report_impl::known_command(report.command) : std::string();
  if (options.errors == ErrorDetail::type)
    for (ErrorLink& link : report.outcome.error) link.message.clear();
  std::vector<std::string> texts;
  const auto add = [&](auto& text) {
    if constexpr (std::is_same_v<std::decay_t<decltype(text)>, Value>)
      texts.push_back(std::get<Unscrubbed>(text).text);
    else
      texts.push_back(text);
  };
  report_impl::for_each_text(report, add);
  const bool any = std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !text.empty(); });
  std::optional<std::vector<std::string>> clean(texts);
  if (any && !enough_memory())
    clean.reset();
  else if (any)
    clean = scrub(texts, sensitive, limits::message_bytes, os::read_only_memory(true));
  std::size_t next = 0;
  report_impl::for_each_text(report, [&](auto& text) {
    constexpr bool is_field = std::is_same_v<std::decay_t<decltype(text)>, Value>;
    if (clean) {
      std::string& shown = (*clean)[next++];
      if (is_field) shown.resize(redaction_impl::whole_words(shown, limits::string_bytes));
      text = std::move(shown);
    } else if constexpr (!is_field)
      text.clear();
  });
}

USAGE_STATS_INLINE std::string to_json(Report report) {
  // What is not the last report leaves room for how the run ends: close_report() may have to say it.
  const std::size_t most = limits::report_bytes - (report.final ? 0 : report_impl::room_for_the_end);
  std::string text = json_text(report_impl::json_of(report), 2) + "\n";
  // Where there is no room for both, what was recorded goes before what is easy to read.
  while (text.size() > most) {
    text = json_text(report_impl::json_of(report)) + "\n";
    if (text.size() > most && !report_impl::shorten(report)) break;
  }
  return text;
}

USAGE_STATS_INLINE std::optional<std::string> close_report(std::string_view text, bool written, RunStatus status,
                                                           const std::string& signal,
                                                           std::optional<std::chrono::milliseconds> duration) {
  auto json = parse_json(text);
  if (!json || string_member(*json, "schema") != "usage-stats/1" || string_member(*json, "session_id").empty())
    return std::nullopt;
  (*json)["final"] = true;
  if (written) (*json)["sequence"] = integer_member(*json, "sequence", 1) + 1;
  json->erase("duration_s");
  json->erase("ended_at");
  if (duration) (*json)["duration_s"] = report_impl::rounded(static_cast<double>(duration->count()) / 1000.0);
  Json outcome = {{"status", status_name(status)}};
  if (!signal.empty()) outcome["signal"] = signal;
  (*json)["outcome"] = std::move(outcome);
  const std::string legible = json_text(*json, 2) + "\n";
  return legible.size() <= limits::report_bytes ? legible : json_text(*json) + "\n";
}

USAGE_STATS_INLINE Recorder::Recorder(std::string salt, Withheld withheld)
    : salt_(std::move(salt)), withheld_(std::move(withheld)) {}

USAGE_STATS_INLINE double Recorder::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

USAGE_STATS_INLINE bool Recorder::withheld(const char* name) const {
  const auto& names = withheld_.fields;
  return std::find(names.begin(), names.end(), name) != names.end();
}

USAGE_STATS_INLINE bool Recorder::disclosed(const char* name, const char* choice) const {
  const auto limited = withheld_.choices.find(name);
  if (limited == withheld_.choices.end()) return true;
  const auto& known = limited->second;
  return std::find(known.begin(), known.end(), clip_utf8(choice, limits::string_bytes)) != known.end();
}

USAGE_STATS_INLINE std::optional<Value> Recorder::value_of(const FieldValue& value) const {
  const Declaration& field = value.field();
  if (withheld(field.name())) return std::nullopt;
  if (const auto* const flag = std::get_if<bool>(&value.raw())) return *flag;
  if (const auto* const integer = std::get_if<std::int64_t>(&value.raw())) return *integer;
  if (const auto* const number = std::get_if<double>(&value.raw()))
    return is_finite(*number) ? std::optional<Value>(*number) : std::nullopt;
  const std::string_view text = std::get<std::string_view>(value.raw());
  if (field.kind() == Kind::hashed) return sha256(salt_ + std::string(text));
  if (field.kind() == Kind::text) return Unscrubbed{std::string(text.substr(0, 2 * limits::string_bytes))};
  for (const char* const choice : field.choices())
    if (text == choice) return std::string(disclosed(field.name(), choice) ? choice : "other");
  return std::string("other");
}

USAGE_STATS_INLINE void Recorder::put(Values& values, const FieldValue& value, std::size_t limit) {
  auto known = value_of(value);
  if (!known) return;
  for (auto& [name, old] : values)
    if (name == value.field().name()) return static_cast<void>(old = std::move(*known));
  if (values.size() >= limit)
    ++truncated_["fields"];
  else
    values.emplace_back(value.field().name(), std::move(*known));
}

USAGE_STATS_INLINE std::unique_lock<std::mutex> Recorder::open() {
  if (forks_ != os::forks()) return {};
  std::unique_lock<std::mutex> guard = lock_or_give_up(mutex_);
  if (!guard) return guard;
  if (closed_)
    guard.unlock();
  else
    ++changes_;
  return guard;
}

USAGE_STATS_INLINE void Recorder::set(const FieldValue& value) {
  if (const auto guard = open()) put(fields_, value, limits::fields);
}

USAGE_STATS_INLINE void Recorder::add(const Counter& counter, std::int64_t n) {
  const auto guard = open();
  if (!guard || n < 0 || withheld(counter.name())) return;
  for (auto& [name, count] : counters_)
    if (name == counter.name()) {
      count = n > (std::numeric_limits<std::int64_t>::max)() - count ? (std::numeric_limits<std::int64_t>::max)()
                                                                     : count + n;
      return;
    }
  if (counters_.size() >= limits::counters)
    ++truncated_["counters"];
  else
    counters_.emplace_back(counter.name(), n);
}

USAGE_STATS_INLINE void Recorder::record(const Event& event, const FieldValue* values, std::size_t count) {
  const auto guard = open();
  if (!guard || withheld(event.name())) return;
  if (events_.size() >= limits::events) return static_cast<void>(++truncated_["events"]);
  EventRecord record{event.name(), seconds(), {}};
  for (std::size_t i = 0; i < count; ++i) put(record.fields, values[i], limits::fields);
  events_.push_back(std::move(record));
}

USAGE_STATS_INLINE std::optional<std::size_t> Recorder::enter(const Stage& stage) {
  const auto guard = open();
  if (!guard || withheld(stage.name())) return std::nullopt;
  if (stages_.size() >= limits::stages) return ++truncated_["stages"], std::nullopt;
  stages_.push_back({stage.name(), seconds(), std::nullopt, RunStatus::running, {}});
  return stages_.size() - 1;
}

USAGE_STATS_INLINE void Recorder::set(std::size_t stage, const FieldValue& value) {
  if (const auto guard = open()) put(stages_[stage].fields, value, limits::fields);
}

USAGE_STATS_INLINE void Recorder::leave(std::size_t stage, bool failed) {
  const auto guard = open();
  if (!guard) return;
  StageRecord& record = stages_[stage];
  record.duration_s = seconds() - record.at_s;
  record.status = failed ? RunStatus::failed : RunStatus::ok;
}

USAGE_STATS_INLINE bool Recorder::close() {
  const auto guard = lock_or_give_up(mutex_);
  if (guard) closed_ = true;
  return guard.owns_lock();
}

USAGE_STATS_INLINE void Recorder::add_to(Report& report) const {
  const auto guard = lock_or_give_up(mutex_);
  if (!guard) return;
  report.fields = fields_;
  report.counters = counters_;
  report.events = events_;
  report.stages = stages_;
  for (const auto& [name, count] : truncated_) report.truncated[name] += count;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
