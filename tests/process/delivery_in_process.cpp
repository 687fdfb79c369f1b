#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/// Allowed by its environment, so that no notice is shown.
struct AllowedSandbox : Sandbox {
  AllowedSandbox() { environment["REPORTER_USAGE_STATS_ENABLED"] = "1"; }
};

std::vector<std::string> in_process(const std::string& url, const std::string& limit = "20000") {
  return {"--url", url, "--delivery", "in_process", "--wait-limit", limit, "--print", "done", "--exit", "3"};
}

void check_host(const Result& result) {
  CHECK(result.exit_code == 3);
  CHECK(result.signal == 0);
  CHECK(result.out == "done\n");
  CHECK(result.err == "");
}

}  // namespace

TEST_CASE("delivery in process: the server has the report when the host ends, and no process was started") {
  AllowedSandbox sandbox;
  std::vector<pid_t> uploaders;
  Server server([&](const ReceivedRequest&) {
    uploaders = sandbox.uploaders();
    return Answer{};
  });
  check_host(sandbox.run("reporter", in_process(server.url())));

  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0].body == read_file(sandbox.report_files().at(0)));
  CHECK(uploaders.empty());
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["result"] == "delivered");
}

TEST_CASE("delivery in process: where a standard stream is closed no socket gets its number, and the report waits") {
  for (int stream = 0; stream < 3; ++stream) {
    CAPTURE(stream);
    Server server;
    AllowedSandbox sandbox;
    Command command = sandbox.command("reporter", in_process(server.url()));
    command.closed_streams = {stream};
    CHECK(run(command).exit_code == 3);
    CHECK(server.requests().empty());
    CHECK(sandbox.pending().size() == 1);
  }
}

TEST_CASE(
    "delivery in process: servers that drip, talk without end, lie or redirect keep to the limit and harm nobody") {
  const std::string head = "HTTP/1.1 200 OK\r\n", more = head + "Content-Length: 99999999\r\n\r\n";
  for (const RawAnswer& answer :
       {RawAnswer("H", std::chrono::milliseconds(20)), RawAnswer(head + std::string(64 << 20, 'x')),
        RawAnswer(more + std::string(64 << 20, 'x')), RawAnswer(std::string("\0\xff\r\n\r\n", 6)), RawAnswer(more),
        RawAnswer("HTTP/1.1 307 Moved\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n")}) {
    CAPTURE(answer.bytes.substr(0, 40));
    RawServer rude([&](const std::string&) { return answer; });
    AllowedSandbox sandbox;
    const auto start = Clock::now();
    check_host(sandbox.run("reporter", in_process(rude.url(), "1000")));
    CHECK(Clock::now() - start < std::chrono::seconds(9));
    CHECK(rude.connections() == 1);
  }
}

TEST_CASE("delivery in process: no longer than the limit, when the server never answers; the report waits") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  AllowedSandbox sandbox;
  for (int i = 0; i < 3; ++i) {
    const auto start = Clock::now();
    check_host(sandbox.run("reporter", in_process(server.url(), "500")));
    CHECK(Clock::now() - start < std::chrono::seconds(9));  // where nobody waits, a request may take 10 s
    make_due(sandbox);
  }
  CHECK(sandbox.pending().size() == 3);
}

TEST_CASE("delivery in process: a server that refuses, or hangs up, harms nobody") {
  SilentPort port(SilentPort::Behaviour::refuses);
  RawServer rude([](const std::string&) { return std::string(); });
  for (const std::string& url : {port.url(), rude.url()}) {
    CAPTURE(url);
    AllowedSandbox sandbox;
    check_host(sandbox.run("reporter", in_process(url)));
    CHECK(waiting_envelope(sandbox)["destinations"][0]["attempts"] == 1);
  }
}

TEST_CASE(
    "delivery in process: a proxy that refuses and closes is reported, in no time, and the other server has the "
    "report") {
  for (const char* const delivery : {"in_process", "wait"}) {
    CAPTURE(std::string(delivery));
    const RawServer proxy([](const std::string&) { return "HTTP/1.1 403 No\r\nConnection: close\r\n\r\n"; });
    Server healthy;
    AllowedSandbox sandbox;
    sandbox.environment["HTTPS_PROXY"] = "http://127.0.0.1:" + std::to_string(proxy.port());
    const auto start = Clock::now();
    check_host(sandbox.run("reporter", {"--url", "https://telemetry.invalid/", "--url", healthy.url(), "--delivery",
                                        delivery, "--wait-limit", "20000", "--print", "done", "--exit", "3"}));
    CHECK(Clock::now() - start < std::chrono::seconds(10));
    CHECK(healthy.requests().size() == 1);
    CHECK(waiting_envelope(sandbox)["destinations"].size() == 1);
    std::string detail;
    for (const auto& line : deliveries(sandbox))
      if (line["endpoint"] == "https://telemetry.invalid/") detail = line["detail"];
    CHECK(detail.find("proxy") != std::string::npos);
    CHECK(detail.find("403") != std::string::npos);
  }
}
