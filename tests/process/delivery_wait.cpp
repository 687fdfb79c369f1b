#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> waiting_for(const std::string& url, const std::string& limit) {
  return {"--url", url, "--unattended", "on", "--delivery", "wait", "--wait-limit", limit, "--print", "done"};
}

Clock::duration time_of(const Command& command) {
  const auto start = Clock::now();
  run(command);
  return Clock::now() - start;
}

}  // namespace

TEST_CASE("delivery wait: when the host ends, the server has the report and nothing is left to do") {
  Server server;
  Sandbox sandbox;
  const Result result = sandbox.run("reporter", waiting_for(server.url(), "20000"));

  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0].body == read_file(sandbox.report_files().at(0)));
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["http_status"] == 200);
  CHECK(result.exit_code == 0);
  CHECK(result.out == "done\n");
}

TEST_CASE("delivery wait: the uploader does not stay for further reports") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", waiting_for(server.url(), "20000"));
  const auto end = Clock::now();
  CHECK(sandbox.wait_for_no_uploader());
  const auto waited = Clock::now() - end;
  sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"});
  const auto detached = Clock::now();
  server.wait_for(2);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(waited < Clock::now() - detached);  // the detached one stays
}

TEST_CASE("delivery wait: no longer than the limit, when the server never answers") {
  SilentPort port(SilentPort::Behaviour::never_answers);
  Sandbox sandbox;
  const auto limited = time_of(sandbox.command("reporter", waiting_for(port.url(), "1000")));
  CHECK(sandbox.uploaders().size() == 1);  // which goes on for 10 s: that long is not waited
  CHECK(sandbox.pending().size() == 1);
  CHECK(limited >= std::chrono::seconds(1));  // which no load of the machine makes shorter
}

TEST_CASE("delivery wait: a server that refuses is not waited for") {
  SilentPort port(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  const Result result = sandbox.run("reporter", waiting_for(port.url(), "60000"));

  CHECK(result.exit_code == 0);
  CHECK(result.out == "done\n");
  CHECK(waiting_envelope(sandbox)["destinations"][0]["attempts"] == 1);
}

TEST_CASE("delivery wait: an uploader that was at work already sends the report") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, std::chrono::seconds(1)}; });
  Sandbox sandbox;
  sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"});
  server.wait_for(1);
  const std::vector<pid_t> before = sandbox.uploaders();
  sandbox.run("reporter", waiting_for(server.url(), "20000"));

  CHECK(server.requests().size() == 2);
  CHECK(sandbox.uploaders() == before);
}
