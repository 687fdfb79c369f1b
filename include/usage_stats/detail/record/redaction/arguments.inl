#pragma once
// What the arguments are to a report, and what they and the rest of the process know that must not leave. Included by
// scrub.inl.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../os/platform.hpp"
#include "scrub.hpp"
#include "vocabulary.hpp"
#include "../../base/characters.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

// ---- what this process knows

namespace redaction_impl {

inline constexpr std::size_t in_environment = 6;  // and of paths: shorter ones may be anything

inline constexpr std::size_t arguments_with_words = 1000;  // beyond them (`tool *.bam`) nothing is looked for

USAGE_STATS_INLINE bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
USAGE_STATS_INLINE bool is_letter(char c) noexcept {
  return characters::is_ascii_letter(static_cast<unsigned char>(c));
}
USAGE_STATS_INLINE bool is_alnum(char c) noexcept { return is_digit(c) || is_letter(c); }

USAGE_STATS_INLINE std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), characters::lower);
  return result;
}

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
  if (at < text.size() && characters::lower(text[at]) == 'e') {
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

USAGE_STATS_INLINE bool is_plain_word(std::string_view word) noexcept {
  return !word.empty() && word.size() <= 32 &&
         std::all_of(word.begin(), word.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

/// The part of an argument that may be private: all of a value, what stands behind the name of an option, the name if
/// that is none, what follows the letter of a short one.
USAGE_STATS_INLINE std::string_view private_part(std::string_view argument, bool options_ended) noexcept {
  if (options_ended || !is_option(argument)) return argument;
  if (argument[1] != '-') return argument.substr(2);
  const std::size_t equals = argument.find('=');
  if (!is_plain_name(argument.substr(2, equals - 2))) return argument;
  return equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
}

}  // namespace redaction_impl

USAGE_STATS_INLINE void SensitiveValues::add(std::string_view value, std::size_t shortest, bool name) {
  if (value.empty()) return;
  values_.push_back({text_.size(), value.size(), shortest, name});
  text_ += value;
}

USAGE_STATS_INLINE std::optional<SensitiveValues> SensitiveValues::completed() const {
  const auto names = accounts_->names();
  if (!names) return std::nullopt;
  SensitiveValues all = *this;
  all.accounts_.reset();
  using redaction_impl::in_environment;
  for (const std::string& name : *names) name[0] == '/' ? all.add(name, in_environment) : all.add_name(name);
  return all;
}

USAGE_STATS_INLINE bool SensitiveValues::is_name(std::string_view word) const {
  if (accounts_) {
    const auto all = completed();
    return !all || all->is_name(word);
  }
  const auto same = [](char a, char b) { return characters::lower(a) == characters::lower(b); };
  return std::any_of(values_.begin(), values_.end(), [&](const Value& value) {
    const std::string_view name = std::string_view(text_).substr(value.begin, value.size);
    for (std::size_t at = 0, end = 0; value.name && at < name.size(); at = end + 1) {  // "Jane Doe" is two
      end = std::min(name.find(' ', at), name.size());
      if (std::equal(word.begin(), word.end(), name.data() + at, name.data() + end, same)) return true;
    }
    return false;
  });
}

USAGE_STATS_INLINE void SensitiveValues::add_arguments(const std::vector<std::string>& arguments) {
  bool options_ended = false;
  for (std::size_t i = 0; i < std::min(arguments.size(), redaction_impl::arguments_with_words); ++i) {
    const std::string_view part = redaction_impl::private_part(arguments[i], options_ended);
    add(part);
    options_ended = options_ended || arguments[i] == "--";
  }
}

USAGE_STATS_INLINE SensitiveValues::Words SensitiveValues::words() const {
  if (accounts_) {
    if (const auto all = completed()) return all->words();
    Words unknown;
    unknown.complete = false;
    return unknown;
  }
  constexpr std::string_view separators = " \t\r\n\v\f/\\:;=@&?|,#*\"'()[]{}<>", parts = "_";
  Words result;
  const auto each_part = [](std::string_view text, std::string_view between, auto see) {
    for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
      end = std::min(text.find_first_of(between, at), text.size());
      see(text.substr(at, end - at));
    }
  };
  result.lowered = std::make_shared<const std::string>(redaction_impl::lower(text_));
  for (const Value& value : values_) {
    const std::string_view text = std::string_view(*result.lowered).substr(value.begin, value.size);
    const auto add_value = [&](std::string_view part) {
      if (part.size() < value.shortest || part.size() > 1024) return;
      if (std::none_of(part.begin(), part.end(), redaction_impl::is_digit)) return;
      result.values.push_back(part);
      result.longest = std::max(result.longest, part.size());
    };
    add_value(text);
    each_part(text, separators, add_value);
    for (const Word& word : words_of(text)) {
      const std::string_view whole = text.substr(word.begin, word.end - word.begin);
      if (whole.size() > 2) result.words.push_back(whole);
      if (whole.find('_') != std::string_view::npos)
        each_part(whole, parts, [&](std::string_view part) {
          if (part.size() > 2) result.words.push_back(part);
        });
    }
  }
  for (auto* const list : {&result.words, &result.values}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return result;
}

USAGE_STATS_INLINE bool SensitiveValues::Words::contains(std::string_view word) const {
  const std::string wanted = redaction_impl::lower(word);
  const auto it = std::lower_bound(words.begin(), words.end(), std::string_view(wanted));
  return it != words.end() && (*it == wanted || (wanted.size() > 7 && it->compare(0, wanted.size(), wanted) == 0));
}

USAGE_STATS_INLINE std::vector<std::pair<std::size_t, std::size_t>> SensitiveValues::Words::occurrences(
    std::string_view text) const {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  const std::string small = redaction_impl::lower(text);
  const auto is_word = [&](std::size_t i) {
    const auto c = static_cast<unsigned char>(small[i]);
    return c >= 0x80 || characters::is_word(c);
  };
  if (small.size() <= 256) {  // an argument: there may be thousands of values, and hardly a place for any of them
    const std::string_view all = small;
    for (std::size_t begin = 0; begin < all.size(); ++begin) {
      if (begin != 0 && is_word(begin - 1)) continue;
      const std::size_t last = std::min(all.size(), begin + longest);
      for (std::size_t end = begin + 1; end <= last; ++end)
        if ((end == all.size() || !is_word(end)) &&
            std::binary_search(values.begin(), values.end(), all.substr(begin, end - begin)))
          found.emplace_back(begin, end);
    }
    return found;
  }
  for (const std::string_view value : values)
    for (std::size_t at = 0; (at = small.find(value, at)) != std::string::npos; ++at) {
      const std::size_t end = at + value.size();
      if ((at == 0 || !is_word(at - 1)) && (end == small.size() || !is_word(end))) found.emplace_back(at, end);
    }
  return found;
}

USAGE_STATS_INLINE SensitiveValues ambient_values() {
  using redaction_impl::in_environment;
  SensitiveValues result;
  const os::PrivateNames names = os::private_names();
  result.add_later(os::Accounts::now());
  for (const auto* const list : {&names.users, &names.hosts})
    for (const std::string& name : *list) result.add_name(name);
  for (const std::string& folder : {names.home, names.working_folder}) result.add(folder, in_environment);
  const std::string values = os::variable_values();
  for (std::size_t at = 0, end = 0; at < values.size(); at = end + 1) {
    end = values.find('\0', at);
    result.add(std::string_view(values).substr(at, end - at), in_environment);
  }
  return result;
}

// ---- arguments

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
