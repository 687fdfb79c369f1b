#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

// Each with httplib and with curl.
const std::string senders[] = {"sender", "sender_curl"};

std::string send_to(const std::string& sender, const std::string& url) {
  const Sandbox sandbox;
  return sandbox.run(sender, {url, "20000", "the body"}).out;
}

Answer redirect(int status, const std::string& location) { return Answer{status, {{"Location", location}}}; }

}  // namespace

TEST_CASE("redirects: on the same host they are followed with method and body") {
  for (const std::string& sender : senders)
    for (const int status : {301, 302, 307, 308})
      for (const std::string form : {"absolute", "without scheme", "path", "relative"}) {
        CAPTURE(sender);
        CAPTURE(status);
        CAPTURE(form);
        Server server;
        const std::string to = form == "absolute"         ? server.url("/in/new?a=1")
                               : form == "without scheme" ? server.url("/in/new?a=1").substr(5)
                               : form == "path"           ? "/in/new?a=1"
                                                          : "../new?a=1";
        server.answer([&](const ReceivedRequest& request) {
          return request.target == "/in/new?a=1" ? Answer{201} : redirect(status, to);
        });
        CHECK(send_to(sender, server.url("/in/a/old")).find("status=201 ") == 0);
        REQUIRE(server.requests().size() == 2);
        CHECK(server.requests()[1].method == "POST");
        CHECK(server.requests()[1].body == "the body");
      }
}

TEST_CASE("redirects: to another host or another scheme they are not followed") {
  for (const std::string& sender : senders) {
    Server other, server;
    const std::string port = std::to_string(other.port());
    for (const std::string& location :
         {"http://localhost:" + port + "/", "//localhost:" + port + "/", "https://127.0.0.1:" + port + "/",
          std::string("file:///etc/passwd"), std::string("gopher://127.0.0.1/"),
          "http://127.0.0.1:" + port + "@localhost:" + port + "/", std::string("\\\\localhost\\x"), std::string()}) {
      CAPTURE(sender);
      CAPTURE(location);
      server.answer([&](const ReceivedRequest&) { return redirect(302, location); });
      const std::size_t before = server.requests().size();
      CHECK(send_to(sender, server.url()).find("status=302 ") == 0);
      CHECK(server.requests().size() == before + 1);
      CHECK(other.requests().empty());
    }
  }
}

TEST_CASE("redirects: a 303 to a place of the same server says that it has taken the report, and is not followed") {
  for (const std::string& sender : senders)
    for (const bool same : {true, false}) {
      CAPTURE(sender);
      CAPTURE(same);
      Server server([&](const ReceivedRequest&) { return redirect(303, same ? "/new" : "http://login.test/"); });
      const std::string printed = send_to(sender, server.url());
      CHECK(printed.find("status=303 ") == 0);
      CHECK(printed.find(same ? "taken=1" : "taken=0") != std::string::npos);
      CHECK(server.requests().size() == 1);
    }
  for (const bool same : {true, false}) {
    Server server([&](const ReceivedRequest&) { return redirect(303, same ? "/new" : "http://login.test/"); });
    const Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(deliveries(sandbox).at(0)["result"] == (same ? "delivered" : "again later"));
    CHECK(sandbox.pending().empty() == same);
  }
}

TEST_CASE("redirects: a loop ends") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    Server server([](const ReceivedRequest& request) { return redirect(307, request.target + "x"); });
    CHECK(send_to(sender, server.url()).find("status=307 ") == 0);
    CHECK(server.requests().size() == 6);
  }
}

TEST_CASE("redirects: another port of the host gets no key: what carries one does not go there") {
  for (const std::string& sender : senders)
    for (const char* const header :
         {"Authorization=Bearer s3cret", "X-Api-Key=s3cret", "Content-Type=application/json"}) {
      CAPTURE(sender);
      CAPTURE(std::string(header));
      const bool key = std::string(header).find("s3cret") != std::string::npos;
      Server other, server;
      server.answer([&](const ReceivedRequest&) { return redirect(307, other.url("/new")); });
      const Sandbox sandbox;
      const std::string out = sandbox.run(sender, {server.url(), "20000", "the body", header}).out;
      CHECK(out.find(key ? "status=307 " : "status=200 ") == 0);
      CHECK(other.requests().empty() == key);
      server.answer([&](const ReceivedRequest& request) {
        return request.target == "/new" ? Answer{201} : redirect(307, "/new");
      });
      CHECK(sandbox.run(sender, {server.url(), "20000", "the body", header}).out.find("status=201 ") == 0);
    }
}
