#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../redaction.hpp"
#include "redaction_shapes.ipp"
#include "redaction_arguments.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

// ---- UTF-8

USAGE_STATS_INLINE std::string clip_utf8(std::string_view text, std::size_t limit) {
  std::string result;
  result.reserve(std::min(text.size(), limit));
  for (std::size_t at = 0; at < text.size();) {
    bool valid = false;
    const std::size_t length = redaction_impl::next_character(text, at, valid);
    const std::string_view character = valid ? text.substr(at, length) : std::string_view("\xEF\xBF\xBD");
    if (character.size() > limit - result.size()) break;
    result.append(character);
    at += length;
  }
  return result;
}

// ---- the first sieve

namespace redaction_impl {

inline constexpr std::size_t longest_needle = 1024;      // longer values are searched in pieces
inline constexpr std::size_t longest_input = 16 * 1024;  // of scrub()
inline constexpr std::size_t shortest_encoded = 6;       // shorter values are not searched as base64
inline constexpr std::uint64_t hash_base = 0x9E3779B97F4A7C15U;

USAGE_STATS_INLINE std::uint64_t hash_step(std::uint64_t hash, char c) noexcept {
  return hash * hash_base + static_cast<unsigned char>(lower(c)) + 1;
}

USAGE_STATS_INLINE bool same_letters(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// The characters of the base64 of any text with `value` at an offset of `shift` (mod 3) that depend on nothing else.
USAGE_STATS_INLINE std::string base64_core(std::string_view value, std::size_t shift, bool for_urls) {
  constexpr std::string_view common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string result;
  std::uint32_t bits = 0;
  std::size_t held = shift * 8 % 6;  // bits that belong to what stands before
  std::size_t foreign = held;
  for (const char c : value) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6;) {
      held -= 6;
      const std::uint32_t sextet = bits >> held & 63U;
      if (foreign != 0)
        foreign = 0;  // shared with the byte before
      else
        result += sextet < 62 ? common[sextet] : sextet == 62 ? (for_urls ? '-' : '+') : (for_urls ? '_' : '/');
    }
  }
  return result;
}

/// The longest run that may be base64 and that the second sieve might let pass: no digits, small letters and capitals.
USAGE_STATS_INLINE std::size_t longest_base64(std::string_view text) noexcept {
  std::size_t run = 0, longest = 0;
  bool capital = false, small = false;
  for (const char c : text) {
    const bool inside = is_upper(c) || is_lower(c) || c == '+' || c == '/' || c == '-' || c == '_';
    capital = inside && (capital || (is_upper(c) && run != 0));
    small = inside && (small || is_lower(c));
    run = inside ? run + 1 : 0;
    if (capital && small) longest = std::max(longest, run);
  }
  return longest;
}

USAGE_STATS_INLINE bool is_word_byte(char c) noexcept { return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80; }

struct Hit {
  std::size_t begin, end;
  std::string_view mark;
};

}  // namespace redaction_impl

USAGE_STATS_INLINE void Taint::add(std::string_view value, std::string_view mark, std::size_t shortest,
                                   bool whole_word) {
  using namespace redaction_impl;
  if (value.empty() || value.size() < shortest) return;
  expanded_ = false;
  for (std::size_t at = 0;; at += longest_needle - 1) {  // pieces overlap, so that their occurrences become one
    const std::size_t length = std::min(value.size(), longest_needle);
    Entry entry{std::string(value.substr(std::min(at, value.size() - length), length)), std::string(mark), 0,
                whole_word || value.size() < 3};
    for (const char c : entry.value) entry.hash = hash_step(entry.hash, c);
    entries_.push_back(std::move(entry));
    if (at + length >= value.size()) break;
  }
}

USAGE_STATS_INLINE void Taint::add_path(std::string_view path, std::string_view mark, std::size_t shortest) {
  add(path, mark, shortest);
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find_first_of("/\\", at), path.size());
    if (end - at != path.size())
      add(path.substr(at, end - at), mark, shortest, redaction_impl::is_short_word(path.substr(at, end - at)));
    at = end + 1;
  }
}

USAGE_STATS_INLINE void Taint::subtract(const Taint& other) {
  if (!other.expanded_) return subtract(other.expanded());
  if (!expanded_) *this = expanded();
  const auto less = [](const Entry* a, const Entry* b) {
    return a->hash != b->hash ? a->hash < b->hash : a->mark < b->mark;
  };
  std::vector<const Entry*> gone;
  for (const Entry& entry : other.entries_) gone.push_back(&entry);
  std::sort(gone.begin(), gone.end(), less);
  std::vector<bool> used(gone.size());
  const auto is_gone = [&](const Entry& entry) {
    const auto range = std::equal_range(gone.begin(), gone.end(), &entry, less);
    for (auto it = range.first; it != range.second; ++it) {
      const auto index = static_cast<std::size_t>(it - gone.begin());
      if (used[index] || (*it)->value != entry.value || (*it)->whole_word != entry.whole_word) continue;
      used[index] = true;
      return true;
    }
    return false;
  };
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(), is_gone), entries_.end());
}

/// All values are searched by length, the longest first, with one rolling hash for a length: linear in the text for
/// each length that occurs, whatever the number of values.
struct Taint::Search {
  std::string_view text;
  std::size_t keep;
  std::vector<std::uint64_t> prefix_hash;                  // of the first i bytes
  std::vector<std::pair<std::size_t, std::size_t>> marks;  // begin and end of the mark around a byte, or 0 and 0
  std::vector<bool> covered;
  std::vector<redaction_impl::Hit> hits;

  Search(std::string_view all, std::size_t first) : text(all), keep(first), marks(all.size()), covered(all.size()) {
    prefix_hash.reserve(text.size() + 1);
    prefix_hash.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      prefix_hash.push_back(redaction_impl::hash_step(prefix_hash.back(), text[i]));
      if (marks[i].second != 0) continue;
      const std::size_t length = redaction_impl::mark_length(text, i);
      for (std::size_t k = i; k < i + length; ++k) marks[k] = {i, i + length};
    }
  }

  bool is_occurrence(const Entry& entry, std::size_t at) const noexcept {
    const std::size_t end = at + entry.value.size();
    if (marks[at].second >= end) return false;  // inside a mark
    if (!redaction_impl::same_letters(text.substr(at, entry.value.size()), entry.value)) return false;
    if (!entry.whole_word) return true;
    return (at == 0 || !redaction_impl::is_word_byte(text[at - 1])) &&
           (end == text.size() || !redaction_impl::is_word_byte(text[end]));
  }

  /// Entries of one length, sorted by hash.
  template <class Iterator>
  void find(Iterator first, Iterator last) {
    const std::size_t length = (*first)->value.size();
    std::uint64_t power = 1;
    for (std::size_t i = 0; i < length; ++i) power *= redaction_impl::hash_base;
    std::size_t bare = 0;  // bytes of the window that no hit covers yet
    for (std::size_t i = 0; i < length; ++i) bare += covered[i] ? 0 : 1;
    for (std::size_t at = 0;; ++at) {
      if (at >= keep) return;
      const std::uint64_t hash = prefix_hash[at + length] - prefix_hash[at] * power;
      if (bare != 0) {
        auto it = std::lower_bound(first, last, hash, [](const Entry* e, std::uint64_t h) { return e->hash < h; });
        for (; it != last && (*it)->hash == hash; ++it) {
          if (!is_occurrence(**it, at)) continue;
          hits.push_back({at, at + length, (*it)->mark});
          std::fill_n(covered.begin() + static_cast<std::ptrdiff_t>(at), length, true);
          bare = 0;
          break;
        }
      }
      if (at + length == text.size()) return;
      bare += covered[at + length] ? 0 : 1;
      if (bare != 0 && !covered[at]) --bare;
    }
  }

  std::string rewrite() {
    std::sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
    std::vector<redaction_impl::Hit> merged;
    std::size_t longest = 0;
    for (redaction_impl::Hit hit : hits) {
      const std::size_t length = hit.end - hit.begin;
      if (marks[hit.begin].second != 0) hit.begin = marks[hit.begin].first;  // a mark is replaced in whole
      hit.end = std::max(hit.end, marks[hit.end - 1].second);
      if (merged.empty() || hit.begin >= merged.back().end) {
        merged.push_back(hit);
        longest = length;
        continue;
      }
      merged.back().end = std::max(merged.back().end, hit.end);
      if (length > longest) merged.back().mark = hit.mark;
      longest = std::max(longest, length);
    }
    std::string result;
    std::size_t done = 0;
    for (const redaction_impl::Hit& hit : merged) {
      if (hit.begin >= keep) break;
      result.append(text.substr(done, hit.begin - done)).append(hit.mark);
      done = hit.end;
    }
    return done < keep ? result.append(text.substr(done, keep - done)) : result;
  }
};

USAGE_STATS_INLINE bool Taint::before(const Entry& a, const Entry& b) noexcept {
  return a.value.size() != b.value.size() ? a.value.size() > b.value.size() : a.hash < b.hash;
}

USAGE_STATS_INLINE std::string Taint::apply(std::string_view text, std::size_t keep) const {
  if (!expanded_) return expanded().apply(text, keep);
  std::vector<const Entry*> wanted;
  for (const Entry& entry : entries_)
    if (entry.value.size() <= text.size()) wanted.push_back(&entry);
  // Other forms in which a value may occur; made here, because most processes never have a text to look at.
  Taint forms;
  const std::size_t run = redaction_impl::longest_base64(text);
  for (const Entry* entry : wanted) {
    const std::size_t encoded = entry->value.size() * 4 / 3;
    if (entry->value.size() >= redaction_impl::shortest_encoded && encoded <= run + 1)
      for (std::size_t variant = 0; variant < 6; ++variant)
        forms.add(redaction_impl::base64_core(entry->value, variant % 3, variant > 2), entry->mark, 6);
    std::string clean = clip_utf8(entry->value, entry->value.size() * 3);
    if (clean != entry->value) forms.add(clean, entry->mark, 3, entry->whole_word);
  }
  forms = forms.expanded();
  const auto given = static_cast<std::ptrdiff_t>(wanted.size());
  for (const Entry& entry : forms.entries_)
    if (entry.value.size() <= text.size()) wanted.push_back(&entry);
  std::inplace_merge(wanted.begin(), wanted.begin() + given, wanted.end(),
                     [](const Entry* a, const Entry* b) { return before(*a, *b); });
  Search search(text, std::min(keep, text.size()));
  for (auto first = wanted.begin(); first != wanted.end();) {
    const auto last =
        std::find_if(first, wanted.end(), [&](const Entry* e) { return e->value.size() != (*first)->value.size(); });
    search.find(first, last);
    first = last;
  }
  return search.rewrite();
}

// ---- both sieves

namespace redaction_impl {

/// A text that was cut, without what the cut may have put out of shape: its last run, and before it the path or number
/// that may have gone on behind the cut.
USAGE_STATS_INLINE std::string without_tail(std::string text) {
  std::size_t begin = text.size(), end = text.size();
  for (int runs = 0; runs < 12 && end != 0; ++runs) {
    std::size_t at = end;
    bool open = runs == 0;
    while (at != 0 && static_cast<unsigned char>(text[at - 1]) > ' ') {
      --at;
      open = open || is_digit(text[at]) || text[at] == '/' || text[at] == '\\' || text[at] == '.' || text[at] == '~';
    }
    if (open) begin = at;
    while (at != 0 && static_cast<unsigned char>(text[at - 1]) <= ' ') --at;
    end = at;
  }
  text.resize(begin);
  return text.append("<token>");
}

/// At most `limit` bytes, and no half of a mark at the end.
USAGE_STATS_INLINE std::string clip_marked(std::string_view text, std::size_t limit) {
  std::string result = clip_utf8(text, limit);
  if (result.size() == text.size()) return result;
  for (std::size_t at = result.size() - std::min<std::size_t>(result.size(), 8); at < result.size(); ++at)
    if (at + mark_length(text, at) > result.size()) result.resize(at);
  return result;
}

/// Applies `step` until it changes nothing. Every change takes at least one character that is not in a mark, so this
/// ends; in practice after two rounds. A text made to take longer is not worth keeping.
template <class Step>
std::string until_stable(std::string text, std::size_t limit, Step step) {
  for (int round = 0; round < 16; ++round) {
    std::string next = step(text);
    if (next == text) return text;
    text.swap(next);
  }
  return limit < 7 ? "" : "<token>";
}

}  // namespace redaction_impl

USAGE_STATS_INLINE std::string replace_shapes(std::string_view text) {
  using namespace redaction_impl;
  return until_stable(clip_utf8(text, text.size() * 3), text.size() * 3,
                      [](const std::string& current) { return replace_in_chunks(replace_quotations(current)); });
}

USAGE_STATS_INLINE std::string scrub(std::string_view text, const Taint& taint, std::size_t limit) {
  using namespace redaction_impl;
  limit = std::min(limit, longest_input);
  if (!taint.expanded_) return scrub(text, taint.expanded(), limit);
  std::string start(text.substr(0, longest_input + longest_needle));
  if (text.size() > longest_input) start = without_tail(taint.apply(start, longest_input));
  return until_stable(std::move(start), limit, [&](const std::string& current) {
    const std::string tainted = taint.apply(current);
    return clip_marked(replace_in_chunks(replace_quotations(clip_utf8(tainted, tainted.size() * 3))), limit);
  });
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
