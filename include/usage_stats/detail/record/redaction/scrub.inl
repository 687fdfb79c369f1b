#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scrub.hpp"
#include "vocabulary.hpp"
#include "../../base/characters.inl"
#include "arguments.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace redaction_impl {

inline constexpr std::size_t longest_input = 4 * 1024;

/// A text with what is known of each of its bytes.
struct Known {
  std::string text;
  std::vector<Own> own;
};

USAGE_STATS_INLINE bool is_own(const Known& known, std::size_t begin, std::size_t end, Own least) noexcept {
  const auto first = known.own.begin();
  return std::all_of(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end),
                     [least](Own own) { return own >= least; });
}

// ---- quotes

USAGE_STATS_INLINE unsigned quote_family(std::uint32_t code) noexcept {  // 0: no quote
  if (code == '\'' || code == '`' || (code >= 0x2018 && code <= 0x201B) || code == 0x2032 || code == 0xB4) return 1;
  if (code == '"' || (code >= 0x201C && code <= 0x201F) || code == 0x2033) return 2;
  if (code == 0xAB || code == 0xBB || code == 0x2039 || code == 0x203A) return 3;
  return code >= 0x300C && code <= 0x300F ? 4 : 0;
}

struct Span {
  std::size_t begin, end;
};

/// What stands between quotes, without them. Not the apostrophe in a word, nor one after it.
USAGE_STATS_INLINE std::vector<Span> quotations(std::string_view text) {
  struct Character {
    std::size_t begin;
    std::uint32_t code;
  };
  std::vector<Character> all;
  std::array<std::size_t, 5> last_of{};  // of a family: a quote that nothing after it can close is passed by at once
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t code = 0;
    const std::size_t length = characters::decode(text, at, code);
    last_of[quote_family(code)] = all.size();
    all.push_back({at, code});
    at += length;
  }
  const auto is_word = [&](std::size_t i) {  // a mark is one
    return i < all.size() && (characters::is_word(all[i].code) || all[i].code == '<' || all[i].code == '>');
  };
  const auto is_blank = [&](std::size_t i) { return i >= all.size() || all[i].code <= ' '; };
  std::vector<Span> result;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const unsigned family = quote_family(all[i].code);
    if (family == 0 || last_of[family] <= i || is_blank(i + 1) || (i != 0 && is_word(i - 1))) continue;
    for (std::size_t j = i + 1; j <= last_of[family]; ++j) {
      if (quote_family(all[j].code) != family || is_word(j + 1)) continue;
      result.push_back({all[i + 1].begin, all[j].begin});
      i = j;
      break;
    }
  }
  return result;
}

// ---- what goes

struct Judged {
  Word word;
  bool own;     // the program's
  bool hidden;  // goes
};

/// Short numbers that are one thing, whatever parts them: 10.0.0.1, 12 34, (12) 3, 48.1, 11.5. Three digits may be a
/// time, a date or a PIN. In somebody's own words (`of_user`) words part nothing.
USAGE_STATS_INLINE void hide_groups_of_numbers(std::vector<Judged>& words, bool of_user) {
  const auto is_open = [](const Judged& judged) { return !judged.own && !judged.word.letters && !judged.word.mark; };
  for (std::size_t first = 0, next = 0; first < words.size(); first = next + 1) {
    std::size_t digits = 0;
    for (next = first; next < words.size() && (of_user || is_open(words[next])); ++next)
      digits += is_open(words[next]) ? words[next].word.end - words[next].word.begin : 0;
    for (std::size_t i = first; i < next && digits > 2; ++i) words[i].hidden = words[i].hidden || is_open(words[i]);
  }
}

/// A number that belongs to a name of the program's: of a line (kernels.cu:142), of an error (type_error.302).
USAGE_STATS_INLINE bool is_of_name(const Known& known, const std::vector<Judged>& words, const Word& number) {
  if (words.empty() || number.letters || number.begin != words.back().word.end + 1 || !words.back().own) return false;
  const Word& last = words.back().word;
  const std::size_t size = number.end - number.begin;
  const auto text = [&](const Word& word) {
    return std::string_view(known.text).substr(word.begin, word.end - word.begin);
  };
  if (known.text[last.end] == '.') return size <= 3 && vocabulary_impl::is_identifier(text(last));
  if (known.text[last.end] != ':' || size > 5 || words.size() < 2) return false;
  const Judged& name = words[words.size() - 2];
  return last.begin == name.word.end + 1 && known.text[name.word.end] == '.' && name.own && text(last).size() <= 3;
}

/// Each word of the text, and whether it goes. `again`: something went that the program does say, so that what stood
/// beside it is to be looked for once more.
USAGE_STATS_INLINE std::vector<Judged> judge(const Known& known, const SensitiveValues::Words& sensitive, bool of_user,
                                             std::vector<Span>& hidden_quotations, bool& again) {
  std::vector<Judged> words;
  for (const Word& word : words_of(known.text)) {
    const std::string_view text = std::string_view(known.text).substr(word.begin, word.end - word.begin);
    const bool name = is_own(known, word.begin, word.end, Own::name), secret = name && sensitive.contains(text);
    const bool phrase = is_own(known, word.begin, word.end, Own::phrase) || is_of_name(known, words, word);
    const bool own = !word.mark && (phrase || (name && !secret));
    again = again || (secret && !phrase);
    words.push_back({word, own, !own && (word.mark || word.letters || text.size() > 2)});
  }
  const auto hide = [&](std::size_t begin, std::size_t end) {
    for (Judged& judged : words) {
      if (judged.word.end <= begin || judged.word.begin >= end || judged.hidden) continue;
      judged.hidden = true;
      again = again || judged.own;
    }
  };
  for (const auto& [begin, end] : sensitive.occurrences(known.text)) hide(begin, end);
  for (const Span& span : quotations(known.text)) {
    if (is_own(known, span.begin - 1, span.end + 1, Own::phrase)) continue;
    const auto inside = [&](const Judged& judged) {
      return judged.word.begin >= span.begin && judged.word.end <= span.end;
    };
    if (std::none_of(words.begin(), words.end(), inside)) continue;
    hide(span.begin, span.end);
    hidden_quotations.push_back(span);
  }
  hide_groups_of_numbers(words, of_user);
  const auto goes_with = [&](std::size_t i, std::size_t neighbour) {  // a short number at what goes
    const auto [left, right] = std::minmax(i, neighbour);
    if (words[i].hidden || words[i].own || words[i].word.letters || !words[neighbour].hidden) return;
    const std::size_t begin = words[left].word.end, end = words[right].word.begin;
    if (std::none_of(known.own.begin() + static_cast<std::ptrdiff_t>(begin),
                     known.own.begin() + static_cast<std::ptrdiff_t>(end), [](Own own) { return own != Own::no; }))
      words[i].hidden = true;
  };
  for (std::size_t i = 1; i < words.size(); ++i) goes_with(i, i - 1);
  for (std::size_t i = words.size(); i-- > 1;) goes_with(i - 1, i);
  return words;
}

/// What is replaced: from the first to the last of the hidden words that no other word and no quote parts, with the
/// characters that belong to them: /srv/x, --x, x%.
USAGE_STATS_INLINE std::vector<Span> hidden_spans(const Known& known, const std::vector<Judged>& words,
                                                  const std::vector<Span>& quotations) {
  constexpr std::string_view glue = "/\\~$#@%+-_*&^=";
  std::vector<Span> spans = quotations;
  const auto belongs = [&](std::size_t i) { return known.own[i] != Own::phrase; };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].hidden) continue;
    Span span{words[i].word.begin, words[i].word.end};
    const auto joins = [&](const Word& next) {
      std::uint32_t only = 0;  // the apostrophe of O'Neil
      if (span.end < next.begin && span.end + characters::decode(known.text, span.end, only) == next.begin &&
          quote_family(only) == 1 && belongs(span.end))
        return true;
      for (std::size_t at = span.end; at < next.begin;) {
        std::uint32_t code = 0;
        const std::size_t length = characters::decode(known.text, at, code);
        if (quote_family(code) != 0 || !belongs(at)) return false;
        at += length;
      }
      return true;
    };
    while (i + 1 < words.size() && words[i + 1].hidden && joins(words[i + 1].word)) span.end = words[++i].word.end;
    while (span.begin > 0 && belongs(span.begin - 1) &&
           (glue.find(known.text[span.begin - 1]) != std::string_view::npos || known.text[span.begin - 1] == '.'))
      --span.begin;
    while (span.end < known.text.size() && belongs(span.end) &&
           glue.find(known.text[span.end]) != std::string_view::npos)
      ++span.end;
    spans.push_back(span);
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::vector<Span> merged;
  for (const Span& span : spans)
    if (!merged.empty() && span.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, span.end);
    else
      merged.push_back(span);
  return merged;
}

USAGE_STATS_INLINE Known without(const Known& known, const std::vector<Span>& spans) {
  Known result;
  std::size_t done = 0;
  const auto keep = [&](std::size_t end) {
    result.text.append(known.text, done, end - done);
    result.own.insert(result.own.end(), known.own.begin() + static_cast<std::ptrdiff_t>(done),
                      known.own.begin() + static_cast<std::ptrdiff_t>(end));
  };
  for (const Span& span : spans) {
    keep(span.begin);
    result.text += value_mark;
    result.own.resize(result.text.size(), Own::no);
    done = span.end;
  }
  keep(known.text.size());
  return result;
}

/// The longest part of at most `limit` bytes that ends after a word or a mark, not in it.
USAGE_STATS_INLINE std::size_t whole_words(std::string_view text, std::size_t limit) {
  std::size_t end = text.size() <= limit ? text.size() : clip_utf8(text, limit).size();
  if (end == text.size()) return end;
  for (const Word& word : words_of(text))
    if (word.begin < end && word.end > end) return word.begin;
  return end;
}

/// Whether the text has changed in a way that makes other words of it the program's own.
USAGE_STATS_INLINE bool hide_values(Known& known, const SensitiveValues::Words& sensitive, bool of_user,
                                    std::size_t limit) {
  bool again = false;
  for (int round = 0; round < 16; ++round) {
    std::vector<Span> quoted;
    const std::vector<Judged> words = judge(known, sensitive, of_user, quoted, again);
    Known next = without(known, hidden_spans(known, words, quoted));
    const bool same = next.text == known.text;
    known = std::move(next);
    if (same) break;
  }
  const std::size_t end = whole_words(known.text, limit);
  if (end == known.text.size()) return again;
  known.text.resize(end);
  known.own.resize(end);
  return true;
}

}  // namespace redaction_impl

USAGE_STATS_INLINE std::optional<std::vector<std::string>> scrub(const std::vector<std::string>& texts,
                                                                 const SensitiveValues& sensitive, std::size_t limit,
                                                                 const std::vector<os::MemoryRange>& memory,
                                                                 std::size_t first_of_user) {
  using namespace redaction_impl;
  const SensitiveValues::Words words = sensitive.words();
  if (!words.complete) return std::nullopt;
  std::vector<std::string> result;
  for (const std::string& text : texts) {
    const std::string_view looked_at = std::string_view(text).substr(0, 2 * longest_input);
    const std::string clean = clip_utf8(looked_at, looked_at.size() * 3);
    const std::size_t end = whole_words(clean, longest_input);
    result.push_back(clean.substr(0, end) + (end < clean.size() ? std::string(value_mark) : std::string()));
  }
  std::vector<std::size_t> open(texts.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  for (int round = 0; round < 8 && !open.empty(); ++round) {
    std::vector<std::string_view> wanted;
    wanted.reserve(open.size());
    for (const std::size_t i : open) wanted.push_back(result[i]);
    auto own = find_own_text(wanted, memory);
    if (!own) return std::nullopt;
    std::vector<std::size_t> again;
    for (std::size_t k = 0; k < open.size(); ++k) {
      Known known{result[open[k]], std::move((*own)[k])};
      if (hide_values(known, words, open[k] >= first_of_user, limit)) again.push_back(open[k]);
      result[open[k]] = std::move(known.text);
    }
    open.swap(again);
  }
  for (const std::size_t i : open) result[i] = value_mark.substr(0, limit < value_mark.size() ? 0 : limit);
  return result;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
