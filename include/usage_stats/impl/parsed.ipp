#pragma once

#include <algorithm>
#include <utility>

#include "../parsed.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace parsed_impl {

constexpr std::size_t value_bytes = 4096;  // of a value that may be recorded: enough to scrub what a report shows of it

/// A declared name as it is. What no program declares, for a blank or a control character is in it, is no name.
USAGE_STATS_INLINE std::string name_shown(std::string_view name) {
  const bool odd = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7F;
  });
  return odd ? std::string("<option>") : clip_utf8(name, limits::string_bytes);
}

USAGE_STATS_INLINE bool may_record(const Options& options, std::string_view name) {
  if (options.arguments == ArgumentDetail::values) return true;
  const std::string_view plain = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  const auto& listed = options.argument_values;
  return !plain.empty() && std::find(listed.begin(), listed.end(), plain) != listed.end();
}

}  // namespace parsed_impl

USAGE_STATS_INLINE void ParsedArguments::add(const Options& options, std::string_view name, std::string_view value,
                                             ArgumentSource source) {
  using namespace parsed_impl;
  told_ = true;
  hidden_ = options.arguments == ArgumentDetail::none;
  if (hidden_ || source == ArgumentSource::default_value || (name.empty() && value.empty())) return;
  if (entries_.size() >= limits::arguments) return static_cast<void>(++dropped_);
  Entry entry{name_shown(name), {}, source};
  if (!value.empty()) {
    if (!name.empty()) entry.shown += '=';
    if (may_record(options, name))
      entry.value = value.substr(0, value_bytes);
    else
      entry.shown += kind_of_value(value);
  }
  entries_.push_back(std::move(entry));
}

USAGE_STATS_INLINE Taint ParsedArguments::all_but_recorded(const Taint& taint) const {
  std::vector<std::string> given{"--"}, variables;  // behind -- nothing is taken for an option
  bool any = false;
  for (const Entry& entry : entries_) {
    if (entry.value.empty()) continue;
    any = true;
    if (entry.source == ArgumentSource::command_line) given.push_back(entry.value);
    if (entry.source == ArgumentSource::environment) variables.push_back(entry.value);
  }
  if (!any) return {};  // nothing is to be scrubbed
  Taint recorded, others = taint;
  recorded.add_arguments(std::move(given));
  recorded.add_environment(std::move(variables));
  others.subtract(recorded);
  return others;
}

USAGE_STATS_INLINE void ParsedArguments::replace_in(Report& report, const Taint& taint) const {
  if (!told_ || hidden_) return;
  const Taint others = all_but_recorded(taint);
  std::vector<std::string> shown;
  std::size_t dropped = dropped_;
  const auto show = [&](ArgumentSource source, const char* mark) {
    bool marked = *mark == '\0';
    for (const Entry& entry : entries_) {
      if (entry.source != source) continue;
      if (shown.size() + (marked ? 1 : 2) > limits::arguments) {
        ++dropped;
        continue;
      }
      if (!marked) shown.emplace_back(mark);
      marked = true;
      shown.push_back(entry.shown);
      if (!entry.value.empty()) shown.back() += scrub(entry.value, others, limits::string_bytes);
      shown.back() = clip_utf8(shown.back(), limits::string_bytes);
    }
  };
  show(ArgumentSource::command_line, "");
  show(ArgumentSource::config_file, "<config_file>");
  show(ArgumentSource::environment, "<environment>");
  report.arguments = std::move(shown);
  report.truncated.erase("arguments");
  if (dropped > 0) report.truncated["arguments"] = dropped;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
