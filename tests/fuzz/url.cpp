// Addresses, proxies and what stands in curl's config. First line: an address or a proxy; second: NO_PROXY; third:
// a host. The parts of an address make the same address again, and nothing breaks out of a line of the config.
#include "fuzz.hpp"

#include <cctype>
#include <cstring>
#include <map>

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {
struct Proxy {
  std::string host, user, password;
  int port = 0;
};
std::optional<Proxy> parse_proxy(std::string text);
bool covers(std::string_view item, std::string_view host);
std::string curl_config(const Url& url, const Request& request, const std::string& proxy,
                        std::chrono::milliseconds limit);
}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE

namespace us = usage_stats::detail;

namespace {

void check_url(const us::Url& url) {
  HOLDS(url.scheme == "http" || url.scheme == "https");
  HOLDS(!url.host.empty() && url.port >= 1 && url.port <= 65535 && url.target[0] == '/');
  for (const char c : url.host + url.target) HOLDS(c > 0x20 && c < 0x7f && c != '\\');
  HOLDS(url.host.find_first_of("@/?#") == std::string::npos);
  const auto again = us::parse_url(url.origin() + url.target);
  HOLDS(again || url.origin().size() + url.target.size() > 2048);
  if (again)
    HOLDS(again->scheme == url.scheme && again->host == url.host && again->port == url.port &&
          again->target == url.target);
}

/// The bytes that curl takes out of a quoted string of its config.
std::string unquoted(std::string_view text) {
  const std::map<char, char> escapes{{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'v', '\v'}};
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && ++i < text.size();
    const auto found = escaped ? escapes.find(text[i]) : escapes.end();
    result += found == escapes.end() ? text[i] : found->second;
  }
  return result;
}

void check_config(const us::Url& url, const std::string& bytes) {
  us::Request request;
  request.headers["X-Fuzz"] = bytes;
  request.body = bytes;
  const std::string config = us::transport_impl::curl_config(url, request, bytes, std::chrono::milliseconds(1234));
  int headers = 0, bodies = 0;
  // The body is what follows the line that asks for it, to the end; without a body there is no such line.
  std::string_view rest = config;
  while (!rest.empty() && bodies == 0) {
    const std::string line(fuzz::take(rest));
    const bool header = line.compare(0, 10, "header = \"") == 0;
    if (line == "data-binary = \"@-\"") ++bodies;
    if (header && ++headers == 1)
      HOLDS(unquoted(std::string_view(line).substr(10, line.size() - 11)) == "X-Fuzz: " + bytes);
    const std::string key = line.substr(0, line.find(' '));
    HOLDS(header || key == "data-binary" || key == "url" || key == "request" || key == "globoff" || key == "silent" ||
          key == "include" || key == "suppress-connect-headers" || key == "proto" || key == "max-time" ||
          key == "noproxy" || key == "proxy");
  }
  HOLDS(headers == 2 && bodies == (bytes.empty() ? 0 : 1) && rest == bytes);
}

void check_encoding(std::string_view text) {
  const std::string encoded = us::percent_encode(text);
  std::string decoded;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const bool escape = encoded[i] == '%';
    HOLDS(escape || std::isalnum(static_cast<unsigned char>(encoded[i])) != 0 || std::strchr("-._~", encoded[i]));
    decoded += escape ? static_cast<char>(std::stoi(encoded.substr(i + 1, 2), nullptr, 16)) : encoded[i];
    i += escape ? 2 : 0;
  }
  HOLDS(decoded == text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  check_encoding(text);
  const std::string first(fuzz::take(text));
  if (const auto url = us::parse_url(first)) {
    check_url(*url);
    check_config(*url, std::string(text));
    us::is_loopback(url->host);
    if (const auto next = us::resolve(*url, text)) check_url(*next);
  }
  if (const auto proxy = us::transport_impl::parse_proxy(first)) {
    HOLDS(!proxy->host.empty() && proxy->port >= 1 && proxy->port <= 65535);
    HOLDS(proxy->host.find('@') == std::string::npos);
  }
  const std::string_view item = fuzz::take(text);
  HOLDS(us::transport_impl::covers(text, text) || text.find_first_of(".:*[/") != text.npos || text.empty());
  us::transport_impl::covers(item, text);
  us::is_loopback(text);
  return 0;
}
