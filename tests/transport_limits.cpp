#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"

namespace {

using std::chrono::milliseconds;

// Each with httplib and with curl.
const std::string senders[] = {"sender", "sender_curl"};

constexpr const char* long_time = "20000";
constexpr const char* short_time = "500";

/// What the sender prints; it fails the test by taking much longer than it was told.
std::string send_to(const std::string& sender, const RawServer& server, const char* limit = long_time) {
  const Sandbox sandbox;
  Command command = sandbox.command(sender, {server.url(), limit, "the body"});
  command.time_limit = milliseconds(std::stol(limit) + 10000);
  const Result result = run(command);
  CHECK(result.exit_code == 0);
  return result.out;
}

std::size_t body_bytes(const std::string& printed) {
  return std::stoul(printed.substr(printed.find("body_bytes=") + 11));
}

bool begins_with(const std::string& text, const std::string& beginning) {
  return text.compare(0, beginning.size(), beginning) == 0;
}

}  // namespace

TEST_CASE("transport limits: of a body no more than 64 KiB are read, and the status counts") {
  const std::string huge(64 * 1024 * 1024, 'x');
  for (const std::string& sender : senders)
    for (const std::string& length :
         {std::string("Content-Length: " + std::to_string(huge.size())), std::string("Connection: close"),
          std::string("Content-Length: 18446744073709551615")}) {
      CAPTURE(sender);
      CAPTURE(length);
      RawServer server([&](const std::string&) { return "HTTP/1.1 200 OK\r\n" + length + "\r\n\r\n" + huge; });
      const std::string printed = send_to(sender, server);
      CHECK(begins_with(printed, "status=200 "));
      CHECK(body_bytes(printed) <= 64 * 1024);
      CHECK(server.sent() < huge.size());
    }
}

TEST_CASE("transport limits: an answer that drips ends with the time, whatever drips") {
  const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    RawServer status([](const std::string&) { return RawAnswer{"H", milliseconds(20)}; });
    CHECK(begins_with(send_to(sender, status, short_time), "status=0 "));
    RawServer header([&](const std::string&) { return RawAnswer{head + "X-Drip: x", milliseconds(2)}; });
    CHECK(begins_with(send_to(sender, header, short_time), "status=0 "));
    RawServer body([&](const std::string&) { return RawAnswer{head + "\r\nx", milliseconds(2)}; });
    send_to(sender, body, short_time);
  }
}

TEST_CASE("transport limits: headers without end") {
  std::string lines = "HTTP/1.1 200 OK\r\n";
  while (lines.size() < 32 * 1024 * 1024) lines += "X-Line: " + std::string(1000, 'x') + "\r\n";
  const std::string line = "HTTP/1.1 200 OK\r\nX-Line: " + std::string(32 * 1024 * 1024, 'x');
  for (const std::string& sender : senders)
    for (const bool one_line : {false, true}) {
      CAPTURE(sender);
      CAPTURE(one_line);
      RawServer server([&](const std::string&) { return one_line ? line : lines; });
      CHECK(begins_with(send_to(sender, server), "status=0 "));
    }
}

TEST_CASE("transport limits: what is no answer, or half of one, is none") {
  for (const std::string& sender : senders)
    for (const std::string& bytes :
         {std::string(), std::string("\0\xff\x01garbage", 10), std::string("<html>a captive portal</html>\r\n\r\n"),
          std::string("HTTP/1.1 2"), std::string("HTTP/1.1 200 OK\r\nContent-Le"), std::string("HTTP/1.1\r\n\r\n"),
          std::string("HTTP/1.1 99999 OK\r\n\r\n"), std::string("HTTP/1.1 -200 OK\r\n\r\n"),
          std::string("SSH-2.0-OpenSSH_9.2\r\n")}) {
      CAPTURE(sender);
      CAPTURE(bytes);
      RawServer server([&](const std::string&) { return bytes; });
      const std::string printed = send_to(sender, server);
      CHECK(begins_with(printed, "status=0 "));
      CHECK(printed.find("error=\n") == std::string::npos);  // and it says why
    }
}

TEST_CASE("transport limits: a body that breaks off leaves the status standing") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    RawServer server(
        [](const std::string&) { return "HTTP/1.1 429 Slow down\r\nRetry-After: 90\r\nContent-Length: 9\r\n\r\nab"; });
    const std::string printed = send_to(sender, server);
    CHECK(begins_with(printed, "status=429 "));
    CHECK(printed.find("retry_after=90 ") != std::string::npos);
  }
}

TEST_CASE("transport limits: interim answers come before the answer") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    RawServer server([](const std::string&) {
      return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";
    });
    const std::string printed = send_to(sender, server);
    CHECK(begins_with(printed, "status=202 "));
    CHECK(body_bytes(printed) == 2);
  }
}

TEST_CASE("transport limits: answers without a body are answers") {
  for (const std::string& sender : senders)
    for (const char* const head : {"204 No Content", "205 Reset Content", "410 Gone\r\nContent-Length: 0"}) {
      CAPTURE(sender);
      CAPTURE(head);
      RawServer server([&](const std::string&) { return std::string("HTTP/1.1 ") + head + "\r\n\r\n"; });
      CHECK(begins_with(send_to(sender, server), "status=" + std::string(head, 3) + " "));
    }
}

TEST_CASE("transport limits: where no thread is to be had to watch over the time, nothing is sent or tried") {
  if (!can_trace()) return;
  const Server server;
  const Sandbox sandbox;
  const Result result = run(under_strace(sandbox.command("sender", {server.url(), long_time, "the body"}),
                                         {"-e", "inject=clone,clone3:error=EAGAIN", "-o", "/dev/null"}));
  CHECK(result.exit_code == 0);
  CHECK(begins_with(result.out, "status=0 "));
  CHECK(result.out.find(" impossible=1 error=no thread") != std::string::npos);
  CHECK(server.requests().empty());
}
