#pragma once
// The only file that includes httplib. It never defines one of httplib's macros: the classes differ in size with and
// without TLS, and two settings in one program would crash.

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#if !defined(USAGE_STATS_NO_HTTPLIB)
#include <httplib.h>
#endif

#include "../platform.hpp"
#include "../storage.hpp"
#include "../transport.hpp"
#include "../url.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

using Deadline = std::chrono::steady_clock::time_point;
constexpr std::size_t largest_body = 64 * 1024;
constexpr std::size_t largest_head = 64 * 1024;

USAGE_STATS_INLINE std::chrono::milliseconds left_until(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

USAGE_STATS_INLINE bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

/// Days since the epoch of a date of the Gregorian calendar.
USAGE_STATS_INLINE std::int64_t days_of(std::int64_t year, int month, int day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/// Seconds, or an IMF-fixdate (RFC 9110 5.6.7); anything else counts as not given.
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
      days_of(year, static_cast<int>(month / 3) + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
  return std::chrono::seconds(std::clamp<std::int64_t>(then - now_seconds(), 0, longest));
}

USAGE_STATS_INLINE void take_header(Response& response, std::string_view name, const std::string& value) {
  if (equal_ignoring_case(name, "Location") && response.location.empty()) response.location = value.substr(0, 2048);
  if (equal_ignoring_case(name, "Retry-After")) response.retry_after = parse_retry_after(value);
}

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
    proxy.user = user_info.substr(0, colon);
    if (colon != std::string::npos) proxy.password = user_info.substr(colon + 1);
    text = "http://" + text.substr(at + 1);
  }
  const auto url = parse_url(text);
  if (!url || url->scheme != "http") return std::nullopt;
  proxy.host = url->host;
  proxy.port = url->port;
  return proxy;
}

/// Whether one item of NO_PROXY covers the host: "*", the name or address, or a domain above a name.
USAGE_STATS_INLINE bool covers(std::string_view item, std::string_view host) {
  while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
  while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
  if (item == "*") return true;
  if (!item.empty() && item.front() == '.') item.remove_prefix(1);
  if (item.empty() || host.size() < item.size()) return false;
  const bool address = host.find_first_not_of("0123456789.") == host.npos || host.find(':') != host.npos;
  if (address) return host == item;
  const std::string_view end = host.substr(host.size() - item.size());
  return equal_ignoring_case(end, item) && (host.size() == item.size() || host[host.size() - item.size() - 1] == '.');
}

#if !defined(USAGE_STATS_NO_HTTPLIB)

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_MBEDTLS_SUPPORT) || \
    defined(CPPHTTPLIB_WOLFSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
constexpr bool httplib_has_tls = true;
#else
constexpr bool httplib_has_tls = false;
#endif

/// Ends an exchange in time: httplib's own limits are for each step alone, and a server that drips takes many.
class Watchdog {
 public:
  Watchdog(httplib::Client& client, Deadline deadline)
      : thread_([this, &client, deadline] { watch(client, deadline); }) {}
  ~Watchdog() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// False where there was no thread to be had.
  bool watches() const noexcept { return thread_.joinable(); }

 private:
  void watch(httplib::Client& client, Deadline deadline) {
    platform::block_signals_in_this_thread();
    std::unique_lock<std::mutex> guard(mutex_);
    while (!changed_.wait_until(guard, deadline, [this] { return done_; })) {
      client.stop();
      deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);  // it may try another address
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  platform::Thread thread_;
};

USAGE_STATS_INLINE bool httplib_can(const Url& url, const std::string& proxy) {
  return (url.scheme == "http" || httplib_has_tls) && (proxy.empty() || parse_proxy(proxy));
}

USAGE_STATS_INLINE void configure(httplib::Client& client, const std::string& proxy_text,
                                  std::chrono::milliseconds limit) {
  const auto seconds = static_cast<time_t>(limit.count() / 1000);
  const auto microseconds = static_cast<time_t>(limit.count() % 1000 * 1000);
  client.set_connection_timeout(seconds, microseconds);
  client.set_read_timeout(seconds, microseconds);
  client.set_write_timeout(seconds, microseconds);
  client.set_follow_location(false);
  client.set_keep_alive(false);
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
  client.enable_server_certificate_verification(true);
#endif
  if (const auto proxy = proxy_text.empty() ? std::nullopt : parse_proxy(proxy_text)) {
    client.set_proxy(proxy->host, proxy->port);
    if (!proxy->user.empty()) client.set_proxy_basic_auth(proxy->user, proxy->password);
  }
}

USAGE_STATS_INLINE Response by_httplib(const Url& url, const Request& request, const std::string& proxy,
                                       Deadline deadline) {
  Response response;
  httplib::Client client(url.origin());
  if (!client.is_valid()) return response.error = "httplib cannot reach " + url.origin(), response;
  configure(client, proxy, left_until(deadline));
  httplib::Request out;
  out.method = request.method;
  out.path = url.target;
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  out.body = request.body;
  const auto take_head = [&](const httplib::Response& head) {
    response.status = head.status;
    for (const auto& [name, value] : head.headers) take_header(response, name, value);
    return true;
  };
  out.response_handler = take_head;
  out.content_receiver = [&](const char* data, std::size_t size, auto, auto) {
    response.body.append(data, std::min(size, largest_body - response.body.size()));
    return response.body.size() < largest_body && left_until(deadline).count() > 0;
  };
  const auto result = [&]() -> std::optional<httplib::Result> {
    const Watchdog watchdog(client, deadline);
    if (!watchdog.watches()) return std::nullopt;
    return client.send(out);
  }();
  if (!result) return response.impossible = true, response.error = "no thread to watch over the time", response;
  if (*result && response.status == 0) take_head(**result);  // the handler is not called for an answer without a body
  // An answer whose body was too long, or broke off, is still an answer: the status is what counts.
  if (response.status == 0) response.error = *result ? "no answer" : httplib::to_string(result->error());
  return response;
}

#endif  // USAGE_STATS_NO_HTTPLIB

/// A string as curl's config files write it.
USAGE_STATS_INLINE std::string curl_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\t':
        result += "\\t";
        break;
      default:
        result += c;
    }
  }
  return result + "\"";
}

/// Everything curl needs, for its standard input: arguments can be seen by other users of the machine.
USAGE_STATS_INLINE std::string curl_config(const Url& url, const Request& request, const std::string& proxy,
                                           std::chrono::milliseconds limit) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%lld.%03lld", static_cast<long long>(limit.count() / 1000),
                static_cast<long long>(limit.count() % 1000));
  std::string config =
      "url = " + curl_quoted(url.origin() + url.target) + "\nrequest = " + curl_quoted(request.method) +
      "\ngloboff\nsilent\ninclude\nsuppress-connect-headers\nproto = \"=http,https\"\nmax-time = " + seconds + "\n" +
      (proxy.empty() ? "noproxy = \"*\"" : "noproxy = \"\"\nproxy = " + curl_quoted(proxy)) + "\n";
  for (const auto& [name, value] : request.headers) config += "header = " + curl_quoted(name + ": " + value) + "\n";
  config += "header = \"Expect:\"\n";
  if (!request.body.empty()) config += "data-raw = " + curl_quoted(request.body) + "\n";
  return config;
}

/// The three digits behind the version in the first line of an answer; 0 for anything else.
USAGE_STATS_INLINE int status_of(std::string_view head) noexcept {
  const std::string_view digits = head.substr(std::min(head.find(' '), head.size())).substr(0, 4);
  if (digits.size() != 4 || digits.find_first_not_of("0123456789", 1) != std::string_view::npos) return 0;
  return (digits[1] - '0') * 100 + (digits[2] - '0') * 10 + (digits[3] - '0');
}

/// Reads what `curl --include` prints: interim answers, the head, the body.
USAGE_STATS_INLINE void parse_answer(std::string_view text, Response& response) {
  while (text.substr(0, 5) == "HTTP/") {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    std::string_view head = text.substr(0, end);
    text.remove_prefix(end + 4);
    const int status = status_of(head);
    if (status >= 100 && status <= 199) continue;
    response.status = status;
    for (std::size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n")) {
      head.remove_prefix(line + 2);
      const std::size_t colon = head.find(':'), line_end = std::min(head.find("\r\n"), head.size());
      if (colon >= line_end) continue;
      const std::size_t begin = head.find_first_not_of(" \t", colon + 1);
      take_header(response, head.substr(0, colon),
                  begin < line_end ? std::string(head.substr(begin, line_end - begin)) : std::string());
    }
    response.body = text.substr(0, largest_body);
    return;
  }
}

USAGE_STATS_INLINE Response by_curl(const Url& url, const Request& request, const std::string& proxy,
                                    Deadline deadline) {
  Response response;
  const std::filesystem::path curl = platform::find_program("curl");
  if (curl.empty()) {
    response.impossible = true;
    response.error =
        url.scheme == "https" ? "no TLS here: httplib was built without it, and there is no curl" : "no curl";
    return response;
  }
  const auto limit = left_until(deadline);
  // -q comes first: without it ~/.curlrc would be read.
  const auto result =
      platform::run_program({curl.string(), "-q", "--config", "-"}, curl_config(url, request, proxy, limit),
                            largest_head + largest_body, limit + std::chrono::milliseconds(200));
  parse_answer(result.output, response);
  if (response.status != 0) return response;
  response.error = result.error           ? "curl did not start: " + result.error.message()
                   : result.exit_code < 0 ? "curl took too long"
                                          : "curl ended with code " + std::to_string(result.exit_code);
  return response;
}

USAGE_STATS_INLINE Response exchange(const Url& url, const Request& request, Deadline deadline, const Log& log) {
  const std::string proxy = proxy_for(url.scheme, url.host);
#if !defined(USAGE_STATS_NO_HTTPLIB)
  if (httplib_can(url, proxy)) {
    log(request.method, " ", url.origin(), url.target, " by httplib");
    return by_httplib(url, request, proxy, deadline);
  }
#endif
  log(request.method, " ", url.origin(), url.target, " by curl");
  return by_curl(url, request, proxy, deadline);
}

/// Where a redirect leads; nothing if it leads to another host or scheme.
USAGE_STATS_INLINE std::optional<Url> redirected(const Url& from, const std::string& location) {
  const auto to = resolve(from, location);
  return to && to->scheme == from.scheme && to->host == from.host ? to : std::nullopt;
}

}  // namespace transport_impl

USAGE_STATS_INLINE std::string proxy_for(const std::string& scheme, const std::string& host) {
  const auto first_of = [](std::initializer_list<const char*> names) {
    for (const char* const name : names)
      if (auto value = platform::variable(name); value && !value->empty()) return *value;
    return std::string();
  };
  const std::string exceptions = first_of({"no_proxy", "NO_PROXY"});
  for (std::size_t begin = 0; begin <= exceptions.size();) {
    const std::size_t end = std::min(exceptions.find(',', begin), exceptions.size());
    if (transport_impl::covers(std::string_view(exceptions).substr(begin, end - begin), host)) return {};
    begin = end + 1;
  }
  if (scheme == "https") return first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  // Below a web server it is what the client calls "Proxy" in its request (RFC 3875, section 4.1.18).
  if (platform::variable("REQUEST_METHOD")) return first_of({"http_proxy", "all_proxy", "ALL_PROXY"});
  return first_of({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
}

USAGE_STATS_INLINE Response send(const Request& request, std::chrono::milliseconds limit, const Log& log) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  Response response;
  USAGE_STATS_TRY {
    auto url = parse_url(request.url);
    if (!url) return response.error = "not an http or https URL", response;
    for (int redirects = 0; redirects <= 5; ++redirects) {
      response = transport_impl::exchange(*url, request, deadline, log);
      const int status = response.status;
      if (status != 301 && status != 302 && status != 307 && status != 308) return response;
      url = transport_impl::redirected(*url, response.location);
      if (!url) return response;
      log("redirected to ", url->origin(), url->target);
    }
  }
  USAGE_STATS_CATCH_ALL {
    response = Response();
    response.error = "out of memory, or a fault in httplib";
  }
  return response;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
