#pragma once

#include <algorithm>

#include "characters.inl"
#include "text.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace text_impl {

/// The position after the escape sequence whose introducer's second byte (ECMA-48: '[', ']', ...) is at `at`.
USAGE_STATS_INLINE std::size_t behind_sequence(std::string_view text, std::size_t at, char kind) noexcept {
  const auto within = [&](char low, char high) { return at < text.size() && text[at] >= low && text[at] <= high; };
  if (kind == '[') {
    while (within(0x20, 0x3f)) ++at;
    return within(0x40, 0x7e) ? at + 1 : at;
  }
  if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {  // a string, up to BEL or ESC '\'
    while (at < text.size() && text[at] != '\a' && text[at] != '\x1b') ++at;
    return std::min(text.size(), at < text.size() && text[at] == '\x1b' ? at + 2 : at + 1);
  }
  if (kind >= 0x20 && kind <= 0x2f) {
    while (within(0x20, 0x2f)) ++at;
    return std::min(text.size(), at + 1);
  }
  return at;
}

/// A Unicode character that moves or hides the text around it: C1 controls, marks of text direction.
USAGE_STATS_INLINE std::size_t invisible_bytes(std::string_view text) noexcept {
  if (text.substr(0, 1) == "\xC2" && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0) return 2;
  if (text.size() < 3 || text[0] != '\xE2') return 0;
  const unsigned char second = static_cast<unsigned char>(text[1]), third = static_cast<unsigned char>(text[2]);
  const bool direction = (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE))) ||
                         (second == 0x81 && third >= 0xA6 && third <= 0xA9);
  return direction ? 3 : 0;
}

}  // namespace text_impl

USAGE_STATS_INLINE std::string clip_utf8(std::string_view text, std::size_t limit) {
  std::string result;
  result.reserve(std::min(text.size(), limit));
  for (std::size_t at = 0; at < text.size();) {
    bool valid = false;
    const std::size_t length = characters::length_at(text, at, valid);
    const std::string_view character = valid ? text.substr(at, length) : std::string_view("\xEF\xBF\xBD");
    if (character.size() > limit - result.size()) break;
    result.append(character);
    at += length;
  }
  return result;
}

USAGE_STATS_INLINE std::string plain_text(std::string_view given) {
  const std::string text = clip_utf8(given, 4096);
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const unsigned char c = static_cast<unsigned char>(rest[0]);
    if (const std::size_t bytes = text_impl::invisible_bytes(rest); bytes > 0) {
      at += bytes;
      if (bytes == 2) at = text_impl::behind_sequence(text, at, static_cast<char>(rest[1] - 0x40));
    } else if (c == 0x1b && rest.size() > 1) {
      at = text_impl::behind_sequence(text, at + 2, rest[1]);
    } else if (c <= ' ' || c == 0x7f) {
      const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
      if (blank && !plain.empty() && plain.back() != ' ') plain += ' ';
      ++at;
    } else {
      plain += text[at++];
    }
  }
  while (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

USAGE_STATS_INLINE std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), characters::lower);
  return result;
}

USAGE_STATS_INLINE bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) noexcept { return characters::lower(x) == characters::lower(y); });
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
