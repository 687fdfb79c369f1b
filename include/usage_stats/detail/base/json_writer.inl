#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "characters.inl"
#include "json_writer.hpp"
#include "../../options.hpp"
#include "../os/thread.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace json_writer_impl {

/// The escape of a character that a JSON string cannot hold as it is; nothing if it can.
USAGE_STATS_INLINE std::string_view escape_of(char c, char (&room)[8]) noexcept {
  constexpr std::string_view plain = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  const auto byte = static_cast<unsigned char>(c);
  if (byte > 0x1F && c != '"' && c != '\\') return {};
  room[0] = '\\';
  if (const std::size_t at = plain.find(c); at != std::string_view::npos) {
    room[1] = letters[at];
    return {room, 2};
  }
  std::memcpy(room + 1, "u00", 3);
  room[4] = static_cast<char>('0' + (byte >> 4));
  room[5] = "0123456789abcdef"[byte & 15];
  return {room, 6};
}

/// The shortest digits that are read as this number, and where the point stands after the first of them.
USAGE_STATS_INLINE std::string digits_of(double number, int& point) {
  char text[40] = {};
  const os::ScopedCLocale plain_numbers;
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits - 1, number);
    if (std::strtod(text, nullptr) == number) break;
  }
  const char* const exponent = std::strchr(text, 'e');
  point = 1 + std::atoi(exponent + 1);
  std::string result(1, text[0]);
  // A decimal point of several bytes is kept away by plain_numbers; but NetBSD has no locale of a thread's own.
  for (const char* digit = text + 1; digit != exponent; ++digit)
    if (*digit >= '0' && *digit <= '9') result += *digit;
  result.erase(result.find_last_not_of('0') + 1);
  return result;
}

/// A positive number: 0.001, 1.5, 100.0, 1e+20.
USAGE_STATS_INLINE std::string text_of(double number) {
  int point = 0;
  std::string digits = digits_of(number, point);
  const int count = static_cast<int>(digits.size());
  if (point > 15 || point <= -4) {
    char exponent[16] = {};
    std::snprintf(exponent, sizeof exponent, "e%+03d", point - 1);
    if (count > 1) digits.insert(1, 1, '.');
    return digits + exponent;
  }
  if (point <= 0) return "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (count <= point) return digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
  return digits.insert(static_cast<std::size_t>(point), 1, '.');
}

}  // namespace json_writer_impl

USAGE_STATS_INLINE void append_json_string(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) noexcept {  // nearly all of it
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x1F && byte < 0x80 && byte != '"' && byte != '\\';
  };
  std::size_t at = 0, written = 0;
  while (at < text.size() && is_plain(text[at])) ++at;
  if (at == text.size()) {
    const std::size_t begin = out.size();
    out.resize(begin + text.size() + 2, '"');
    text.copy(&out[begin + 1], text.size());
    return;
  }
  out += '"';
  while (at < text.size()) {
    if (is_plain(text[at])) {
      ++at;
      continue;
    }
    char room[8] = {};
    bool valid = false;
    const std::size_t length = characters::length_at(text, at, valid);
    const std::string_view instead = valid ? json_writer_impl::escape_of(text[at], room) : "\xEF\xBF\xBD";
    if (!instead.empty()) {
      out.append(text.substr(written, at - written)).append(instead);
      written = at + length;
    }
    at += length;
  }
  out.append(text.substr(written)) += '"';
}

USAGE_STATS_INLINE void put_text(JsonWriter& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out.key(name).text(text);
}

USAGE_STATS_INLINE void put_list(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_list();
  for (const std::string& text : texts) out.text(text);
  out.end_list();
}

USAGE_STATS_INLINE void JsonWriter::break_line() {
  constexpr std::string_view line = "\n                ";  // as deep as nearly all of ours
  if (!indented_) return;
  text_.append(line.substr(0, 1 + 2 * depth_));
  if (2 * depth_ >= line.size()) text_.append(2 * depth_ + 1 - line.size(), ' ');
}

USAGE_STATS_INLINE void JsonWriter::begin_value() {
  if (keyed_) {
    keyed_ = false;
    return;
  }
  if (depth_ == 0) return;
  if (!first_) text_ += ',';
  break_line();
  first_ = false;
}

USAGE_STATS_INLINE JsonWriter& JsonWriter::key(std::string_view name) {
  begin_value();
  append_json_string(text_, name);
  text_.append(": ", indented_ ? 2 : 1);
  keyed_ = true;
  return *this;
}

USAGE_STATS_INLINE void JsonWriter::begin(char opening) {
  if (depth_ == 0) text_.reserve(1024);
  begin_value();
  text_ += opening;
  ++depth_;
  first_ = true;
}

USAGE_STATS_INLINE void JsonWriter::end(char closing) {
  --depth_;
  if (!first_) break_line();
  text_ += closing;
  first_ = false;
}

USAGE_STATS_INLINE void JsonWriter::text(std::string_view value) {
  begin_value();
  if (!is_full()) append_json_string(text_, value);
}

USAGE_STATS_INLINE void JsonWriter::positive(std::uint64_t value) {
  char digits[20];
  std::size_t at = sizeof digits;
  do digits[--at] = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  raw({digits + at, sizeof digits - at});
}

USAGE_STATS_INLINE void JsonWriter::integer(std::int64_t value) {
  if (value >= 0) return positive(static_cast<std::uint64_t>(value));
  begin_value();
  text_ += '-';
  keyed_ = true;
  positive(std::uint64_t{0} - static_cast<std::uint64_t>(value));
}

USAGE_STATS_INLINE void JsonWriter::number(double value) {
  if (!is_finite(value)) return null();
  begin_value();
  if (std::signbit(value)) text_ += '-';
  const double size = std::fabs(value);
  // Times, and most of what people measure. Of 15 digits and less no two numbers share a double: these are the
  // shortest.
  const std::uint64_t thousandths = size < 1e12 ? static_cast<std::uint64_t>(std::llround(size * 1000.0)) : 0;
  if (static_cast<double>(thousandths) / 1000.0 != size)
    return static_cast<void>(text_ += json_writer_impl::text_of(size));
  keyed_ = true;  // goes on in this value
  positive(thousandths / 1000);
  const auto rest = static_cast<int>(thousandths % 1000);
  const char digits[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  text_.append(digits, rest % 100 == 0 ? 2 : rest % 10 == 0 ? 3 : 4);
}

USAGE_STATS_INLINE void JsonWriter::flag(bool value) { raw(value ? "true" : "false"); }
USAGE_STATS_INLINE void JsonWriter::null() { raw("null"); }

USAGE_STATS_INLINE void JsonWriter::raw(std::string_view json) {
  begin_value();
  if (!is_full()) text_ += json;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
