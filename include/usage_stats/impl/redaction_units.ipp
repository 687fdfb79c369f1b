#pragma once
// Text as the sieves see it: characters, marks, and what a character can be to them. ASCII predicates of our own,
// because those of the standard library ask the locale. Included by redaction_shapes.ipp.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../redaction.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace redaction_impl {

// ---- characters

USAGE_STATS_INLINE bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
USAGE_STATS_INLINE bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
USAGE_STATS_INLINE bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
USAGE_STATS_INLINE bool is_alnum(char c) noexcept { return is_digit(c) || is_upper(c) || is_lower(c); }
USAGE_STATS_INLINE bool is_hex_letter(char c) noexcept { return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
USAGE_STATS_INLINE char lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

/// A part of a value that would be found in the midst of ordinary words: `app` in "append".
USAGE_STATS_INLINE bool is_short_word(std::string_view text) noexcept {
  return text.size() < 6 && std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) && !is_digit(c); });
}

/// The bytes at `at` that make one character, or (not `valid`) one "maximal subpart" of what is none (Unicode 3.9).
USAGE_STATS_INLINE std::size_t next_character(std::string_view text, std::size_t at, bool& valid) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  valid = first < 0x80;
  if (valid || first < 0xC2 || first > 0xF4) return 1;
  const std::size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned low = 0x80, high = 0xBF;  // of the second byte: no overlong forms, surrogates, or beyond U+10FFFF
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  std::size_t length = 1;
  while (length < wanted && at + length < text.size() && byte(at + length) >= low && byte(at + length) <= high) {
    ++length;
    low = 0x80;
    high = 0xBF;
  }
  valid = length == wanted;
  return length;
}

/// The length of the mark that stands at `at`; 0 if none does. Marks are never looked into again.
USAGE_STATS_INLINE std::size_t mark_length(std::string_view text, std::size_t at) noexcept {
  constexpr std::array<std::string_view, 15> marks = {"<arg>",    "<env>",    "<user>", "<host>",  "<home>",
                                                      "<path>",   "<url>",    "<ip>",   "<email>", "<token>",
                                                      "<number>", "<quoted>", "<int>",  "<text>",  "<option>"};
  if (text[at] != '<') return 0;
  for (const std::string_view mark : marks)
    if (text.compare(at, mark.size(), mark) == 0) return mark.size();
  return 0;
}

enum class Kind : unsigned char { blank, newline, letter, digit, mark, quote, fence, soft, symbol, slash, at };

/// A character, or a mark.
struct Unit {
  std::size_t begin;
  std::uint32_t code;  // 0 for a mark
  Kind kind;
};

USAGE_STATS_INLINE unsigned quote_family(std::uint32_t code) noexcept {  // 0: no quote
  if (code == '\'' || code == '`' || (code >= 0x2018 && code <= 0x201B) || code == 0x2032 || code == 0xB4) return 1;
  if (code == '"' || (code >= 0x201C && code <= 0x201F) || code == 0x2033) return 2;
  if (code == 0xAB || code == 0xBB || code == 0x2039 || code == 0x203A) return 3;
  if (code >= 0x3008 && code <= 0x3011) return 4;
  return 0;
}

USAGE_STATS_INLINE Kind kind_of(std::uint32_t code) noexcept {
  if (quote_family(code) != 0) return Kind::quote;
  if (code < 0x80) {
    const char c = static_cast<char>(code);
    if (is_digit(c)) return Kind::digit;
    if (is_alnum(c)) return Kind::letter;
    if (c == '\n' || c == '\r') return Kind::newline;
    if (c <= ' ' || c == 0x7F) return Kind::blank;
    if (c == '/' || c == '\\') return Kind::slash;
    if (c == '@') return Kind::at;
    if (c == '-' || c == '_' || c == '.') return Kind::soft;
    return std::string_view("=,;:()[]{}<>|").find(c) != std::string_view::npos ? Kind::fence : Kind::symbol;
  }
  if (code == 0x2028 || code == 0x2029) return Kind::newline;
  if (code <= 0xA0 || (code >= 0x2000 && code <= 0x200A) || code == 0x202F || code == 0x205F || code == 0x3000)
    return Kind::blank;
  if ((code >= 0x2010 && code <= 0x2027) || (code >= 0x3001 && code <= 0x3002) || (code >= 0xFF01 && code <= 0xFF0F) ||
      code == 0xFF1A || code == 0xFF1B || code == 0xFF1F)
    return Kind::fence;
  for (const std::uint32_t zero : {0x0660U, 0x06F0U, 0x0966U, 0x09E6U, 0xFF10U})
    if (code >= zero && code < zero + 10) return Kind::digit;
  return Kind::letter;
}

/// The units of a text that is valid UTF-8, and one more at its end, so that every unit knows where it ends.
USAGE_STATS_INLINE std::vector<Unit> units_of(std::string_view text) {
  std::vector<Unit> units;
  units.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t length = mark_length(text, at)) {
      units.push_back({at, 0, Kind::mark});
      at += length;
      continue;
    }
    bool valid = false;
    const std::size_t length = next_character(text, at, valid);
    std::uint32_t code = static_cast<unsigned char>(text[at]);
    if (length > 1) code &= 0x7FU >> length;
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    units.push_back({at, code, kind_of(code)});
    at += length;
  }
  units.push_back({text.size(), 0, Kind::newline});
  for (std::size_t i = 1; i + 1 < units.size(); ++i)  // 1,234,567 is one number
    if (units[i].code == ',' && units[i - 1].kind == Kind::digit && units[i + 1].kind == Kind::digit)
      units[i].kind = Kind::soft;
  return units;
}

struct Edit {
  std::size_t begin, end;  // units
  std::string_view mark;
};

USAGE_STATS_INLINE std::string rewrite(std::string_view text, const std::vector<Unit>& units,
                                       const std::vector<Edit>& edits) {
  std::string result;
  std::size_t done = 0;
  for (const Edit& edit : edits) {
    result.append(text.substr(done, units[edit.begin].begin - done)).append(edit.mark);
    done = units[edit.end].begin;
  }
  return result.append(text.substr(done));
}

USAGE_STATS_INLINE bool is_blank(const Unit& unit) noexcept {
  return unit.kind == Kind::blank || unit.kind == Kind::newline;
}
USAGE_STATS_INLINE bool in(const Unit& unit, std::string_view characters) noexcept {
  return unit.code != 0 && unit.code < 0x80 && characters.find(static_cast<char>(unit.code)) != std::string_view::npos;
}

}  // namespace redaction_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
