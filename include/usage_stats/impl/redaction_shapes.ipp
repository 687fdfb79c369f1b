#pragma once
// The second sieve. It knows nothing of the machine: it looks at quotes first, then at every run without blanks.
// Included by redaction.ipp.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../redaction.hpp"
#include "redaction_units.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace redaction_impl {

// ---- quotes

/// What a quote character can be where it stands. `maybe`: it opens if what follows next closes.
enum class Role : unsigned char { none, opens, closes, either, maybe };

/// The 't, 's, 'll ... of English.
USAGE_STATS_INLINE bool is_contraction(std::string_view text, const std::vector<Unit>& units, std::size_t i) noexcept {
  std::size_t end = i + 1;
  while (units[end].kind == Kind::letter) ++end;
  const std::string_view rest = text.substr(units[i + 1].begin, units[end].begin - units[i + 1].begin);
  for (const std::string_view ending : {"t", "s", "re", "ve", "ll", "d", "m"})
    if (rest == ending) return true;
  return false;
}

USAGE_STATS_INLINE Role role_of_quote(std::string_view text, const std::vector<Unit>& units, std::size_t i) noexcept {
  const auto is_word = [](const Unit& unit) {
    return unit.kind == Kind::letter || unit.kind == Kind::digit || unit.kind == Kind::mark || unit.code == '_';
  };
  const std::uint32_t code = units[i].code;
  const Unit& next = units[i + 1];
  const bool blank_before = i == 0 || is_blank(units[i - 1]);
  const bool word_before = !blank_before && is_word(units[i - 1]);
  const bool escaped = !blank_before && units[i - 1].code == '\\';
  const bool can_open = !word_before && !is_blank(next);
  const bool can_close = !blank_before && !escaped &&
                         (is_blank(next) || next.kind == Kind::quote || in(next, ".,;:!?)]}>") || next.code > 0x2000);
  const bool cjk = quote_family(code) == 4;
  if (code == 0x2018 || code == 0x201A || code == 0x201C || code == 0x201E || code == 0xAB || code == 0x2039 ||
      (cjk && code % 2 == 0))
    return can_close && !cjk ? Role::either : Role::opens;
  if (code == 0x201D || code == 0xBB || code == 0x203A || cjk) return can_open && !cjk ? Role::either : Role::closes;
  if (can_open) return can_close ? Role::either : Role::opens;
  if (can_close) return Role::closes;
  if (!word_before || !is_word(next)) return Role::maybe;
  if (code != '\'' && code != 0x2019) return Role::opens;
  return is_contraction(text, units, i) ? Role::none : Role::maybe;
}

/// Quoted text goes whole. An opening quote inside a quotation is part of it, so that one quote too many hides more,
/// not less; one that is never closed hides the rest.
USAGE_STATS_INLINE std::string replace_quotations(std::string_view text) {
  struct Event {
    std::size_t unit;
    Role role;
    std::size_t closer;  // the next event of its family that can close; 0: none
  };
  const std::vector<Unit> units = units_of(text);
  std::vector<Event> events;
  for (std::size_t i = 0; i + 1 < units.size(); ++i)
    if (units[i].kind == Kind::quote) events.push_back({i, role_of_quote(text, units, i), 0});
  std::array<std::size_t, 5> closer{};
  std::array<bool, 5> closes_next{};
  for (std::size_t e = events.size(); e-- > 0;) {
    Event& event = events[e];
    const unsigned family = quote_family(units[event.unit].code);
    event.closer = closer[family];
    if (event.role == Role::maybe)
      event.role = closes_next[family] ? Role::opens : Role::none;
    else if (event.role != Role::none)
      closes_next[family] = event.role != Role::opens;
    if (event.role == Role::closes || event.role == Role::either) closer[family] = e;
  }
  std::vector<Edit> edits;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const Event& event = events[e];
    if (event.role != Role::opens && event.role != Role::either) continue;
    std::size_t end = event.unit + 1;
    if (event.closer != 0) {
      e = event.closer;
      end = events[e].unit + 1;
    } else {
      end = units.size() - 1;
      e = events.size();
    }
    edits.push_back({event.unit, end, "<quoted>"});
  }
  return rewrite(text, units, edits);
}

// ---- words

/// What a word is made of; the word has no blanks and no fences in it.
struct Count {
  std::size_t letters = 0, digits = 0, marks = 0, symbols = 0, length = 0;
  bool hex = true, percent = false, odd_case = false;
  bool mixed() const noexcept { return digits != 0 && letters + marks != 0; }
};

/// Capitals as no name in a program has them: every run of them must be followed by two small letters, or end the word.
USAGE_STATS_INLINE bool has_odd_case(const std::vector<Unit>& units, std::size_t begin, std::size_t end) noexcept {
  const auto is = [&](std::size_t i, bool (*what)(char) noexcept) {
    return i < end && units[i].code < 0x80 && what(static_cast<char>(units[i].code));
  };
  for (std::size_t i = begin; i < end; ++i)
    if (is(i, is_upper) && is(i + 1, is_lower) && !is(i + 2, is_lower)) return true;
  return false;
}

USAGE_STATS_INLINE Count count(const std::vector<Unit>& units, std::size_t begin, std::size_t end) noexcept {
  const auto is_edge = [](const Unit& unit) { return unit.kind == Kind::soft || unit.kind == Kind::symbol; };
  Count result;
  const auto is_hex = [&](std::size_t i) { return i < end && in(units[i], "0123456789abcdefABCDEF"); };
  for (std::size_t i = begin; i < end && !result.percent; ++i)
    result.percent = units[i].code == '%' && is_hex(i + 1) && is_hex(i + 2);
  while (begin < end && is_edge(units[begin])) ++begin;
  while (begin < end && is_edge(units[end - 1])) --end;
  for (std::size_t i = begin; i < end; ++i) {
    const Unit& unit = units[i];
    result.length += unit.kind == Kind::mark ? 8 : 1;  // a mark stands for letters that were there
    if (unit.kind == Kind::letter) ++result.letters;
    if (unit.kind == Kind::letter && (unit.code >= 0x80 || !is_hex_letter(static_cast<char>(unit.code))))
      result.hex = false;
    if (unit.kind == Kind::digit) ++result.digits;
    if (unit.kind == Kind::mark) ++result.marks;
    if (unit.kind == Kind::symbol) ++result.symbols;
  }
  result.odd_case = result.letters >= 8 && has_odd_case(units, begin, end);
  return result;
}

/// 12, 1.2.3, 1,000, 01/02/2024, 1.5e-10, 3.2GB, 50%, v1.2.
USAGE_STATS_INLINE bool is_numeric(const std::vector<Unit>& units, std::size_t begin, std::size_t end) noexcept {
  const auto digit = [&](std::size_t i) { return i < end && units[i].kind == Kind::digit; };
  std::size_t i = begin;
  if (i < end && in(units[i], "vV+-")) ++i;
  if (!digit(i)) return false;
  while (digit(i) || (i < end && in(units[i], ",.-/") && digit(i + 1))) ++i;
  if (i < end && in(units[i], "eE")) {
    const std::size_t exponent = i + 1 < end && in(units[i + 1], "+-") ? i + 2 : i + 1;
    if (digit(exponent)) i = exponent;
    while (digit(i)) ++i;
  }
  for (int unit = 0; unit < 3 && i < end && units[i].kind == Kind::letter; ++unit) ++i;
  while (i < end && (units[i].kind == Kind::soft || units[i].kind == Kind::symbol)) ++i;
  return i == end;
}

/// Whether a word has the `=` or `==` behind it that fills base64 up to a multiple of four characters.
USAGE_STATS_INLINE bool is_padded(const std::vector<Unit>& units, std::size_t begin, std::size_t end) noexcept {
  std::size_t behind = end;
  while (behind < end + 2 && units[behind].code == '=') ++behind;
  const Kind next = units[behind].kind;
  if (behind == end || behind - begin < 8 || (behind - begin) % 4 != 0) return false;
  if (next == Kind::letter || next == Kind::digit || next == Kind::mark) return false;
  return std::all_of(units.begin() + static_cast<std::ptrdiff_t>(begin),
                     units.begin() + static_cast<std::ptrdiff_t>(end), [](const Unit& unit) {
                       return unit.code < 0x80 && (is_alnum(static_cast<char>(unit.code)) || in(unit, "+/-_"));
                     });
}

/// Characters in all words of a chunk that mix letters with digits, and digits in those that have nothing else: a key
/// or a card number must not pass because its groups are short.
struct Totals {
  std::size_t mixed = 0, digits = 0;
};

/// The mark for a word; empty if it may stay.
USAGE_STATS_INLINE std::string_view mark_for_word(const std::vector<Unit>& units, std::size_t begin, std::size_t end,
                                                  const Totals& totals) noexcept {
  const Count word = count(units, begin, end);
  if (word.percent || is_padded(units, begin, end)) return "<token>";
  if (word.letters + word.digits == 0) return {};
  if (word.marks == 0 && (word.letters == 0 || is_numeric(units, begin, end))) {
    if (word.digits > 4 || (word.mixed() && totals.mixed > 6) || (word.digits != 0 && totals.digits > 6))
      return "<number>";
    return {};
  }
  const bool hidden = (word.mixed() && totals.mixed > 6) || word.letters > 24 || word.odd_case ||
                      (word.hex && word.marks == 0 && word.letters >= 8) || (word.symbols != 0 && word.length > 6);
  return hidden ? "<token>" : std::string_view();
}

// ---- chunks: runs without blanks

struct Chunk {
  std::size_t begin, end;  // without the punctuation around it
  bool open;               // no punctuation follows it
  bool path = false;       // is a path in whole or in its end
  bool rooted = false;     // ... that cannot go on a path before it: /x, ~/x, C:\x
  std::size_t start = 0;   // of the path
  char closer = 0;         // the bracket that ends the path, if one opened before it
  std::size_t digits = 0;  // it has nothing else
};

/// Phrases that look like paths and are none.
USAGE_STATS_INLINE bool is_phrase(std::string_view word) noexcept {
  const auto same = [word](std::string_view phrase) {
    return std::equal(word.begin(), word.end(), phrase.begin(), phrase.end(),
                      [](char a, char b) { return lower(a) == b; });
  };
  for (const std::string_view phrase : {"input/output", "i/o", "and/or", "read/write", "tcp/ip", "n/a", "e.g", "i.e"})
    if (same(phrase)) return true;
  return false;
}

/// An IPv4 or IPv6 address, or a MAC, from `begin` on: what is hexadecimal with colons and dots. `stop`: where that
/// ends.
USAGE_STATS_INLINE bool is_address(const std::vector<Unit>& units, std::size_t begin, std::size_t end,
                                   std::size_t& stop) noexcept {
  std::size_t colons = 0, dots = 0, letters = 0, digits = 0, groups = 0, i = begin;
  bool doubled = false;
  for (; i < end && in(units[i], ":.0123456789abcdefABCDEF"); ++i) {
    if (units[i].code == ':') {
      doubled = doubled || (colons != 0 && units[i - 1].code == ':');
      ++colons;
    } else if (units[i].code == '.') {
      dots += colons == 0 ? 1 : 0;
    } else if (units[i].kind == Kind::letter) {
      ++letters;
    } else {
      ++digits;
      if (colons == 0 && letters == 0 && (i == begin || units[i - 1].code == '.')) ++groups;
    }
  }
  stop = i;
  if (i < end && (units[i].kind == Kind::letter || units[i].kind == Kind::digit || units[i].kind == Kind::mark))
    return false;
  const bool clock = letters == 0 && !doubled && colons < 4;  // 12:34:56
  return (colons >= 2 && letters + digits != 0 && !clock) || (groups == 4 && dots == 3);
}

/// What a run between fences (but colons) makes of itself and all that follows in its chunk; empty if it is words.
USAGE_STATS_INLINE std::string_view mark_for_segment(std::string_view text, const std::vector<Unit>& units,
                                                     std::size_t begin, std::size_t end) noexcept {
  for (std::size_t at = begin, stop = begin; at < end; at = stop + 1) {
    if (is_address(units, at, end, stop)) return "<ip>";
    while (stop < end && units[stop].code != ':') ++stop;
  }
  if (is_phrase(text.substr(units[begin].begin, units[end].begin - units[begin].begin))) return {};
  const auto is_name = [&](std::size_t i) {
    return units[i].kind == Kind::letter || units[i].kind == Kind::digit || units[i].kind == Kind::mark;
  };
  bool path = false, slash = false, email = false;
  for (std::size_t word = begin, word_end = begin; word < end; word = word_end + 1) {
    for (word_end = word; word_end < end && units[word_end].code != ':';) ++word_end;
    const bool numeric = is_numeric(units, word, word_end);
    if (word > begin && word + 1 < word_end && units[word].code == '/' && units[word + 1].code == '/') return "<url>";
    for (std::size_t i = word; i < word_end; ++i) {
      email = email || (units[i].kind == Kind::at && end - begin > 1 && !slash);
      slash = slash || (units[i].kind == Kind::slash && !numeric);
      const bool dotted = units[i].code == '.' && i + 1 < word_end && is_name(i + 1) && (i == word || is_name(i - 1));
      path = path || (dotted && !numeric) || (units[i].code == '~' && i == word);
    }
  }
  return email ? "<email>" : path || slash ? "<path>" : "";
}

/// Calls `see(begin, end)` for each word in the range.
template <class See>
void for_each_word(const std::vector<Unit>& units, std::size_t begin, std::size_t end, See see) {
  for (std::size_t word = begin, word_end = begin; word < end; word = word_end + 1) {
    for (word_end = word; word_end < end && units[word_end].kind != Kind::fence && units[word_end].kind != Kind::quote;)
      ++word_end;
    see(word, word_end);
  }
}

/// Looks at one chunk and adds its edits.
USAGE_STATS_INLINE void replace_in_chunk(std::string_view text, const std::vector<Unit>& units, Chunk& chunk,
                                         std::vector<Edit>& edits) {
  Totals totals;
  for_each_word(units, chunk.begin, chunk.end, [&](std::size_t begin, std::size_t end) {
    const Count word = count(units, begin, end);
    if (word.mixed()) totals.mixed += word.length;
    if (word.letters + word.marks == 0) totals.digits += word.digits;
  });
  const std::size_t first_edit = edits.size();
  for (std::size_t begin = chunk.begin; begin < chunk.end;) {
    std::size_t end = begin;
    while (end < chunk.end && units[end].kind != Kind::quote &&
           (units[end].kind != Kind::fence || units[end].code == ':'))
      ++end;
    const std::string_view mark = begin == end ? std::string_view() : mark_for_segment(text, units, begin, end);
    if (!mark.empty()) {
      // What precedes stays only as the name in `name=value` and the like, not as a part of the same thing.
      if (begin > chunk.begin && !in(units[begin - 1], "=([{<|,;")) {
        begin = chunk.begin;
        edits.resize(first_edit);
      }
      edits.push_back({begin, chunk.end, mark});
      chunk.path = mark == "<path>";
      chunk.start = begin;
      if (begin != 0 && in(units[begin - 1], "([{<")) {
        const std::string_view brackets = "()[]{}<>";
        chunk.closer = brackets[brackets.find(static_cast<char>(units[begin - 1].code)) + 1];
      }
      chunk.rooted = units[begin].kind == Kind::slash || in(units[begin], "~.") || begin + 1 == chunk.end ||
                     units[begin + 1].code == ':';
      return;
    }
    for_each_word(units, begin, end, [&](std::size_t word, std::size_t word_end) {
      const std::string_view hidden = mark_for_word(units, word, word_end, totals);
      if (!hidden.empty()) edits.push_back({word, word_end, hidden});
    });
    begin = end + 1;
  }
}

/// The next chunk at or after `at`; its end is units.size() - 1 if there is none.
USAGE_STATS_INLINE Chunk next_chunk(const std::vector<Unit>& units, std::size_t at) noexcept {
  const std::size_t size = units.size() - 1;
  const auto is_around = [&](std::size_t i) { return units[i].kind == Kind::fence || units[i].kind == Kind::quote; };
  while (at < size && is_blank(units[at])) ++at;
  std::size_t end = at;
  while (end < size && !is_blank(units[end])) ++end;
  const std::size_t whole = end;
  const auto is_double_colon = [&](std::size_t i) { return units[i].code == ':' && units[i + 1].code == ':'; };  // ::1
  while (at < end && is_around(at) && !is_double_colon(at)) ++at;
  while (at < end && !(end - at > 1 && is_double_colon(end - 2)) && (is_around(end - 1) || in(units[end - 1], ".!?*")))
    --end;
  Chunk chunk{at, end, end == whole};
  for (std::size_t i = at; i < end; ++i) {
    if (units[i].kind == Kind::digit)
      ++chunk.digits;
    else if (!in(units[i], "+-.,()"))
      return chunk.digits = 0, chunk;
  }
  return chunk;
}

USAGE_STATS_INLINE bool same_line(const std::vector<Unit>& units, std::size_t from, std::size_t to) noexcept {
  for (; from < to; ++from)
    if (units[from].kind == Kind::newline) return false;
  return true;
}

/// The last of the chunks up to the bracket that closes chunk `c`; `c` itself if there is none near.
USAGE_STATS_INLINE std::size_t closing_chunk(const std::vector<Unit>& units, const std::vector<Chunk>& chunks,
                                             std::size_t c) noexcept {
  for (std::size_t n = c; n < chunks.size() && n < c + 12; ++n) {
    const std::size_t next = n + 1 < chunks.size() ? chunks[n + 1].begin : units.size() - 1;
    for (std::size_t i = n == c ? chunks[c].start : chunks[n].begin; i < next; ++i)
      if (units[i].code == static_cast<unsigned char>(chunks[c].closer)) return n;
    if (!same_line(units, chunks[n].end, next)) break;
  }
  return c;
}

/// Shapes that blanks run through: "4111 1111 1111 1111", "C:\Documents and Settings\x", "[/a/my plan]".
USAGE_STATS_INLINE void join_chunks(const std::vector<Unit>& units, const std::vector<Chunk>& chunks,
                                    std::vector<Edit>& edits) {
  std::vector<Edit> joined;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    std::size_t last = c, digits = chunks[c].digits;
    if (chunks[c].path && chunks[c].closer != 0) last = closing_chunk(units, chunks, c);
    if (chunks[c].path && last == c) {
      for (std::size_t n = c + 1; n < chunks.size() && n <= last + 4; ++n) {
        if (!chunks[n - 1].open || !same_line(units, chunks[n - 1].end, chunks[n].begin)) break;
        if (chunks[n].path && chunks[n].rooted) break;
        if (chunks[n].path) last = n;
      }
    } else if (digits != 0) {
      while (last + 1 < chunks.size() && chunks[last].open && chunks[last + 1].digits != 0 &&
             same_line(units, chunks[last].end, chunks[last + 1].begin))
        digits += chunks[++last].digits;
      if (digits <= 6) last = c;
    }
    if (last != c)
      joined.push_back({chunks[c].path ? chunks[c].start : chunks[c].begin, chunks[last].end,
                        chunks[c].path ? "<path>" : "<number>"});
    c = last;
  }
  if (joined.empty()) return;
  std::vector<Edit> result;
  std::size_t next = 0;
  for (const Edit& edit : edits) {
    for (; next < joined.size() && joined[next].end <= edit.begin; ++next) result.push_back(joined[next]);
    if (next == joined.size() || edit.end <= joined[next].begin) result.push_back(edit);
  }
  result.insert(result.end(), joined.begin() + static_cast<std::ptrdiff_t>(next), joined.end());
  edits.swap(result);
}

USAGE_STATS_INLINE std::string replace_in_chunks(std::string_view text) {
  const std::vector<Unit> units = units_of(text);
  std::vector<Chunk> chunks;
  std::vector<Edit> edits;
  for (std::size_t at = 0; at + 1 < units.size();) {
    Chunk chunk = next_chunk(units, at);
    at = chunk.end;
    while (at + 1 < units.size() && !is_blank(units[at])) ++at;
    if (chunk.begin >= chunk.end) {
      if (!chunks.empty()) chunks.back().open = false;  // a lone "->" or ":" between two of them
      if (at + 1 < units.size()) ++at;
      continue;
    }
    replace_in_chunk(text, units, chunk, edits);
    chunks.push_back(chunk);
  }
  join_chunks(units, chunks, edits);
  return rewrite(text, units, edits);
}

}  // namespace redaction_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
