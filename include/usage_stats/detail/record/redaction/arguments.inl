#pragma once
// How arguments appear in a report. Included by scrub.inl.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scrub.hpp"
#include "vocabulary.hpp"
#include "sensitive_values.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace redaction_impl {

inline constexpr std::size_t argument_bytes = 256;

USAGE_STATS_INLINE bool is_listed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether a value that may be recorded looks as if it should not: a path, an address, a key, a long number.
USAGE_STATS_INLINE bool looks_private(std::string_view value) {
  const std::string_view kind = kind_of_value(value);
  if (kind == "<path>" || kind == "<url>" || value.find('@') != std::string_view::npos) return true;
  const std::vector<Word> words = words_of(value);
  return value.size() > argument_bytes || std::any_of(words.begin(), words.end(), [&](const Word& word) {
           const std::string_view text = value.substr(word.begin, word.end - word.begin);
           const bool digits = std::any_of(text.begin(), text.end(), is_digit);
           return text.size() > 24 || (digits && text.size() > (word.letters ? 6U : 4U));
         });
}

USAGE_STATS_INLINE bool says_any(std::string_view value, const SensitiveValues::Words& sensitive) {
  const std::vector<Word> words = words_of(value);
  return !sensitive.complete || !sensitive.occurrences(value).empty() ||
         std::any_of(words.begin(), words.end(), [&](const Word& word) {
           return sensitive.contains(value.substr(word.begin, word.end - word.begin));
         });
}

/// One argument, taken apart. `shown` is what stands before its value, which may be empty or a kind; `name` is what of
/// that only the program's own words can vouch for.
struct Argument {
  std::string shown;
  std::string_view value;
  bool has_value = false, may_record = false;
  std::string_view name{};
};

USAGE_STATS_INLINE Argument take_option_apart(const Options& options, std::string_view text) {
  const bool all = options.arguments == ArgumentDetail::values;
  const bool long_name = text[1] == '-';
  const std::size_t equals = text.find('=');
  const bool has_value = equals != std::string_view::npos;
  const std::string_view value = has_value ? text.substr(equals + 1) : std::string_view();
  const std::string_view name = text.substr(long_name ? 2 : 1, equals - (long_name ? 2 : 1));
  const bool listed = is_listed(options.argument_values, name);
  if (long_name || (listed && name.size() > 1)) {  // -threads=8 too, where the author has named it
    std::string shown = listed || is_plain_name(name) ? std::string(text.substr(0, equals)) : "<option>";
    return {has_value ? shown + "=" : shown, value, has_value, all || listed,
            listed || !is_plain_name(name) ? std::string_view() : name};
  }
  if (name.empty() || !is_alnum(name[0])) return {has_value ? "<option>=" : "<option>", value, has_value, false};
  const std::string letter(text.substr(0, 2));
  if (!is_listed(options.argument_values, text.substr(1, 1))) return {letter, {}, false, all && name.size() == 1};
  if (name.size() == 1) return {has_value ? letter + "=" : letter, value, has_value, true};
  return {letter, text.substr(2), true, true};  // -t8
}

}  // namespace redaction_impl

USAGE_STATS_INLINE std::string_view kind_of_value(std::string_view value) noexcept {
  using namespace redaction_impl;
  bool integer = false;
  if (is_number(value, integer)) return integer ? "<int>" : "<number>";
  const std::size_t scheme = value.find("://");
  if (scheme != std::string_view::npos && scheme > 1 && is_letter(value[0]) &&
      std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(scheme),
                  [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }))
    return "<url>";
  if (value.empty()) return "<text>";
  if (value[0] == '~' || value[0] == '.' || value.find_first_of("/\\") != std::string_view::npos) return "<path>";
  const std::size_t dot = value.rfind('.');
  if (dot == std::string_view::npos || value.find('@') != std::string_view::npos) return "<text>";
  const std::string_view extension = value.substr(dot + 1);
  const bool plain = std::all_of(extension.begin(), extension.end(), is_alnum);
  const bool lettered = std::any_of(extension.begin(), extension.end(), is_letter);
  return plain && lettered && extension.size() <= 10 ? "<path>" : "<text>";
}

namespace redaction_impl {

/// The arguments, taken apart; into `sensitive` goes what may not be recorded of them.
USAGE_STATS_INLINE std::vector<Argument> take_apart(const Options& options, const std::vector<std::string>& arguments,
                                                    std::size_t count, SensitiveValues& sensitive) {
  std::vector<Argument> result;
  bool options_ended = false, value_follows = false, may_be_value = false;
  for (std::size_t i = 0; i < std::min(arguments.size(), std::max(count, arguments_with_words)); ++i) {
    const std::string& text = arguments[i];
    Argument argument{{}, text, true, options.arguments == ArgumentDetail::values || value_follows};
    const bool is_value = options_ended || !is_option(text);
    const std::string_view secret = private_part(text, options_ended);
    value_follows = false;
    if (is_value && !may_be_value && is_listed(options.subcommands, text)) {
      argument = {text, {}, false, false};
    } else if (!is_value && text == "--") {
      options_ended = true;
      argument = {text, {}, false, false};
    } else if (!is_value) {
      argument = take_option_apart(options, text);
      value_follows = !argument.has_value && argument.may_record;
    }
    may_be_value = !is_value && !options_ended && text.find('=') == std::string::npos;
    if (!(argument.has_value && argument.may_record)) sensitive.add(secret);
    if (i < count) result.push_back(std::move(argument));
  }
  return result;
}

/// Long names that the program does not contain become `<option>`; `--no-x` is known where `x` is.
USAGE_STATS_INLINE void hide_strange_names(std::vector<Argument>& arguments) {
  std::vector<std::string_view> names;
  for (const Argument& argument : arguments) {
    if (argument.name.empty()) continue;
    names.push_back(argument.name);
    names.push_back(argument.name.compare(0, 3, "no-") == 0 ? argument.name.substr(3) : argument.name);
  }
  if (names.empty()) return;
  const auto known = find_own_names(names);
  std::size_t i = 0;
  for (Argument& argument : arguments) {
    if (argument.name.empty()) continue;
    if (!known || !((*known)[i] || (*known)[i + 1])) argument.shown.replace(0, argument.name.size() + 2, "<option>");
    i += 2;
  }
}

}  // namespace redaction_impl

USAGE_STATS_INLINE std::string subcommand_of(const Options& options, const std::vector<std::string>& arguments) {
  SensitiveValues unused;
  if (options.subcommands.empty()) return {};
  for (const redaction_impl::Argument& argument :
       redaction_impl::take_apart(options, arguments, arguments.size(), unused))
    if (!argument.has_value && redaction_impl::is_listed(options.subcommands, argument.shown)) return argument.shown;
  return {};
}

USAGE_STATS_INLINE std::vector<std::string> describe_arguments(const Options& options,
                                                               const std::vector<std::string>& arguments,
                                                               const SensitiveValues& ambient, std::size_t limit,
                                                               std::size_t& dropped) {
  using namespace redaction_impl;
  dropped = 0;
  if (options.arguments == ArgumentDetail::none) return {};
  const std::size_t count = std::min(limit, arguments.size());
  dropped = arguments.size() - count;
  SensitiveValues others = ambient;
  std::vector<Argument> shown = take_apart(options, arguments, count, others);
  hide_strange_names(shown);
  const bool any_recorded = std::any_of(
      shown.begin(), shown.end(), [](const Argument& argument) { return argument.has_value && argument.may_record; });
  const SensitiveValues::Words sensitive = any_recorded ? others.words() : SensitiveValues::Words();
  std::vector<std::string> result;
  for (const Argument& argument : shown) {
    const bool recorded = argument.may_record && !looks_private(argument.value) && !says_any(argument.value, sensitive);
    std::string value;
    if (argument.has_value && !recorded) value = kind_of_value(argument.value);
    std::string text = clip_utf8(argument.shown, argument_bytes - value.size());
    if (argument.has_value && recorded) value = clip_utf8(argument.value, argument_bytes - text.size());
    result.push_back(text + value);
  }
  return result;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
