#pragma once
// A server's answer: its head is parsed here, within bounds, before anything else looks at it.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../../base/text.hpp"
#include "../../base/time.hpp"
#include "../../store/storage.hpp"
#include "send.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

using Deadline = std::chrono::steady_clock::time_point;
constexpr std::size_t largest_body = 64 * 1024;
constexpr std::size_t largest_head = 64 * 1024;
constexpr const char* not_http = "the answer is not HTTP";
constexpr const char* no_trusted_tls = "TLS: no connection that can be trusted";

USAGE_STATS_INLINE std::chrono::milliseconds left_until(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

/// Seconds, or an IMF-fixdate (RFC 9110 5.6.7); anything else is ignored.
USAGE_STATS_INLINE std::optional<std::chrono::seconds> parse_retry_after(const std::string& text) {
  constexpr std::int64_t longest = 24 * 3600;
  if (text.empty() || text.size() > 40) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string::npos)
    return std::chrono::seconds(text.size() > 9 ? longest : std::min<std::int64_t>(std::stoll(text), longest));
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month_name[4] = {};
  if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month_name, &year, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t month = months.find(month_name);
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const std::int64_t then =
      days_of({year, static_cast<int>(month / 3) + 1, day}) * 86400 + hour * 3600 + minute * 60 + second;
  return std::chrono::seconds(std::clamp<std::int64_t>(then - now_seconds(), 0, longest));
}

USAGE_STATS_INLINE void take_header(Response& response, std::string_view name, const std::string& value) {
  if (equal_ignoring_case(name, "Location") && response.location.empty()) response.location = value.substr(0, 2048);
  if (equal_ignoring_case(name, "Content-Type")) response.content_type = value.substr(0, 128);
  if (equal_ignoring_case(name, "Retry-After")) response.retry_after = parse_retry_after(value);
  if (equal_ignoring_case(name, "Idempotency-Key")) response.key = value.substr(0, 256);
}

/// Where the body begins, after the first empty line, which ends with CR LF or with LF alone; npos: not there yet.
USAGE_STATS_INLINE std::size_t head_size(std::string_view text) noexcept {
  for (std::size_t line = text.find('\n'); line != std::string_view::npos; line = text.find('\n', line + 1)) {
    if (text.substr(line + 1, 1) == "\n") return line + 2;
    if (text.substr(line + 1, 2) == "\r\n") return line + 3;
  }
  return std::string_view::npos;
}

/// The three digits after the version in the first line of an answer; 0 for anything else.
USAGE_STATS_INLINE int status_of(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const std::string_view digits = line.substr(std::min(line.find(' '), line.size()));
  if (line.substr(0, 5) != "HTTP/" || digits.size() < 4 || (digits.size() > 4 && digits[4] != ' ') ||
      digits.substr(1, 3).find_first_not_of("0123456789") != std::string_view::npos)
    return 0;
  return (digits[1] - '0') * 100 + (digits[2] - '0') * 10 + (digits[3] - '0');
}

/// Calls `take` with the name and value of each header.
template <class Take>
void each_header(std::string_view head, const Take& take) {
  for (std::size_t line = head.find('\n'); line != std::string_view::npos; line = head.find('\n')) {
    head.remove_prefix(line + 1);
    std::string_view text = head.substr(0, head.find('\n'));
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    take(name, std::string(text));
  }
}

/// The head of the answer, after interim answers; all of these are removed from `text`. Empty if it is incomplete.
USAGE_STATS_INLINE std::string_view take_head(std::string_view& text) noexcept {
  for (;;) {
    const std::size_t size = head_size(text);
    const std::string_view head = text.substr(0, size == text.npos ? 0 : size);
    const int status = status_of(head);
    if (status == 0) return {};
    text.remove_prefix(size);
    if (status > 199) return head;
  }
}

/// Reads what `curl --include` prints: interim answers, the head, the body.
USAGE_STATS_INLINE void parse_answer(std::string_view text, Response& response) {
  const std::string_view head = take_head(text);
  response.status = status_of(head);
  if (response.status == 0) return;
  each_header(head, [&](std::string_view name, const std::string& value) { take_header(response, name, value); });
  response.body = text.substr(0, largest_body);
}

/// Whether an answer with this status has no body, whatever its headers say (RFC 9112, section 6.3).
USAGE_STATS_INLINE bool is_bodiless(int status) noexcept { return status == 204 || status == 304; }

/// Whether the value of Content-Length is not a number: the answer is then not HTTP, as curl also treats it.
USAGE_STATS_INLINE bool is_bad_length(std::string_view value) noexcept {
  return value.empty() || value.front() < '0' || value.front() > '9';
}

/// Where the body ends, according to the head (RFC 9112, section 6.3).
struct Framing {
  bool chunked = false;     // then Content-Length does not count
  bool bad_length = false;  // no number
  std::string length;       // the first one of up to 15 digits; empty: none
};

USAGE_STATS_INLINE Framing framing_of(std::string_view head) {
  Framing framing;
  each_header(head, [&](std::string_view name, const std::string& value) {
    if (equal_ignoring_case(name, "Transfer-Encoding") && equal_ignoring_case(value, "chunked")) framing.chunked = true;
    if (!equal_ignoring_case(name, "Content-Length")) return;
    framing.bad_length = framing.bad_length || is_bad_length(value);
    const bool digits = !value.empty() && value.size() <= 15 && value.find_first_not_of("0123456789") == value.npos;
    if (digits && framing.length.empty()) framing.length = value;
  });
  return framing;
}

/// Decides when curl has said enough. The answer's body, which is used only as text for the user, has one second after
/// its head; curl would collect what follows the body (RFC 9112, section 7.1.2) without end.
class EnoughOfAnAnswer {
 public:
  bool operator()(std::string_view text) {
    const std::string_view head = take_head(text);
    if (head.empty()) return false;
    const auto now = std::chrono::steady_clock::now();
    if (!since_) since_ = now;
    const Framing framing = framing_of(head);
    const bool known = !framing.chunked && !framing.length.empty();
    const std::size_t length = is_bodiless(status_of(head)) ? 0
                               : known ? static_cast<std::size_t>(std::strtoull(framing.length.c_str(), nullptr, 10))
                                       : text.npos;
    return text.size() >= std::min(length, largest_body) || now - *since_ >= std::chrono::seconds(1);
  }

 private:
  std::optional<Deadline> since_;
};

/// The bytes of an answer over plain http, converted to a form that every httplib can read: without interim answers,
/// with CR LF line ends, without long lines, and with only the headers that are used.
class HeadFilter {
 public:
  /// What httplib may read of these bytes; nothing while the head is incomplete.
  std::string pass(std::string_view bytes);
  /// The next bytes belong to another answer.
  void expect_head() { *this = HeadFilter(); }
  /// Why nothing more is passed on; empty if more is.
  const std::string& problem() const noexcept { return problem_; }
  bool in_body() const noexcept { return passed_ > 0; }

 private:
  static constexpr std::size_t largest_answer = 256 * 1024;  // of a body in chunks of one byte that is long enough
  static std::string plain_head(int status, std::string_view head);

  std::string head_, problem_;
  std::size_t passed_ = 0;
};

USAGE_STATS_INLINE std::string HeadFilter::plain_head(int status, std::string_view head) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " -\r\n";
  const Framing framing = framing_of(head);
  bool close = head.substr(0, 8) == "HTTP/1.0";
  if (is_bodiless(status))
    text += "Content-Length: 0\r\n";
  else if (framing.chunked)
    text += "Transfer-Encoding: chunked\r\n";
  else if (!framing.length.empty())
    text += "Content-Length: " + framing.length + "\r\n";
  else
    close = true;
  each_header(head, [&](std::string_view name, const std::string& value) {
    const auto is = [&](const char* other) { return equal_ignoring_case(name, other); };
    if (is("Connection")) close = close || equal_ignoring_case(value, "close");
    if (!is("Location") && !is("Retry-After") && !is("Content-Type") && !is("Idempotency-Key")) return;
    text += std::string(name) + ": ";
    for (const char c : value.substr(0, 2048)) text += c >= ' ' && c != 0x7f ? c : '?';
    text += "\r\n";
  });
  return text + (close ? "Connection: close\r\n\r\n" : "\r\n");
}

USAGE_STATS_INLINE std::string HeadFilter::pass(std::string_view bytes) {
  std::string result;
  if (problem_.empty() && passed_ == 0) {
    head_ += bytes;
    bytes = {};
    for (std::size_t size = head_size(head_); passed_ == 0 && size != head_.npos; size = head_size(head_)) {
      const int status = status_of(head_);
      const std::string_view head = std::string_view(head_).substr(0, size);
      if (status == 0 || framing_of(head).bad_length) return problem_ = not_http, std::string();
      if (status > 199 || status == 101) result = plain_head(status, head);
      head_.erase(0, size);
      if (!result.empty()) result += std::exchange(head_, {});
      passed_ = result.size();
    }
    if (head_.size() > largest_head) problem_ = "the answer's headers are too long";
    if (!head_.empty() && std::string_view("HTTP/").substr(0, head_.size()) != std::string_view(head_).substr(0, 5))
      problem_ = not_http;
    return result;
  }
  if (problem_.empty() && passed_ + bytes.size() > largest_answer) problem_ = "the answer is too long";
  if (!problem_.empty()) return {};
  passed_ += bytes.size();
  return std::string(bytes);
}

}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
