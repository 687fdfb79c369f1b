#pragma once
// Proxies, as configured in the environment.

#include <optional>
#include <string>
#include <string_view>

#include "../../os/platform.hpp"
#include "send.hpp"
#include "../../base/url.hpp"
#include "answers.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

struct Proxy {
  std::string host, user, password;
  int port = 0;
};

/// "http://user:password@host:port"; nothing for another kind of proxy.
USAGE_STATS_INLINE std::optional<Proxy> parse_proxy(std::string text) {
  if (text.find("://") == std::string::npos) text = "http://" + text;
  Proxy proxy;
  const std::size_t at = text.rfind('@');
  if (at != std::string::npos && text.compare(0, 7, "http://") == 0) {
    const std::string user_info = text.substr(7, at - 7);
    const std::size_t colon = user_info.find(':');
    proxy.user = percent_decode(user_info.substr(0, colon));
    if (colon != std::string::npos) proxy.password = percent_decode(user_info.substr(colon + 1));
    text = "http://" + text.substr(at + 1);
  }
  const auto url = parse_url(text);
  if (!url || url->scheme != "http") return std::nullopt;
  proxy.host = url->host;
  proxy.port = url->port;
  return proxy;
}

/// Whether an address is in a network, "10.0.0.0/8" or "fd00::/8".
USAGE_STATS_INLINE bool in_network(std::string_view network, std::string_view host) {
  const std::size_t slash = network.find('/');
  const auto base = address_bytes(network.substr(0, slash)), address = address_bytes(host);
  const std::string_view digits = network.substr(std::min(slash, network.size() - 1) + 1);
  if (!base || !address || base->size() != address->size() || digits.empty() || digits.size() > 3 ||
      digits.find_first_not_of("0123456789") != digits.npos)
    return false;
  const std::size_t bits = static_cast<std::size_t>(std::stoi(std::string(digits)));
  if (bits > base->size() * 8) return false;
  for (std::size_t i = 0; i < bits; ++i) {
    const int mask = 0x80 >> i % 8;
    if (((*base)[i / 8] & mask) != ((*address)[i / 8] & mask)) return false;
  }
  return true;
}

/// Whether one item of NO_PROXY covers the host: "*", the name or address, a network, or a domain above a name.
USAGE_STATS_INLINE bool covers(std::string_view item, std::string_view host) {
  if (item == "*") return true;
  if (item.size() > 2 && item.front() == '[' && item.back() == ']') item = item.substr(1, item.size() - 2);
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  if (const auto address = address_bytes(host))
    return item.find('/') == item.npos ? address_bytes(item) == address : in_network(item, host);
  if (!item.empty() && item.back() == '.') item.remove_suffix(1);
  if (!item.empty() && item.front() == '.') item.remove_prefix(1);
  if (item.empty() || host.size() < item.size()) return false;
  const std::string_view end = host.substr(host.size() - item.size());
  return equal_ignoring_case(end, item) && (host.size() == item.size() || host[host.size() - item.size() - 1] == '.');
}

/// The value of a "Basic" Authorization or Proxy-Authorization (RFC 7617): Base64, RFC 4648.
USAGE_STATS_INLINE std::string basic_credentials(const Proxy& proxy) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text = proxy.user + ":" + proxy.password;
  std::string result = "Basic ";
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) result += i + k > text.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
  }
  return result;
}

}  // namespace transport_impl

USAGE_STATS_INLINE std::string proxy_for(const std::string& scheme, const std::string& host) {
  if (is_loopback(host)) return {};
  const auto first_of = [](std::initializer_list<const char*> names) {
    for (const char* const name : names)
      if (auto value = os::variable(name); value && !value->empty()) return *value;
    return std::string();
  };
  const std::string exceptions = first_of({"no_proxy", "NO_PROXY"});
  for (std::size_t begin = 0; begin < exceptions.size();) {
    const std::size_t end = std::min(exceptions.find_first_of(", \t", begin), exceptions.size());
    if (transport_impl::covers(std::string_view(exceptions).substr(begin, end - begin), host)) return {};
    begin = end + 1;
  }
  if (scheme == "https") return first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  // Under a web server it is the value of the client's "Proxy" header (RFC 3875, section 4.1.18).
  if (os::variable("REQUEST_METHOD")) return first_of({"http_proxy", "all_proxy", "ALL_PROXY"});
  return first_of({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
