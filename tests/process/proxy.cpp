#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "relay.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

// Each with httplib and with curl.
const std::string senders[] = {"sender", "sender_curl"};

/// A name that no name server knows: it is reached through a proxy or not at all.
const std::string far_away = "http://telemetry.invalid:8080/v1/usage?a=1";

struct Behind {
  Server server{};
  Relay proxy = Relay::proxy(server.port());
  Sandbox sandbox{};
  std::string address = "http://127.0.0.1:" + std::to_string(proxy.port());

  std::string send(const std::string& sender, const std::string& url) const {
    return sandbox.run(sender, {url, "20000", "the body", "Authorization=Bearer s3cret"}).out;
  }
};

}  // namespace

TEST_CASE("proxy: HTTP_PROXY is asked for plain http, in either case, with or without a scheme") {
  for (const std::string& sender : senders)
    for (const char* const name : {"HTTP_PROXY", "http_proxy", "ALL_PROXY"})
      for (const bool scheme : {true, false}) {
        CAPTURE(sender);
        CAPTURE(name);
        Behind behind;
        behind.sandbox.environment[name] = scheme ? behind.address : behind.address.substr(7);
        CHECK(behind.send(sender, far_away).find("status=200 ") == 0);
        CHECK(behind.proxy.log() == "POST " + far_away + " HTTP/1.1\n");
        REQUIRE(behind.server.requests().size() == 1);
        CHECK(behind.server.requests()[0].body == "the body");
        CHECK(behind.server.requests()[0].header("Authorization") == "Bearer s3cret");
        CHECK(behind.server.requests()[0].header("Host").find("telemetry.invalid") == 0);
      }
}

TEST_CASE("proxy: HTTP_PROXY is not asked in a CGI program, where a web client has set it") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTP_PROXY"] = behind.address;
    behind.sandbox.environment["REQUEST_METHOD"] = "GET";
    CHECK(behind.send(sender, far_away).find("status=0 ") == 0);
    CHECK(behind.proxy.log() == "");
  }
}

TEST_CASE("proxy: its user and password go to it, and not to the server") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTP_PROXY"] = "http://me:hush@" + behind.address.substr(7);
    CHECK(behind.send(sender, far_away).find("status=200 ") == 0);
    CHECK(behind.proxy.log().find("Proxy-Authorization: Basic bWU6aHVzaA==") != std::string::npos);
  }
}

TEST_CASE("proxy: a percent sign in its user or password begins a byte in hexadecimal digits, as in any URL") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTP_PROXY"] = "http://DOM%5Cuser:p%40ss@" + behind.address.substr(7);
    CHECK(behind.send(sender, far_away).find("status=200 ") == 0);
    CHECK(behind.proxy.log().find("Basic RE9NXHVzZXI6cEBzcw==") != std::string::npos);  // DOM\user:p@ss
  }
}

TEST_CASE("proxy: HTTPS_PROXY is not asked for plain http") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTPS_PROXY"] = behind.address;
    CHECK(behind.send(sender, far_away).find("status=0 ") == 0);
    CHECK(behind.proxy.log() == "");
  }
}

TEST_CASE("proxy: loopback is never reached through one, whatever the variables say") {
  for (const std::string& sender : senders)
    for (const char* const host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"}) {
      CAPTURE(sender);
      CAPTURE(std::string(host));
      Behind behind;
      for (const char* const name : {"http_proxy", "HTTP_PROXY", "ALL_PROXY"})
        behind.sandbox.environment[name] = behind.address;
      behind.send(sender, "http://" + std::string(host) + ":" + std::to_string(behind.server.port()) + "/v1/usage");
      CHECK(behind.proxy.log() == "");
      CHECK(behind.server.requests().size() == 1);
    }
}

TEST_CASE("proxy: one that refuses is no way to the server, and not the server's word") {
  for (const std::string& sender : senders)
    for (const std::string& scheme : {std::string("http"), std::string("https")})
      for (const int status : {407, 403, 410, 502}) {
        if (scheme == "http" && status != 407) continue;  // it may be the server's
        for (const char* const more : {"", "Connection: close\r\n"}) {
          CAPTURE(sender);
          CAPTURE(scheme);
          CAPTURE(status);
          CAPTURE(std::string(more));
          const RawServer proxy([&](const std::string&) {
            return "HTTP/1.1 " + std::to_string(status) + " No\r\n" + more + "Content-Length: 2\r\n\r\nno";
          });
          Sandbox sandbox;
          sandbox.environment["ALL_PROXY"] = "http://127.0.0.1:" + std::to_string(proxy.port());
          const auto start = std::chrono::steady_clock::now();
          const std::string out = sandbox.run(sender, {scheme + "://telemetry.invalid/v1/usage", "20000", "{}"}).out;
          CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
          CHECK(out.find("status=0 ") == 0);
          CHECK(out.find("impossible=0") != std::string::npos);
          CHECK(out.find("proxy") != std::string::npos);
        }
      }
}

TEST_CASE("proxy: what ends the matter by plain http from a name, and bears no sign of ours, may be a portal's") {
  struct Case {
    int status;
    std::string name, value, body;
    bool doubtful;
  };
  const std::string type = "Content-Type", page = "<html>Welcome to our hotel</html>";
  const Case cases[] = {{200, type, "text/html; charset=utf-8", page, true},
                        {200, "X", "y", page, true},
                        {200, type, "application/xhtml+xml", page, true},
                        {200, "Refresh", "0; url=http://login.test/", "", true},
                        {200, type, "text/plain", "please log in", true},
                        {200, type, "application/captive+json", "{}", true},
                        {200, "Idempotency-Key", "other/1", "", true},
                        {200, "X", "y", "", true},
                        {204, "X", "y", "", false},
                        {303, "Location", "/login", "", true},
                        {403, "X", "y", "", true},
                        {410, "X", "y", "", true},
                        {200, type, "application/json", "{}", false},
                        {200, type, "application/json; charset=utf-8", " {\"ok\": true}", false},
                        {200, "Idempotency-Key", "run/1", "", false},
                        {201, "X", "y", "", false},
                        {422, type, "application/json", "{\"error\": \"no\"}", false},
                        {503, type, "text/html", page, false}};  // waits as it is
  for (const std::string& sender : senders)
    for (const Case& item : cases) {
      CAPTURE(sender);
      CAPTURE(item.status);
      CAPTURE(item.value);
      Behind behind;
      behind.server.answer([&](const ReceivedRequest&) {
        return Answer{item.status, {{item.name, item.value}}, item.body};
      });
      behind.sandbox.environment["HTTP_PROXY"] = behind.address;
      const std::string told = item.doubtful ? "doubtful=1" : "doubtful=0";
      const auto send = [&](const std::string& url) {
        return behind.sandbox.run(sender, {url, "20000", "the body", "Idempotency-Key=run/1"}).out;
      };
      CHECK(send(far_away).find(told) != std::string::npos);
      CHECK(send(behind.server.url()).find("doubtful=0") != std::string::npos);  // loopback
    }
}

TEST_CASE("proxy: what a captive portal says delivers, drops and stops nothing") {
  for (const int status : {200, 403, 404, 410}) {
    CAPTURE(status);
    Behind behind;
    behind.server.answer([&](const ReceivedRequest&) { return Answer{status, {}, "please log in"}; });
    behind.sandbox.environment["HTTP_PROXY"] = behind.address;
    behind.sandbox.run("reporter", sending_to(far_away, {"--plain-http", "yes"}));
    CHECK(behind.server.requests().size() == 1);
    CHECK(deliveries(behind.sandbox).at(0)["result"] == "again later");
    CHECK(deliveries(behind.sandbox).at(0)["detail"].get<std::string>().find("captive portal") != std::string::npos);
    CHECK(behind.sandbox.pending().size() == 1);
    behind.server.answer([](const ReceivedRequest&) { return Answer{201}; });
    make_due(behind.sandbox);
    behind.sandbox.run("reporter", sending_to(far_away, {"--plain-http", "yes"}));
    CHECK(behind.sandbox.wait_for_no_uploader());
    CHECK(behind.sandbox.pending().empty());
  }
}

TEST_CASE("proxy: one of another kind is curl's, and where there is none, that is the reason") {
  Sandbox sandbox;
  sandbox.environment["https_proxy"] = "socks5://127.0.0.1:1";
  sandbox.environment["PATH"] = sandbox.home().string();
  const std::string out = sandbox.run("sender", {"https://telemetry.invalid/", "20000", "{}"}).out;
  CHECK(out.find("impossible=1") != std::string::npos);
  CHECK(out.find("error=the proxy is of a kind that needs curl") != std::string::npos);
}

TEST_CASE("proxy: https asks for a tunnel, and the proxy learns nothing but the host") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTPS_PROXY"] = behind.address;
    // What is behind the tunnel speaks no TLS: an answer would be one in the clear.
    CHECK(behind.send(sender, "https://telemetry.invalid/v1/usage").find("status=0 ") == 0);
    CHECK(behind.proxy.log() == "CONNECT telemetry.invalid:443 HTTP/1.1\n");
    CHECK(behind.server.requests().empty());
  }
}

TEST_CASE("proxy: where there is none, the report waits") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    const SilentPort port(SilentPort::Behaviour::refuses);
    Behind behind;
    behind.sandbox.environment["HTTP_PROXY"] = "http://127.0.0.1:" + std::to_string(port.port());
    CHECK(behind.send(sender, far_away).find("status=0 ") == 0);
    CHECK(behind.server.requests().empty());
  }
}
