#pragma once
// One HTTP request: with cpp-httplib if it supports the URL's scheme, otherwise with the system's curl.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../base/log.hpp"
#include "../../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Request {
  USAGE_STATS_SPECIAL_MEMBERS(Request, maps_move_quietly);

  std::string method = "POST";  // POST or DELETE
  std::string url;
  std::map<std::string, std::string> headers;  // without Content-Length
  std::string body;
  bool key_in_body = false;
  std::size_t events = 0;  // not sent: how many of the session's events an amplitude endpoint has when this succeeds
};

struct Response {
  USAGE_STATS_SPECIAL_MEMBERS(Response, true);

  int status = 0;     // 0: no answer
  std::string error;  // why there is none, in words
  std::string body;   // at most 64 KiB
  std::string location, content_type;
  std::string key;                                  // Idempotency-Key, where the answer repeats it
  std::optional<std::chrono::seconds> retry_after;  // RFC 9110 10.2.3, 0 to 24 h
  bool impossible = false;                          // nothing here can send this: no TLS in httplib and no curl
  bool doubtful = false;                            // over plain http, a final answer without a sign of a report server
  bool taken = false;  // 303 to the same server: it has taken what it was sent (RFC 9110, section 15.4.4)
};

/// The open connection to one server, kept between requests. Movable.
class Connection {
 public:
  Connection() noexcept;
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Sends and waits for the answer, at most `limit` (name lookups excepted: the caller's alarm bounds those). Follows
/// redirects on the same host with the same scheme, at most 5; to another port without a key only. Certificates are
/// verified. A 303 is not followed. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are honoured; nothing else in the
/// environment is read. Answers are bounded before httplib or the caller sees them. If a proxy refuses the request or
/// wants other credentials, that is not an answer. With `kept`, the connection stays open for the next request (httplib
/// only). Never throws.
Response send(const Request&, std::chrono::milliseconds limit, const Log&, Connection* kept = nullptr);

/// The proxy for a URL according to the environment: "http://host:port", or empty, as always for loopback. NO_PROXY
/// names hosts, domains, addresses and networks ("10.0.0.0/8"), between commas or blanks. In a CGI program HTTP_PROXY
/// is ignored, because its value comes from the web client.
std::string proxy_for(const std::string& scheme, const std::string& host);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
