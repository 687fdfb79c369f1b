#include <doctest/doctest.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

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

long number_behind(const std::string& name, const std::string& printed) {
  return std::stol(printed.substr(printed.find(name) + name.size()));
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

TEST_CASE("transport limits: a status line of any length, a head and a chunk without end need no memory and no stack") {
  const std::string ok = "HTTP/1.1 200 ", endless(32 * 1024 * 1024, 'A');
  for (const std::string& sender : senders)
    for (const std::string& bytes :
         {ok + std::string(28000, 'A') + "\r\nContent-Length: 0\r\n\r\n",
          ok + std::string(400, 'A') + "\r\nContent-Length: 0\r\n\r\n", ok + endless, ok + "OK\r\nX: " + endless,
          ok + "OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + endless,
          ok + "OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + endless, "HTTP/1.1 103 " + endless,
          std::string("HTTP/1.1 100 \r\n\r\n") + endless}) {
      CAPTURE(sender);
      CAPTURE(bytes.substr(0, 80));
      RawServer server([&](const std::string&) { return bytes; });
      const Sandbox sandbox;
      Command command = sandbox.command(sender, {server.url(), long_time, "the body"});
      command.limits = {{RLIMIT_STACK, 128 * 1024}};  // of each thread, as with musl
      const Result result = run(command);
      CHECK(result.exit_code == 0);
      CHECK(result.signal == 0);
      CHECK(begins_with(result.out,
                        bytes.size() < 30000 || bytes.find("chunked") != bytes.npos ? "status=200 " : "status=0 "));
#if !defined(USAGE_STATS_SANITIZED)
      CHECK(number_behind("peak_kib=", result.out) < 20 * 1024);
      CHECK(number_behind("child_kib=", result.out) < 64 * 1024);
#endif
    }
}

TEST_CASE("transport limits: trailers without end are not gathered, by curl neither") {
  std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  while (bytes.size() < 64 * 1024 * 1024) bytes += "X: y\r\nX: y\r\nX: y\r\nX: y\r\n";
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    RawServer server([&](const std::string&) { return bytes; });
    const std::string printed = send_to(sender, server);
    CHECK(begins_with(printed, "status=200 "));
    CHECK(server.sent() < bytes.size());
    CHECK(number_behind("peak_kib=", printed) < 64 * 1024);
    CHECK(number_behind("child_kib=", printed) < 64 * 1024);
  }
}

TEST_CASE("transport limits: curl has a limit on its memory, and is ended when it has said enough") {
  Sandbox sandbox;
  const auto script = [&](const std::string& text) {
    write_file(sandbox.home() / "curl", "#!/bin/sh\n" + text);
    std::filesystem::permissions(sandbox.home() / "curl", std::filesystem::perms::owner_all);
  };
  sandbox.environment["PATH"] = sandbox.home().string() + ":/usr/bin:/bin";
  // It reads first, and so is limited by then.
  script("read line\nulimit -d >'" + (sandbox.home() / "limit").string() + "'\n");
  sandbox.run("sender_curl", {"http://127.0.0.1:1/", long_time, "the body"});
#if !defined(USAGE_STATS_SANITIZED) && defined(__linux__)
  CHECK(std::stol(read_file(sandbox.home() / "limit")) <= 64 * 1024);
#endif
  for (const char* const answer :
       {"200 OK\r\n\r\nbody", "204 None\r\n\r\n", "200 OK\r\nContent-Length: 4\r\n\r\nbody"}) {
    CAPTURE(std::string(answer));
    script("printf 'HTTP/1.1 " + std::string(answer) + "'\nexec tail -f /dev/null\n");
    const auto start = std::chrono::steady_clock::now();
    CHECK(begins_with(sandbox.run("sender_curl", {"http://127.0.0.1:1/", long_time, "the body"}).out, "status=20"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(15));
  }
}

TEST_CASE("transport limits: a curl whose starter takes more memory than curl itself may has it") {
  Sandbox sandbox;
  sandbox.environment["PATH"] = sandbox.home().string() + ":/usr/bin:/bin";
  // It ends as a program in Go does that can have no memory.
  write_file(sandbox.home() / "curl",
             "#!/bin/sh\nread line\ntest \"$(ulimit -d)\" -le 65536 && exit 2\n"
             "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n'\n");
  std::filesystem::permissions(sandbox.home() / "curl", std::filesystem::perms::owner_all);
  CHECK(begins_with(sandbox.run("sender_curl", {"http://127.0.0.1:1/", long_time, "the body"}).out, "status=200 "));
}

TEST_CASE("transport limits: a body in chunks has no other length, whatever its head says") {
  for (const std::string& sender : senders)
    for (const std::string& head : {std::string("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                                    std::string("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")}) {
      CAPTURE(sender);
      CAPTURE(head);
      RawServer server(
          [&](const std::string&) { return "HTTP/1.1 200 OK\r\n" + head + "\r\n" + "b\r\nhello world\r\n0\r\n\r\n"; });
      const std::string printed = send_to(sender, server);
      CHECK(begins_with(printed, "status=200 "));
      CHECK(body_bytes(printed) == 11);
    }
}

TEST_CASE("transport limits: only a file that can be started is taken for curl") {
  Server server;
  Sandbox sandbox;
  const auto home = sandbox.home();
  std::filesystem::create_directories(home / "folder" / "curl");
  for (const char* const name : {"file", "link"}) std::filesystem::create_directories(home / name);
  write_file(home / "file" / "curl", "#!/bin/sh\n");
  std::filesystem::create_symlink("nothing", home / "link" / "curl");
  sandbox.environment["PATH"] = (home / "folder").string() + ":" + (home / "file").string() +
                                "::" + (home / "link").string() + ":" + home.string() + "/none:/usr/bin:/bin";
  CHECK(begins_with(sandbox.run("sender_curl", {server.url(), long_time, "the body"}).out, "status=200 "));
}

TEST_CASE("transport limits: lines of an answer that end with LF alone") {
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    RawServer server(
        [](const std::string&) { return "HTTP/1.1 202 Accepted\nContent-Length: 2\nRetry-After: 7\n\nok"; });
    const std::string printed = send_to(sender, server);
    CHECK(begins_with(printed, "status=202 body_bytes=2 retry_after=7 "));
  }
}

TEST_CASE("transport limits: many requests over one connection, and over another where the server has closed it") {
  const Sandbox sandbox;
  RawServer closing([](const std::string&) { return "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"; });
  CHECK(begins_with(sandbox.run("sender", {closing.url(), long_time, "--times", "20", "b"}).out, "status=201 "));
  CHECK(closing.connections() == 20);
  Server keeping;
  keeping.keep_connections();
  CHECK(begins_with(sandbox.run("sender", {keeping.url(), long_time, "--times", "50", "b"}).out, "status=200 "));
  std::set<int> ports;
  for (const ReceivedRequest& request : keeping.requests()) ports.insert(request.client_port);
  CHECK(keeping.requests().size() == 50);
  CHECK(ports.size() <= 2);
}

TEST_CASE("transport limits: what is no answer, or half of one, is none") {
  for (const std::string& sender : senders)
    for (const std::string& bytes :
         {std::string(), std::string("\0\xff\x01garbage", 10), std::string("<html>a captive portal</html>\r\n\r\n"),
          std::string("HTTP/1.1 2"), std::string("HTTP/1.1 200 OK\r\nContent-Le"), std::string("HTTP/1.1\r\n\r\n"),
          std::string("HTTP/1.1 99999 OK\r\n\r\n"), std::string("HTTP/1.1 -200 OK\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab"), std::string("SSH-2.0-OpenSSH_9.2\r\n")}) {
      CAPTURE(sender);
      CAPTURE(bytes);
      RawServer server([&](const std::string&) { return bytes; });
      const std::string printed = send_to(sender, server);
      CHECK(begins_with(printed, "status=0 "));
      CHECK(printed.find("error=\n") == std::string::npos);  // and it says why
    }
}

TEST_CASE("transport limits: a body that breaks off leaves the status valid") {
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
      return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
             "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";
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

TEST_CASE("transport limits: if no thread can be created to limit the time, nothing is sent or tried") {
  if (!can_trace()) return;
  const Server server;
  const Sandbox sandbox;
  const Result result = run(under_strace(sandbox.command("sender", {server.url(), long_time, "the body"}),
                                         {"-e", "inject=clone,clone3:error=EAGAIN", "-o", "/dev/null"}));
  CHECK(result.exit_code == 0);
  CHECK(begins_with(result.out, "status=0 "));
  CHECK(result.out.find(" impossible=1 ") != std::string::npos);
  CHECK(result.out.find(" error=could not start a thread") != std::string::npos);
  CHECK(server.requests().empty());
}

TEST_CASE("transport limits: curl is given bodies of any size that a report has") {
  for (const char* const protocol : {"otlp", "amplitude", "json"}) {
    CAPTURE(std::string(protocol));
    const Server server;
    const Sandbox sandbox;
    sandbox.run("reporter_curl",
                sending_to(server.url(), {"--protocol", protocol, "--api-key", "key", "--events", "400"}));
    const auto requests = server.requests();
    REQUIRE(!requests.empty());
    std::size_t largest = 0, events = 0;
    for (const ReceivedRequest& request : requests) {
      CHECK(nlohmann::json::accept(request.body));
      largest = std::max(largest, request.body.size());
      for (std::size_t at = 0; (at = request.body.find("send_model", at)) != request.body.npos; ++at) ++events;
    }
    CHECK(largest > 20 * 1024);
    CHECK(events >= 400);
    CHECK(deliveries(sandbox).back()["result"] == "delivered");
    CHECK(sandbox.pending().empty());
  }
}

TEST_CASE("transport limits: both report what went wrong in the same words") {
  struct Case {
    std::string url, words;
  };
  const SilentPort refuses(SilentPort::Behaviour::refuses);
  const SilentPort silent(SilentPort::Behaviour::never_answers);
  const Server plain;
  const RawServer hangs_up([](const std::string&) { return ""; });
  for (const std::string& sender : senders)
    for (const Case& item : {Case{refuses.url(), sender == "sender" ? "Connection refused" : "no connection"},
                             Case{"http://telemetry.invalid/", "cannot resolve the name telemetry.invalid"},
                             Case{silent.url(), "no answer in time"}, Case{hangs_up.url(), "the connection broke off"},
                             Case{"https" + plain.url().substr(4), "TLS: no connection that can be trusted"}}) {
      CAPTURE(sender);
      CAPTURE(item.url);
      const Sandbox sandbox;
      const std::string printed = sandbox.run(sender, {item.url, "1500", "the body"}).out;
      CHECK(begins_with(printed, "status=0 "));
      CHECK(printed.find("impossible=0") != printed.npos);
      CHECK(printed.find(item.words, printed.find("error=")) != printed.npos);
    }
}
