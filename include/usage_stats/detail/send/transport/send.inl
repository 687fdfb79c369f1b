#pragma once
// One HTTP request, with httplib or curl.

#include <algorithm>
#include <memory>
#include <optional>

#include "../../os/platform.hpp"
#include "send.hpp"
#include "../../base/url.hpp"
#include "answers.inl"
#include "curl.inl"
#include "proxy.inl"
#if !defined(USAGE_STATS_NO_HTTPLIB)
#include "httplib.inl"
#endif

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Response, true);

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Request, maps_move_quietly);

#if defined(USAGE_STATS_NO_HTTPLIB)
struct Connection::Impl {};
#endif
USAGE_STATS_INLINE Connection::Connection() noexcept = default;
USAGE_STATS_INLINE Connection::~Connection() = default;
USAGE_STATS_INLINE Connection::Connection(Connection&&) noexcept = default;
USAGE_STATS_INLINE Connection& Connection::operator=(Connection&&) noexcept = default;

namespace transport_impl {

/// Whether an answer shows a sign of a report server: 201, 202, 204, a JSON object, or the request's own key. Captive
/// portals answer differently: they have a page to show, or to redirect to.
USAGE_STATS_INLINE bool has_sign(const Request& request, const Response& response) {
  const std::string_view type = std::string_view(response.content_type);
  const std::string_view kind = type.substr(0, std::min(type.find_first_of("; \t"), type.size()));
  const std::size_t first = response.body.find_first_not_of(" \t\r\n");
  const bool object = first != response.body.npos && response.body[first] == '{';
  const auto key = request.headers.find("Idempotency-Key");
  return response.status == 201 || response.status == 202 || response.status == 204 ||
         (equal_ignoring_case(kind, "application/json") && object) ||
         (key != request.headers.end() && key->second == response.key);
}

/// Whether this status would be final: then it must really come from the server.
USAGE_STATS_INLINE bool is_final(int status) noexcept {
  if (status == 408 || status == 425 || status == 429) return false;
  return (status >= 200 && status <= 299) || (status >= 400 && status <= 499) || status == 303;
}

/// Detects answers that are not the server's own: a proxy's, or a captive portal's.
USAGE_STATS_INLINE Response judged(const Url& url, const Request& request, Response response) {
  if (response.status == 407) {
    response = Response();
    response.error = "the proxy requires valid credentials (status 407)";
  }
  const bool plain = url.scheme == "http" && !is_loopback(url.host);
  response.doubtful = plain && is_final(response.status) && !has_sign(request, response);
  if (response.doubtful)
    response.error = "nothing shows that this answer comes from the server and not from a captive portal";
  return response;
}

USAGE_STATS_INLINE Response exchange(const Url& url, const Request& request, Deadline deadline, const Log& log,
                                     [[maybe_unused]] Connection* kept) {
  const std::string proxy = proxy_for(url.scheme, url.host);
  std::string why;
#if !defined(USAGE_STATS_NO_HTTPLIB)
  why = httplib_lacks(url, proxy);
  if (why.empty()) {
    log(request.method, " ", url.origin(), url.target, " by httplib");
    if (auto response = by_httplib(url, request, proxy, deadline, kept))
      return judged(url, request, std::move(*response));
    why = no_port;
  }
#endif
  log(request.method, " ", url.origin(), url.target, " by curl");
  return judged(url, request, by_curl(url, request, proxy, deadline, why));
}

/// The target of a redirect; nothing if it is on another host or scheme.
USAGE_STATS_INLINE std::optional<Url> redirected(const Url& from, const std::string& location) {
  const auto to = resolve(from, location);
  return to && to->scheme == from.scheme && to->host == from.host ? to : std::nullopt;
}

/// Whether anything in the request is meant for one server only; another port may be a different server.
USAGE_STATS_INLINE bool has_key(const Request& request) {
  const auto known = [](const std::pair<const std::string, std::string>& header) {
    return header.first == "User-Agent" || header.first == "Content-Type" || header.first == "Idempotency-Key";
  };
  return request.key_in_body || !std::all_of(request.headers.begin(), request.headers.end(), known);
}

}  // namespace transport_impl

USAGE_STATS_INLINE Response send(const Request& request, std::chrono::milliseconds limit, const Log& log,
                                 Connection* kept) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  Response response;
  USAGE_STATS_TRY {
    auto url = parse_url(request.url);
    if (!url) return response.error = url_problem(request.url), response;
    for (int redirects = 0; redirects <= 5; ++redirects) {
      response = transport_impl::exchange(*url, request, deadline, log, kept);
      const int status = response.status;
      if (status == 303) response.taken = transport_impl::redirected(*url, response.location).has_value();
      if (status != 301 && status != 302 && status != 307 && status != 308) return response;
      const auto to = transport_impl::redirected(*url, response.location);
      if (!to || (to->port != url->port && transport_impl::has_key(request))) return response;
      url = to;
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
