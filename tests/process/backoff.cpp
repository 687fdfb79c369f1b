#include <doctest/doctest.h>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }

std::string http_date(std::int64_t time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

TEST_CASE("backoff: ten tries, each pause twice as long, then it is dropped and counted") {
  Server server(500);
  Sandbox sandbox;
  std::int64_t shortest = 60;
  sandbox.run("reporter", sending_to(server.url()));
  for (int tries = 1; tries < 10; ++tries, shortest *= 2) {
    CAPTURE(tries);
    const json destination = waiting_envelope(sandbox)["destinations"][0];
    CHECK(destination["attempts"] == tries);
    CHECK(destination["not_before"] >= now() + shortest - 30);  // 30 s for a slow machine
    CHECK(destination["not_before"] <= now() + shortest + shortest / 4);
    make_due(sandbox);
    CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
  }
  CHECK(server.requests().size() == 10);
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).back()["result"] == "gave up");
  CHECK(state_of(sandbox)["failed"] == 10);
  CHECK(state_of(sandbox)["dropped"] == 1);
}

TEST_CASE("backoff: while a server is left in peace, runs start no uploader, and what is new waits too") {
  SilentPort port(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(port.url()));
  CHECK(sandbox.wait_for_no_uploader());
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  const Result result = sandbox.run("reporter", {"--url", port.url(), "--unattended", "on"});
  CHECK(result.err.find("the uploader is started") == std::string::npos);
  CHECK(sandbox.pending().size() == 2);
  CHECK(sandbox.uploaders().empty());
}

TEST_CASE("backoff: Retry-After is taken at its word, in seconds and as a date, up to a day") {
  struct Case {
    std::string value;
    std::int64_t least, most;
  };
  for (const int status : {503, 429, 500, 408})
    for (const Case& item :
         {Case{"600", 600, 601}, Case{"6", 6, 7}, Case{"999999999999999999999", 86400, 86401},
          Case{http_date(now() + 1200), 1160, 1201}, Case{http_date(now() + 10 * 86400), 86400, 86401},
          Case{"soon", 60, 75}, Case{"-5", 60, 75}}) {
      CAPTURE(item.value);
      const Sandbox sandbox;
      const std::int64_t start = now();
      const json destination = destination_after(sandbox, Answer{status, {{"Retry-After", item.value}}});
      CHECK(destination["not_before"] >= start + item.least);
      CHECK(destination["not_before"] <= now() + item.most);
    }
}

TEST_CASE("backoff: a wait of a second is waited for by the uploader at work, and all that came meanwhile is sent") {
  std::atomic<int> asked{0};
  Server server([&](const ReceivedRequest&) { return ++asked == 1 ? Answer{429, {{"Retry-After", "1"}}} : Answer{}; });
  Sandbox sandbox;
  for (int i = 0; i < 120; ++i)
    CHECK(sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"}).exit_code == 0);
  server.wait_for(121);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().empty());
  CHECK(server.requests().size() == 121);
  CHECK(state_of(sandbox)["dropped"] == 0);
}

TEST_CASE("backoff: a try counts before it is made: an uploader that dies each time makes ten, and no more") {
  // It never comes to the end of its answer's head, and takes the next connection when this one is gone.
  const RawServer server([](const std::string&) { return RawAnswer{"HTTP/1.1 2", std::chrono::milliseconds(20)}; });
  const Sandbox sandbox;
  CHECK(sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"}).exit_code == 0);
  CHECK(wait_until([&] { return server.connections() == 1; }));
  CHECK(waiting_envelope(sandbox)["destinations"][0]["attempts"] == 1);
  sandbox.end_uploaders();
  for (int round = 0; round < 30 && !sandbox.pending().empty(); ++round) {
    CAPTURE(round);
    const std::size_t before = server.connections();
    Process uploader(sandbox.uploader("reporter"));
    CHECK(wait_until([&] { return server.connections() > before || !uploader.running(); }));
    uploader.signal(SIGKILL);
    uploader.wait();
  }
  CHECK(server.connections() == 10);
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).back()["result"] == "gave up");
  CHECK(state_of(sandbox)["dropped"] == 1);
}
