#pragma once

#include <algorithm>
#include <utility>

#include "parsed.hpp"
#include "redaction/arguments.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace parsed_impl {

constexpr std::size_t value_bytes = 4096;  // of a value, to find what must not leave

/// A declared name, unchanged. Anything with a blank or a control character is not a name: no program declares one.
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
  // Whatever follows "=" is not part of a name, whoever passed it as one.
  const std::size_t equals = std::min(name.find('='), name.size());
  const bool is_choice = value.empty() && equals != 0 && equals + 1 < name.size();
  if (value.empty()) value = name.substr(std::min(equals + 1, name.size()));
  name = name.substr(0, equals);
  const bool recorded = may_record(options, name) || is_choice;
  const std::string_view kept = value.substr(0, value_bytes);
  if (!recorded && !value.empty() && sensitive_.size() < redaction_impl::arguments_with_words)
    sensitive_.emplace_back(kept);
  if (entries_.size() >= limits::arguments) return static_cast<void>(++dropped_);
  Entry entry{name_shown(name), value.empty() ? std::string_view() : kind_of_value(value), {}, false, source};
  entry.is_choice = is_choice && !may_record(options, name);
  if (!name.empty() && !value.empty()) entry.shown += '=';
  if (recorded) entry.value = kept;
  entries_.push_back(std::move(entry));
}

USAGE_STATS_INLINE SensitiveValues::Words ParsedArguments::others(const SensitiveValues& ambient) const {
  const bool any_recorded =
      std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return !entry.value.empty(); });
  if (!any_recorded) return {};
  SensitiveValues others = ambient;
  for (const std::string& value : sensitive_) others.add(value);
  return others.words();
}

USAGE_STATS_INLINE bool ParsedArguments::may_show(const Entry& entry, const SensitiveValues::Words& sensitive) {
  if (entry.value.empty() || redaction_impl::looks_private(entry.value)) return false;
  std::vector<std::string_view> words;
  const std::string_view text = entry.value;
  for (std::size_t at = 0, end = 0; entry.is_choice && at <= text.size(); at = end + 1) {
    end = std::min(text.find(',', at), text.size());
    words.push_back(text.substr(at, end - at));
    // No more than this: a compiler may keep a short word nowhere but in its instructions, where it cannot be looked
    // up.
    if (!redaction_impl::is_plain_word(words.back())) return false;
  }
  if (!redaction_impl::says_any(text, sensitive)) return true;
  // A choice that a variable has given is the value of a variable; that of the program's own words it is tells nothing.
  if (!entry.is_choice || entry.source != ArgumentSource::environment) return false;
  const auto own = find_own_names(words, false, true);
  return own && std::find(own->begin(), own->end(), false) == own->end();
}

USAGE_STATS_INLINE void ParsedArguments::replace_in(Report& report, const SensitiveValues& ambient) const {
  using namespace redaction_impl;
  if (!told_ || hidden_) return;
  const SensitiveValues::Words sensitive = others(ambient);
  std::vector<std::string> shown;
  std::size_t dropped = dropped_;
  const auto show = [&](ArgumentSource source, const char* mark) {
    bool marked = *mark == '\0';
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.source != source) continue;
      if (shown.size() + (marked ? 1 : 2) > limits::arguments) {
        ++dropped;
        continue;
      }
      if (!marked) shown.emplace_back(mark);
      marked = true;
      std::string text = entry.shown;
      text += may_show(entry, sensitive) ? std::string_view(entry.value) : entry.kind;
      shown.push_back(clip_utf8(text, limits::string_bytes));
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
