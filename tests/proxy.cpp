#include <doctest/doctest.h>

#include <string>

#include "relay.hpp"
#include "sandbox.hpp"
#include "server.hpp"

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
    CHECK(behind.send(sender, behind.server.url()).find("status=200 ") == 0);
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

TEST_CASE("proxy: HTTPS_PROXY is not asked for plain http") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Behind behind;
    behind.sandbox.environment["HTTPS_PROXY"] = behind.address;
    CHECK(behind.send(sender, behind.server.url()).find("status=200 ") == 0);
    CHECK(behind.proxy.log() == "");
  }
}

TEST_CASE("proxy: NO_PROXY names hosts and domains that are reached directly") {
  struct Case {
    std::string list;
    bool direct;
  };
  for (const std::string& sender : senders)
    for (const Case& item :
         {Case{"*", true}, Case{"127.0.0.1", true}, Case{"example.org, 127.0.0.1", true}, Case{"", false},
          Case{"27.0.0.1", false}, Case{"0.0.1", false}, Case{"example.org", false}}) {
      CAPTURE(sender);
      CAPTURE(item.list);
      Behind behind;
      behind.sandbox.environment["HTTP_PROXY"] = behind.address;
      behind.sandbox.environment["NO_PROXY"] = item.list;
      CHECK(behind.send(sender, behind.server.url()).find("status=200 ") == 0);
      CHECK(behind.proxy.log().empty() == item.direct);
    }
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
    CHECK(behind.send(sender, behind.server.url()).find("status=0 ") == 0);
    CHECK(behind.server.requests().empty());
  }
}
