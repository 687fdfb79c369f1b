#include "markup.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../base/hex.hpp"

namespace collector {
namespace {

struct Character {
  std::uint32_t code = 0xFFFD;
  std::size_t bytes = 1;
};

/// The character at `at`; U+FFFD for a byte that begins none.
Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + bytes > text.size()) return {};
  std::uint32_t code = first & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return {};
    code = code << 6 | (byte(at + i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes};
}

/// Marks of text direction, invisible separators, what XML forbids.
bool is_invisible(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB) ||
         (code & 0xFFFEU) == 0xFFFE || (code >= 0xE0000 && code <= 0xE0FFF);
}

const char* entity(std::uint32_t code) {
  switch (code) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// Three significant digits, no more, and no zeros at the end.
std::string rounded(double value) {
  if (value == 0) return "0";
  const int digits = 2 - static_cast<int>(std::floor(std::log10(std::fabs(value)) + 1e-9));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits > 0 ? digits : 0, value);
  std::string result = text.data();
  if (result.find('.') != std::string::npos) {
    while (result.back() == '0') result.pop_back();
    if (result.back() == '.') result.pop_back();
  }
  return result;
}

std::string plain(double value) {
  const double size = std::fabs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e15)) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2g", value);
    return text.data();
  }
  if (size >= 999.5e9) return rounded(value / 1e12) + "T";
  if (size >= 999.5e6) return rounded(value / 1e9) + "G";
  if (size >= 999.5e3) return rounded(value / 1e6) + "M";
  if (size >= 9999.5) return rounded(value / 1e3) + "k";
  return size >= 1000 ? grouped(value) : rounded(value);
}

std::string duration(double seconds) {
  const double size = std::fabs(seconds);
  if (size == 0) return "0\u00a0s";
  if (size < 0.9995e-3) return rounded(seconds * 1e6) + "\u00a0\u00b5s";
  if (size < 0.9995) return rounded(seconds * 1e3) + "\u00a0ms";
  const auto whole = [size](double unit) { return size >= unit && std::fmod(size, unit) == 0; };
  if (whole(86400)) return rounded(seconds / 86400) + "\u00a0d";
  if (whole(3600) && size < 172000) return rounded(seconds / 3600) + "\u00a0h";
  if (whole(60) && size < 7170) return rounded(seconds / 60) + "\u00a0min";
  if (size < 119.5) return rounded(seconds) + "\u00a0s";
  if (size < 7170) return rounded(seconds / 60) + "\u00a0min";
  return size < 172000 ? rounded(seconds / 3600) + "\u00a0h" : rounded(seconds / 86400) + "\u00a0d";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (const char* const known = entity(character.code))
      result += known;
    else if (character.code == '\n' || character.code == '\t' || character.code == '\r')
      result += ' ';
    else if (character.code == 0xFFFD)
      result += "\xEF\xBF\xBD";
    else if (!is_invisible(character.code))
      result += text.substr(at, character.bytes);
    at += character.bytes;
  }
  return result;
}

std::string shorten(std::string_view text, std::size_t most) {
  std::string result;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_at(text, at).bytes;
    if (++count == most && at + bytes < text.size()) return result + "\u2026";
    result += text.substr(at, bytes);
    at += bytes;
  }
  return result;
}

std::string percent_encode(std::string_view text) {
  constexpr const char* digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (is_unreserved(c)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return result;
}

std::string percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[at + 2]) : -1;
    if (low < 0) {
      result += text[at] == '+' ? ' ' : text[at];
      continue;
    }
    result += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return result;
}

std::string grouped(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.0f", value);
  std::string digits = text.data();
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string legible(double value, Unit unit) {
  switch (unit) {
    case Unit::share:
      return value > 0 && value < 0.0005 ? "<0.1\u00a0%" : rounded(std::round(value * 1000) / 10) + "\u00a0%";
    case Unit::seconds:
      return duration(value);
    case Unit::count:
    case Unit::number:
      break;
  }
  return plain(value);
}

}  // namespace collector
