#pragma once

#include <algorithm>

#include "characters.inl"
#include "text.hpp"
#include "url.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace url_impl {

USAGE_STATS_INLINE std::optional<int> port_number(std::string_view digits) {
  int port = 0;
  if (digits.empty() || digits.size() > 5) return std::nullopt;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + (c - '0');
  }
  return port >= 1 && port <= 65535 ? std::optional<int>(port) : std::nullopt;
}

USAGE_STATS_INLINE bool good_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > 253 || (bracketed && host.find(':') == std::string_view::npos)) return false;
  for (const char c : host) {
    const bool word = (c >= 'a' && c <= (bracketed ? 'f' : 'z')) || (c >= '0' && c <= '9');
    const bool mark = bracketed ? c == ':' || c == '.' : c == '-' || c == '.' || c == '_';
    if (!word && !mark) return false;
  }
  return true;
}

/// A path that begins with '/', with "." and ".." resolved.
USAGE_STATS_INLINE std::string without_dots(const std::string& path) {
  std::string result;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = (std::min)(path.find('/', begin + 1), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (part == "/..") result.erase((std::min)(result.rfind('/'), result.size()));
    if (part != "/." && part != "/..")
      result += part;
    else if (end == path.size())
      result += '/';
    begin = end;
  }
  return result;
}

}  // namespace url_impl

USAGE_STATS_INLINE std::string Url::origin() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return scheme + "://" + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

USAGE_STATS_INLINE std::optional<Url> parse_url(std::string_view text) {
  if (text.size() > 2048) return std::nullopt;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '\\')
      return std::nullopt;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = text.find_first_of("/?");
  std::string_view authority = text.substr(0, end);
  url.target = end == std::string_view::npos ? "/" : std::string(text.substr(end));
  if (url.target[0] == '?') url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return std::nullopt;

  std::string_view port;
  const bool bracketed = !authority.empty() && authority[0] == '[';
  const std::size_t host_end = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_end == std::string_view::npos) return std::nullopt;
  url.host = lower(bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end));
  const std::size_t after = bracketed ? host_end + 1 : host_end;
  if (after != std::string_view::npos && after < authority.size()) {
    if (authority[after] != ':') return std::nullopt;
    port = authority.substr(after + 1);
  }
  if (!url_impl::good_host(url.host, bracketed)) return std::nullopt;
  const auto number = port.empty() ? std::optional<int>(url.scheme == "https" ? 443 : 80) : url_impl::port_number(port);
  if (!number) return std::nullopt;
  url.port = *number;
  return url;
}

USAGE_STATS_INLINE const char* url_problem(std::string_view text) {
  const std::size_t begin = text.find("://");
  const std::string scheme = lower(text.substr(0, begin));
  if (begin == text.npos || (scheme != "http" && scheme != "https")) return "not an http or https URL";
  if (text.size() > 2048) return "the URL is longer than 2,048 bytes";
  text.remove_prefix(begin + 3);
  if (text.substr(0, text.find_first_of("/?#")).find('@') != text.npos)
    return "a URL must not contain a user name or password; set api_key or headers";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x7f)
      return "a URL must be ASCII: the name of its host in the form xn--..., other characters as %XX";
    if (static_cast<unsigned char>(c) <= 0x20 || c == '\\')
      return "a URL must not contain blanks, control characters or backslashes";
  }
  return "the name of its host, or its port, is not valid";
}

USAGE_STATS_INLINE std::optional<Url> resolve(const Url& base, std::string_view reference) {
  const std::string given(reference), origin = base.origin();
  const std::string path = base.target.substr(0, base.target.find('?'));
  const std::size_t mark = given.find_first_of(":/?#");
  if (given.empty() || (mark != std::string::npos && given[mark] == ':')) return parse_url(given);
  if (given.compare(0, 2, "//") == 0) return parse_url(base.scheme + ":" + given);
  if (given[0] == '/') return parse_url(origin + given);
  if (given[0] == '?') return parse_url(origin + path + given);
  if (given[0] == '#') return parse_url(origin + base.target);
  const std::size_t path_end = (std::min)(given.find_first_of("?#"), given.size());
  return parse_url(origin + url_impl::without_dots(path.substr(0, path.rfind('/') + 1) + given.substr(0, path_end)) +
                   given.substr(path_end));
}

namespace url_impl {

/// Four numbers below 256 separated by points; no other form, because "127.1" is interpreted differently by different
/// systems.
USAGE_STATS_INLINE std::optional<std::string> four_bytes(std::string_view text) {
  std::string bytes;
  int number = -1;  // -1: no digit yet
  for (const char c : std::string(text) + '.') {
    if (c == '.') {
      if (number < 0) return std::nullopt;
      bytes += static_cast<char>(number);
      number = -1;
    } else {
      if (c < '0' || c > '9') return std::nullopt;
      number = (number < 0 ? 0 : number * 10) + (c - '0');
      if (number > 255) return std::nullopt;
    }
  }
  return bytes.size() == 4 ? std::optional<std::string>(bytes) : std::nullopt;
}

/// The groups of an IPv6 address on one side of its "::", the last of which may be an IPv4 address.
USAGE_STATS_INLINE std::optional<std::string> groups(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const std::size_t colon = (std::min)(text.find(':'), text.size());
    const std::string_view group = text.substr(0, colon);
    if (colon == text.size() && group.find('.') != group.npos) {
      const auto four = four_bytes(group);
      return four ? std::optional<std::string>(bytes + *four) : std::nullopt;
    }
    unsigned number = 0;
    if (group.empty() || group.size() > 4 || colon + 1 == text.size()) return std::nullopt;
    for (const char c : group) {
      const int value = characters::hex_value(c);
      if (value < 0) return std::nullopt;
      number = number * 16 + static_cast<unsigned>(value);
    }
    bytes += static_cast<char>(number >> 8);
    bytes += static_cast<char>(number & 255);
    text.remove_prefix((std::min)(colon + 1, text.size()));
  }
  return bytes;
}

}  // namespace url_impl

USAGE_STATS_INLINE std::optional<std::string> address_bytes(std::string_view host) {
  if (host.find(':') == host.npos) return url_impl::four_bytes(host);
  const std::size_t gap = host.find("::");
  const auto before = url_impl::groups(host.substr(0, gap));
  const auto after = url_impl::groups(gap == host.npos ? std::string_view() : host.substr(gap + 2));
  if (!before || !after || (gap == host.npos ? before->size() != 16 : before->size() + after->size() > 14))
    return std::nullopt;
  const std::string bytes = *before + std::string(16 - before->size() - after->size(), '\0') + *after;
  const std::string mapped = std::string(10, '\0') + "\xff\xff";  // an IPv4 address as IPv6 writes it
  return bytes.compare(0, 12, mapped) == 0 ? bytes.substr(12) : bytes;
}

USAGE_STATS_INLINE bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const auto bytes = address_bytes(host);
  if (!bytes) return false;  // 127.example.org is a name
  return bytes->size() == 4 ? bytes->front() == 127 : *bytes == std::string(15, '\0') + '\1';
}

USAGE_STATS_INLINE std::string percent_encode(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      result += c;
    } else {
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result;
}

USAGE_STATS_INLINE std::string percent_decode(std::string_view text) {
  using characters::hex_value;
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    result += escape ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    i += escape ? 2 : 0;
  }
  return result;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
