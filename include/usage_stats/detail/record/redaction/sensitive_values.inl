#pragma once
// What the process knows and must not send. Included by arguments.inl.

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
#include "../../base/text.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace redaction_impl {

inline constexpr std::size_t in_environment = 6;  // and of paths: shorter ones may be anything

inline constexpr std::size_t arguments_with_words = 1000;  // beyond them (`tool *.bam`) nothing is looked for

USAGE_STATS_INLINE bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
USAGE_STATS_INLINE bool is_letter(char c) noexcept {
  return characters::is_ascii_letter(static_cast<unsigned char>(c));
}
USAGE_STATS_INLINE bool is_alnum(char c) noexcept { return is_digit(c) || is_letter(c); }

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

/// The part of an argument that may be private: all of a value, what stands after the name of an option, the name if
/// that is none, what follows the letter of a short one.
USAGE_STATS_INLINE std::string_view private_part(std::string_view argument, bool options_ended) noexcept {
  if (options_ended || !is_option(argument)) return argument;
  if (argument[1] != '-') return argument.substr(2);
  const std::size_t equals = argument.find('=');
  if (!is_plain_name(argument.substr(2, equals - 2))) return argument;
  return equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
}

/// How values are compared: words in lower case, one blank between two.
USAGE_STATS_INLINE std::string in_words(std::string_view text, const std::vector<Word>& words) {
  std::string result;
  for (const Word& word : words)
    result.append(result.empty() ? "" : " ").append(text.substr(word.begin, word.end - word.begin));
  return lower(result);
}

/// A value that goes everywhere: with a digit in it, or several words, as secrets, names and titles are. Not a path, a
/// list of them, `read-only` or GNU/Linux, which programs have words for, too.
USAGE_STATS_INLINE bool goes_everywhere(std::string_view value, const std::vector<Word>& words) {
  int apart = std::any_of(value.begin(), value.end(), is_digit) ? 2 : 0;
  for (std::size_t i = 1; i < words.size() && apart < 2; ++i) {
    const std::string_view between = value.substr(words[i - 1].end, words[i].begin - words[i - 1].end);
    if (between.find_first_of(" \t\r\n\v\f") != std::string_view::npos)
      apart = 2;
    else if (between.find_first_not_of("/\\:.") != std::string_view::npos)
      ++apart;
  }
  return apart > 1;
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

namespace redaction_impl {

template <class See>
void each_part(std::string_view text, std::string_view separators, See see) {
  for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
    end = std::min(text.find_first_of(separators, at), text.size());
    see(text.substr(at, end - at));
  }
}

/// What is compared with a message: values and their words in one text, whose parts are known by begin and size until
/// it is complete.
class ComparedWords {
 public:
  void add(std::string_view value, std::size_t shortest) {
    constexpr std::string_view separators = " \t\r\n\v\f/\\:;=@&?|,#*\"'()[]{}<>", ends = "\t\r\n\v\f:;=&|,\"()[]{}";
    const auto add_phrase = [&](std::string_view part) { add_value(part, shortest); };
    add_phrase(value);
    each_part(value, separators, add_phrase);
    if (value.find_first_of(ends) != std::string_view::npos) each_part(value, ends, add_phrase);
    for (const Word& word : words_of(value)) add_word(value.substr(word.begin, word.end - word.begin));
  }
  SensitiveValues::Words take() {
    SensitiveValues::Words result;
    result.plain = std::make_shared<const std::string>(std::move(text_));
    result.words = sorted(words_, *result.plain);
    result.values = sorted(values_, *result.plain);
    return result;
  }

 private:
  using Parts = std::vector<std::pair<std::size_t, std::size_t>>;  // begin and size

  void add_value(std::string_view part, std::size_t shortest) {
    if (part.size() < shortest || part.size() > 1024) return;
    const std::vector<Word> words = words_of(part);
    if (words.empty() || !goes_everywhere(part, words)) return;
    const std::string compared = in_words(part, words);
    values_.emplace_back(text_.size(), compared.size());
    text_ += compared;
  }
  void add_word(std::string_view word) {
    const auto add_part = [&](std::string_view part) {
      if (part.size() > 2)
        words_.emplace_back(text_.size() + static_cast<std::size_t>(part.data() - word.data()), part.size());
    };
    add_part(word);
    if (word.find('_') != std::string_view::npos) each_part(word, "_", add_part);
    text_ += lower(word);
  }
  static std::vector<std::string_view> sorted(const Parts& parts, std::string_view text) {
    std::vector<std::string_view> all;
    for (const auto& [begin, size] : parts) all.push_back(text.substr(begin, size));
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  std::string text_;
  Parts values_, words_;
};

}  // namespace redaction_impl

USAGE_STATS_INLINE SensitiveValues::Words SensitiveValues::words() const {
  if (accounts_) {
    if (const auto all = completed()) return all->words();
    Words unknown;
    unknown.complete = false;
    return unknown;
  }
  redaction_impl::ComparedWords compared;
  for (const Value& value : values_)
    compared.add(std::string_view(text_).substr(value.begin, value.size), value.shortest);
  return compared.take();
}

USAGE_STATS_INLINE bool SensitiveValues::Words::contains(std::string_view word) const {
  const std::string wanted = lower(word);
  const auto it = std::lower_bound(words.begin(), words.end(), std::string_view(wanted));
  return it != words.end() && (*it == wanted || (wanted.size() > 7 && it->compare(0, wanted.size(), wanted) == 0));
}

USAGE_STATS_INLINE std::vector<std::pair<std::size_t, std::size_t>> SensitiveValues::Words::occurrences(
    std::string_view text) const {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  const std::vector<Word> at = words_of(text);
  const std::string searched = redaction_impl::in_words(text, at);
  for (std::size_t first = 0, begin = 0; first < at.size(); begin += at[first].end - at[first].begin + 1, ++first) {
    auto value = values.begin();
    for (std::size_t last = first, end = begin; last < at.size(); ++last, ++end) {
      end += at[last].end - at[last].begin;
      const std::string_view part = std::string_view(searched).substr(begin, end - begin);
      value = std::lower_bound(value, values.end(), part);
      if (value == values.end() || value->compare(0, part.size(), part) != 0) break;  // none begins like this
      if (*value == part) found.emplace_back(at[first].begin, at[last].end);
    }
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

}  // namespace detail
USAGE_STATS_END_NAMESPACE
