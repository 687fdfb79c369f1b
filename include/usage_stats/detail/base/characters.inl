#pragma once
// UTF-8 characters, and whether they can be part of a word. Predicates of our own, because those of the standard
// library ask the locale.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace characters {

/// The bytes at `at` that form one character, or (if not `valid`) one "maximal subpart" of an invalid one (Unicode
/// 3.9).
USAGE_STATS_INLINE std::size_t length_at(std::string_view text, std::size_t at, bool& valid) noexcept {
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

/// The character at `at` (U+FFFD if it is invalid), and its length in bytes.
USAGE_STATS_INLINE std::size_t decode(std::string_view text, std::size_t at, std::uint32_t& code) noexcept {
  bool valid = false;
  const std::size_t length = length_at(text, at, valid);
  code = static_cast<unsigned char>(text[at]);
  if (length > 1) code &= 0x7FU >> length;
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  if (!valid) code = 0xFFFD;
  return length;
}

USAGE_STATS_INLINE bool is_digit(std::uint32_t code) noexcept {
  for (const std::uint32_t zero : {0x30U, 0x0660U, 0x06F0U, 0x0966U, 0x09E6U, 0xFF10U})
    if (code >= zero && code < zero + 10) return true;
  return false;
}

USAGE_STATS_INLINE bool is_ascii_letter(std::uint32_t code) noexcept {
  return (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
}

USAGE_STATS_INLINE char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
USAGE_STATS_INLINE char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

/// What a hexadecimal digit stands for; -1: it is none.
USAGE_STATS_INLINE int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/// A letter, a digit or `_`; outside ASCII, everything but blanks, punctuation and symbols.
USAGE_STATS_INLINE bool is_word(std::uint32_t code) noexcept {
  if (code < 0x80) return is_ascii_letter(code) || is_digit(code) || code == '_';
  const auto in = [code](std::uint32_t first, std::uint32_t last) { return code >= first && code <= last; };
  if (in(0x80, 0xBF)) return code == 0xAA || code == 0xB5 || code == 0xBA;
  return code != 0xD7 && code != 0xF7 && !in(0x2000, 0x206F) && !in(0x2190, 0x2BFF) && !in(0x3000, 0x3003) &&
         !in(0x3008, 0x3020) && !in(0xFF00, 0xFF0F) && !in(0xFF1A, 0xFF20);
}

}  // namespace characters
}  // namespace detail
USAGE_STATS_END_NAMESPACE
