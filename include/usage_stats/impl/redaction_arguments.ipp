#pragma once
// What the arguments are to a report, and what they and the rest of the process put into the first sieve. Included by
// redaction.ipp.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../platform.hpp"
#include "../redaction.hpp"
#include "redaction_shapes.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

// ---- what this process knows

namespace redaction_impl {

inline constexpr std::size_t arguments_with_parts = 1000;  // beyond them (`tool *.bam`) values are taken whole only

USAGE_STATS_INLINE bool is_number(std::string_view text, bool& integer) noexcept {
  std::size_t at = 0, digits = 0;
  const auto skip_digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - from;
  };
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  digits = skip_digits();
  integer = digits != 0 && at == text.size();
  if (at < text.size() && text[at] == '.') ++at, digits += skip_digits();
  if (digits == 0) return false;
  if (at < text.size() && lower(text[at]) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (skip_digits() == 0) return false;
  }
  return at == text.size();
}

/// An option, as opposed to a value that begins with a dash.
USAGE_STATS_INLINE bool is_option(std::string_view argument) noexcept {
  bool integer = false;
  return argument.size() > 1 && argument[0] == '-' && !is_number(argument, integer);
}

USAGE_STATS_INLINE bool is_plain_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

/// The parts of a value that may turn up alone; not the scheme of a URL nor the extension of a file, which tell
/// nothing.
USAGE_STATS_INLINE void add_parts(Taint& taint, std::string_view value, std::string_view separators,
                                  std::string_view mark, std::size_t shortest) {
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t end = std::min(value.find_first_of(separators, at), value.size());
    const std::string_view part = value.substr(at, end - at);
    const bool extension = at != 0 && value[at - 1] == '.' && end == value.size() && part.size() <= 5;
    const bool scheme = at == 0 && value.compare(end, 3, "://") == 0;
    if (!extension && !scheme && part.size() != value.size()) taint.add(part, mark, shortest, is_short_word(part));
    at = end + 1;
  }
}

USAGE_STATS_INLINE void add_argument(Taint& taint, std::string_view argument, bool options_ended, bool parts) {
  constexpr std::string_view separators = " \t\r\n\v\f/\\.,:;=@&?|+%#*\"'()[]{}<>";
  constexpr std::size_t shortest = 3;
  std::string_view value = argument;
  if (!options_ended && is_option(argument)) {
    const std::size_t equals = argument.find('=');
    const bool long_name = argument[1] == '-';
    const std::string_view name = argument.substr(long_name ? 2 : 1, equals - (long_name ? 2 : 1));
    if (long_name && !is_plain_name(name)) taint.add(name, "<arg>", shortest);
    if (!long_name) taint.add(name.substr(std::min<std::size_t>(1, name.size())), "<arg>", shortest);
    if (!long_name && equals != std::string_view::npos) taint.add(argument.substr(2), "<arg>", shortest);
    value = equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
    if (parts && !long_name && equals == std::string_view::npos)
      add_parts(taint, argument.substr(2), separators, "<arg>", 4);
  }
  taint.add(value, "<arg>", shortest);
  if (parts) add_parts(taint, value, separators, "<arg>", shortest + 1);
}

}  // namespace redaction_impl

USAGE_STATS_INLINE void Taint::add_arguments(std::vector<std::string> arguments) {
  arguments_ = std::move(arguments);
  expanded_ = false;
}

USAGE_STATS_INLINE void Taint::add_environment(std::vector<std::string> values) {
  environment_ = std::move(values);
  expanded_ = false;
}

USAGE_STATS_INLINE Taint Taint::expanded() const {
  using namespace redaction_impl;
  Taint result;
  result.entries_ = entries_;
  bool options_ended = false;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!options_ended && arguments_[i] == "--")
      options_ended = true;
    else
      add_argument(result, arguments_[i], options_ended, i < arguments_with_parts);
  }
  for (const std::string& value : environment_) {
    result.add(value, "<env>", 6);
    add_parts(result, value, " \t\r\n:;,=@&|\"'/\\", "<env>", 6);
  }
  std::stable_sort(result.entries_.begin(), result.entries_.end(), before);  // of the same value the first one's mark
  result.expanded_ = true;
  return result;
}

USAGE_STATS_INLINE Taint ambient_taint(const std::vector<std::string>& arguments) {
  using namespace redaction_impl;
  constexpr std::string_view in_names = " .\\/@,";
  Taint taint;
  const platform::PrivateNames names = platform::private_names();  // first: `<user>` tells more than `<env>`
  for (const std::string& user : names.users) {
    taint.add(user, "<user>", 2);
    add_parts(taint, user, in_names, "<user>", 3);
  }
  for (const std::string& host : names.hosts) {
    taint.add(host, "<host>", 2);
    const std::size_t dot = std::min(host.find('.'), host.size());
    if (dot == host.size()) continue;
    taint.add(std::string_view(host).substr(0, dot), "<host>", 2);
    taint.add(std::string_view(host).substr(dot + 1), "<host>", 4);
  }
  const std::size_t home_name = names.home.find_last_of("/\\") + 1;  // npos + 1 is 0
  taint.add(std::string_view(names.home).substr(home_name), "<home>", 3);
  taint.add_path(names.home, "<home>", 3);
  taint.add_path(names.working_folder, "<path>", 3);
  taint.add_arguments(arguments);
  taint.add_environment(platform::variable_values());
  return taint;
}

// ---- arguments

namespace redaction_impl {

inline constexpr std::size_t argument_bytes = 256;

USAGE_STATS_INLINE bool is_listed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// One argument, taken apart. `shown` is what stands before its value, which may be empty or a kind.
struct Argument {
  std::string shown;
  std::string_view value;
  bool has_value = false, may_record = false;
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
    return {has_value ? shown + "=" : shown, value, has_value, all || listed};
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
  if (scheme != std::string_view::npos && scheme > 1 && (is_upper(value[0]) || is_lower(value[0])) &&
      std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(scheme),
                  [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }))
    return "<url>";
  if (value.empty()) return "<text>";
  if (value[0] == '~' || value[0] == '.' || value.find_first_of("/\\") != std::string_view::npos) return "<path>";
  const std::size_t dot = value.rfind('.');
  if (dot == std::string_view::npos || value.find('@') != std::string_view::npos) return "<text>";
  const std::string_view extension = value.substr(dot + 1);
  const bool plain = std::all_of(extension.begin(), extension.end(), is_alnum);
  const bool lettered =
      std::any_of(extension.begin(), extension.end(), [](char c) { return is_alnum(c) && !is_digit(c); });
  return plain && lettered && extension.size() <= 10 ? "<path>" : "<text>";
}

USAGE_STATS_INLINE std::vector<std::string> describe_arguments(const Options& options,
                                                               const std::vector<std::string>& arguments,
                                                               const Taint& taint, std::size_t limit,
                                                               std::size_t& dropped) {
  using namespace redaction_impl;
  dropped = 0;
  if (options.arguments == ArgumentDetail::none) return {};
  const std::size_t count = std::min(limit, arguments.size());
  dropped = arguments.size() - count;
  std::vector<Argument> shown;
  Taint recorded;  // what may be seen of the arguments is no secret of theirs
  bool options_ended = false, value_follows = false, any_recorded = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& text = arguments[i];
    Argument argument{{}, text, true, options.arguments == ArgumentDetail::values || value_follows};
    const bool is_value = options_ended || !is_option(text);
    value_follows = false;
    if (!is_value && text == "--") {
      options_ended = true;
      argument = {text, {}, false, false};
    } else if (!is_value) {
      argument = take_option_apart(options, text);
      value_follows = !argument.has_value && argument.may_record;
    } else if (is_listed(options.subcommands, text)) {
      argument = {text, {}, false, false};
    }
    any_recorded = any_recorded || (argument.has_value && argument.may_record);
    if (argument.has_value && argument.may_record)
      add_argument(recorded, text, options_ended, i < arguments_with_parts);
    shown.push_back(std::move(argument));
  }
  Taint others = taint;
  if (any_recorded) others.subtract(recorded);
  std::vector<std::string> result;
  for (const Argument& argument : shown) {
    std::string text = clip_utf8(argument.shown, argument_bytes);
    if (argument.has_value && argument.may_record)
      text += scrub(argument.value, others, argument_bytes - text.size());
    else if (argument.has_value)
      text += kind_of_value(argument.value);
    result.push_back(std::move(text));
  }
  return result;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
