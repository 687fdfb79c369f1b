#pragma once
// Bytes as hexadecimal digits.

#include <cstddef>
#include <string>
#include <string_view>

namespace collector {

/// What a digit stands for; -1: it is none.
inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/// Whether a SHA-256 is written so, with small letters.
inline bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

inline std::string hex_of(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}
/// Of an even number of hexadecimal digits.
inline std::string bytes_of_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(hex_value(text[i]) * 16 + hex_value(text[i + 1]));
  return bytes;
}

}  // namespace collector
