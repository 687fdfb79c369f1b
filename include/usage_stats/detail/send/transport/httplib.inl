#pragma once
// One HTTP request with httplib. The only file that includes httplib. It never defines any of httplib's macros: the
// classes differ in size with and without TLS, and two settings in one program would crash.

#include <algorithm>
#include <memory>
#include <optional>

#include <httplib.h>

#include "../../base/url.hpp"
#include "../../os/platform.hpp"
#include "answers.inl"
#include "proxy.inl"
#include "relay.inl"
#include "send.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Connection::Impl {
  std::string to;  // the server and the way to it
  std::unique_ptr<httplib::Client> client;
  std::unique_ptr<transport_impl::Relay> relay;  // goes first, so that the client has nobody to say goodbye to
};

namespace transport_impl {

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_MBEDTLS_SUPPORT) || \
    defined(CPPHTTPLIB_WOLFSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
constexpr bool httplib_has_tls = true;
#else
constexpr bool httplib_has_tls = false;
#endif

/// Why httplib cannot send this; empty if it can.
USAGE_STATS_INLINE std::string httplib_lacks(const Url& url, const std::string& proxy) {
  if (url.scheme == "https" && !httplib_has_tls) return "no TLS here: httplib was built without it";
  return proxy.empty() || parse_proxy(proxy) ? std::string() : "the proxy is of a kind that needs curl (not http://)";
}

/// httplib's error, in the words of curl_problem().
USAGE_STATS_INLINE std::string httplib_problem(httplib::Error error) {
  const std::string name = httplib::to_string(error), which = " (httplib: " + name + ")";
  // By name: the newest versions have TLS errors that the oldest do not.
  if (name.find("SSL") != name.npos) return no_trusted_tls + which;
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::BindIPAddress:
    case httplib::Error::ConnectionTimeout:
    case httplib::Error::Read:
    case httplib::Error::Write:
      return "the connection broke off" + which;
    default:
      return "httplib cannot send it" + which;
  }
}

/// A client that connects to the relay as if it were the server.
USAGE_STATS_INLINE std::unique_ptr<httplib::Client> client_for(const Url& url, Relay& relay, bool kept) {
  Url here = url;
  here.port = relay.port();
  if (url.scheme == "http") here.host = "127.0.0.1";
  auto client = std::make_unique<httplib::Client>(here.origin());
  if (!client->is_valid()) return nullptr;
  // The relay ends it in time.
  client->set_connection_timeout(60);
  client->set_read_timeout(60);
  client->set_write_timeout(60);
  client->set_follow_location(false);
  client->set_keep_alive(kept);
  client->set_decompress(false);
  client->set_tcp_nodelay(true);
  client->set_hostname_addr_map({{here.host, "127.0.0.1"}});
  client->set_socket_options([&relay](auto socket) noexcept { relay.expect(static_cast<std::intptr_t>(socket)); });
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
  client->enable_server_certificate_verification(true);
#endif
  return client;
}

USAGE_STATS_INLINE httplib::Request request_by(const Url& url, const Request& request,
                                               const std::optional<Proxy>& proxy) {
  httplib::Request out;
  const bool through_proxy = proxy && url.scheme == "http";
  const bool usual = url.port == (url.scheme == "https" ? 443 : 80);
  const std::string host = url.origin().substr(url.scheme.size() + 3);
  out.method = request.method;
  out.path = (through_proxy ? url.origin() : std::string()) + url.target;
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  out.headers.emplace("Host", usual ? host.substr(0, host.rfind(':')) : host);
  if (through_proxy && !proxy->user.empty()) out.headers.emplace("Proxy-Authorization", basic_credentials(*proxy));
  out.body = request.body;
  return out;
}

/// What httplib delivers, which may end anywhere: only the status counts.
struct Taker {
  Response& response;
  const Relay& relay;
  bool unasked = false;              // the server had said it before the request was made
  std::size_t bytes = 0, usual = 0;  // of the answer: at least, without what httplib leaves out, and most likely

  bool take_head(const httplib::Response& head) {
    // If nothing has arrived since the request was made, this was in TLS's buffer, after the answer to the last one.
    unasked = relay.received() == 0;
    if (unasked) return false;
    response.status = head.status;
    const auto length = head.headers.find("Content-Length");
    if (length != head.headers.end() && is_bad_length(length->second)) {
      response.status = 0;
      response.error = not_http;
      return false;
    }
    bytes = sizeof "HTTP/1.1 200\r\n" - 1;
    usual = head.reason.size() + head.headers.size() + sizeof " \r\n" - 1;
    for (const auto& [name, value] : head.headers) {
      bytes += name.size() + value.size() + sizeof ":\r\n" - 1;
      take_header(response, name, value);
    }
    return true;
  }
  bool take_body(const char* data, std::size_t size) {
    bytes += size;
    response.body.append(data, std::min(size, largest_body - response.body.size()));
    if (response.status >= 100 && response.status <= 199) {  // the rest of an interim answer is the answer
      Response answer;
      parse_answer(response.body, answer);
      if (answer.status != 0) response = std::move(answer);
      return response.status < 200;
    }
    return response.body.size() < largest_body;
  }
};

/// One request over a connection that is there. `stale`: no answer to it came, since the connection was past use.
USAGE_STATS_INLINE Response exchange_by(Connection::Impl& connection, httplib::Request out, bool tls, Deadline deadline,
                                        bool& stale) {
  Response response;
  Relay& relay = *connection.relay;
  Taker taker{response, relay};
  out.response_handler = [&](const httplib::Response& head) { return taker.take_head(head); };
  out.content_receiver = [&](const char* data, std::size_t size, auto, auto) { return taker.take_body(data, size); };
  relay.begin();
  os::Thread thread(
      [&] {
        os::block_signals_in_this_thread();
        USAGE_STATS_TRY {
          const httplib::Result result = connection.client->send(out);
          // The handler is not called for an answer without a body.
          if (result && response.status == 0) taker.take_head(*result);
          if (response.status == 0 && response.error.empty())
            response.error = result ? "no answer" : httplib_problem(result.error());
        }
        USAGE_STATS_CATCH_ALL { response.error = "out of memory, or a fault in httplib"; }
        relay.end();
      },
      tls ? tls_stack : plain_stack);
  if (!thread.joinable()) return response.impossible = true, response.error = "could not start a thread", response;
  relay.work(deadline);
  thread.join();
  relay.consumed(taker.bytes, taker.bytes + taker.usual);
  stale = response.status == 0 && (taker.unasked || relay.received() == 0);
  if (response.status < 200 && !relay.problem().empty()) response.error = relay.problem();
  if (response.status < 200) response.status = 0;
  if (response.status == 0 && response.error.empty()) response.error = "no answer";
  return response;
}

/// Nothing if this machine has no loopback for the relay (a network namespace whose `lo` is down): then nothing is
/// tried.
USAGE_STATS_INLINE std::optional<Response> by_httplib(const Url& url, const Request& request,
                                                      const std::string& proxy_text, Deadline deadline,
                                                      Connection* kept) {
  Response response;
  const auto proxy = proxy_text.empty() ? std::nullopt : parse_proxy(proxy_text);
  const std::string to = url.origin() + " " + proxy_text;
  Connection once;
  auto& slot = (kept != nullptr ? kept : &once)->impl;
  for (;;) {
    const bool used = slot && slot->to == to && slot->relay->usable();
    if (!used) {
      slot = std::make_unique<Connection::Impl>();
      slot->to = to;
      slot->relay = Relay::open(url, proxy, deadline, response.error);
      if (!slot->relay && response.error == no_port) return slot.reset(), std::nullopt;
      if (slot->relay) slot->client = client_for(url, *slot->relay, kept != nullptr);
      if (!slot->client) {
        if (slot->relay) response.error = "httplib cannot reach " + url.origin();
        return slot.reset(), response;
      }
    }
    bool stale = false;
    response = exchange_by(*slot, request_by(url, request, proxy), url.scheme == "https", deadline, stale);
    if (response.status == 0 || kept == nullptr) slot.reset();
    // The server had closed the connection while nothing was to be sent, or had said more than it was asked for.
    if (!used || !stale || left_until(deadline).count() == 0) return response;
  }
}

}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
