#pragma once

#include <algorithm>
#include <limits>

#include "../os/bounded_lock.hpp"
#include "../base/sha256.hpp"
#include "../base/text.hpp"
#include "recorder.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace recorder_impl {

/// Another number for each recorder of the process: by it a counter knows whose place it remembers.
USAGE_STATS_INLINE std::uint64_t next_serial() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace recorder_impl

USAGE_STATS_INLINE Recorder::Recorder(std::string salt, Withheld withheld)
    : salt_(std::move(salt)), withheld_(std::move(withheld)), serial_(recorder_impl::next_serial()) {
  std::sort(withheld_.fields.begin(), withheld_.fields.end());
}

USAGE_STATS_INLINE double Recorder::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

USAGE_STATS_INLINE bool Recorder::withheld(const char* name) const {
  const auto& names = withheld_.fields;
  return !names.empty() && std::binary_search(names.begin(), names.end(), std::string_view(name));
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
  if (guard && closed_) guard.unlock();
  return guard;
}

USAGE_STATS_INLINE std::unique_lock<std::mutex> Recorder::open_to_change() {
  std::unique_lock<std::mutex> guard = open();
  if (guard) ++changes_;
  return guard;
}

USAGE_STATS_INLINE void Recorder::set(const FieldValue& value) {
  if (const auto guard = open_to_change()) put(fields_, value, limits::fields);
}

USAGE_STATS_INLINE std::size_t Recorder::place_of(const Counter& counter) {
  if (withheld(counter.name())) return nowhere;
  const auto known = std::find(counters_.begin(), counters_.end(), std::string_view(counter.name()));
  const auto place = static_cast<std::size_t>(known - counters_.begin());
  if (known == counters_.end() && place < limits::counters) counters_.emplace_back(counter.name());
  return place;
}

USAGE_STATS_INLINE void Recorder::count(std::size_t place, std::int64_t n) noexcept {
  constexpr std::int64_t largest = (std::numeric_limits<std::int64_t>::max)();
  if (place > no_place) return;
  if (place == no_place) n = 1;  // of what has no place the calls are counted
  std::atomic<std::int64_t>& value = counts_[place].value;
  const std::int64_t before = value.fetch_add(n, std::memory_order_relaxed);
  if (before < 0 || before > largest - n) value.store((std::numeric_limits<std::int64_t>::min)());
}

USAGE_STATS_INLINE void Recorder::add(const Counter& counter, std::int64_t n) {
  const auto guard = open_to_change();
  if (!guard || n < 0) return;
  const std::size_t place = place_of(counter);
  counter.place_.store(serial_ << 8 | place, std::memory_order_relaxed);
  count(place, n);
}

USAGE_STATS_INLINE std::uint64_t Recorder::changes() const noexcept {
  std::uint64_t changes = changes_;
  for (const Count& count : counts_) changes += static_cast<std::uint64_t>(count.value.load());
  return changes;
}

USAGE_STATS_INLINE void Recorder::record(const Event& event, const FieldValue* values, std::size_t count) {
  const auto guard = open_to_change();
  if (!guard || withheld(event.name())) return;
  if (events_.size() >= limits::events) return static_cast<void>(++truncated_["events"]);
  EventRecord record{event.name(), seconds(), {}};
  for (std::size_t i = 0; i < count; ++i) put(record.fields, values[i], limits::fields);
  events_.push_back(std::move(record));
}

USAGE_STATS_INLINE std::optional<std::size_t> Recorder::enter(const Stage& stage) {
  const auto guard = open_to_change();
  if (!guard || withheld(stage.name())) return std::nullopt;
  if (stages_.size() >= limits::stages) return ++truncated_["stages"], std::nullopt;
  stages_.push_back({stage.name(), seconds(), std::nullopt, RunStatus::running, {}});
  return stages_.size() - 1;
}

USAGE_STATS_INLINE void Recorder::set(std::size_t stage, const FieldValue& value) {
  if (const auto guard = open_to_change()) put(stages_[stage].fields, value, limits::fields);
}

USAGE_STATS_INLINE void Recorder::leave(std::size_t stage, bool failed) {
  const auto guard = open_to_change();
  if (!guard) return;
  StageRecord& record = stages_[stage];
  record.duration_s = seconds() - record.at_s;
  record.status = failed ? RunStatus::failed : RunStatus::ok;
}

USAGE_STATS_INLINE void Recorder::command(std::string name) {
  if (const auto guard = open_to_change()) command_ = std::move(name);
}

USAGE_STATS_INLINE void Recorder::argument(const Options& options, std::string_view name, std::string_view value,
                                           ArgumentSource source) {
  if (const auto guard = open_to_change()) arguments_.add(options, name, value, source);
}

USAGE_STATS_INLINE void Recorder::fail(RunStatus status, std::vector<ErrorLink> error) {
  const auto guard = open();
  if (!guard) return;
  outcome_.status = status;
  if (!error.empty()) outcome_.error = std::move(error);
}

USAGE_STATS_INLINE void Recorder::exit_code(int code) {
  if (const auto guard = open()) outcome_.exit_code = code;
}

USAGE_STATS_INLINE bool Recorder::close(const End& end) {
  const auto guard = lock_or_give_up(mutex_);
  if (!guard) return false;
  closed_ = true;
  if (end.exit_code) outcome_.exit_code = end.exit_code;
  if (outcome_.exit_code) outcome_.exit_code = os::exit_status(*outcome_.exit_code);
  if (!end.uncaught.empty()) outcome_.error = end.uncaught;
  if (end.unwinding || !end.uncaught.empty()) outcome_.status = RunStatus::exception;
  if (outcome_.status == RunStatus::running)
    outcome_.status = outcome_.exit_code.value_or(0) == 0 ? RunStatus::ok : RunStatus::failed;
  return true;
}

USAGE_STATS_INLINE bool Recorder::add_to(Report& report, const SensitiveValues& ambient) const {
  auto guard = lock_or_give_up(mutex_);
  if (!guard) return false;
  if (closed_) report.outcome = outcome_;
  if (!command_.empty()) report.command = command_;
  report.fields = fields_;
  report.counters.clear();
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    const std::int64_t count = counts_[i].value;
    report.counters.emplace_back(counters_[i], count < 0 ? (std::numeric_limits<std::int64_t>::max)() : count);
  }
  report.events = events_;
  report.stages = stages_;
  for (const auto& [name, count] : truncated_) report.truncated[name] += count;
  if (const std::int64_t dropped = counts_[no_place].value)
    report.truncated["counters"] += static_cast<std::size_t>(dropped);
  const ParsedArguments arguments = arguments_;
  guard.unlock();  // words are looked up in the program's memory, and nobody may wait for that
  arguments.replace_in(report, ambient);
  return true;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
