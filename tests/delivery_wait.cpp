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

TEST_CASE("wait: when the host ends, the server has the report and nothing is left to do") {
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

TEST_CASE("wait: the uploader does not stay for further reports") {
  Server server;
  Sandbox sandbox;
  const auto start = Clock::now();
  sandbox.run("reporter", waiting_for(server.url(), "20000"));
  CHECK(sandbox.wait_for_no_uploader());
  const auto waited = Clock::now() - start;
  sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"});
  const auto detached = Clock::now();
  server.wait_for(2);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(waited < Clock::now() - detached);  // the detached one stays
}

TEST_CASE("wait: no longer than the limit, when the server never answers") {
  SilentPort port(SilentPort::Behaviour::never_answers);
  Sandbox first, second;
  Command sleep{"sleep", {"1"}};
  sleep.inherit_environment = true;
  const auto one_second = time_of(sleep);
  const auto unlimited = time_of(first.command("reporter", waiting_for(port.url(), "0")));
  const auto limited = time_of(second.command("reporter", waiting_for(port.url(), "1000")));

  CHECK(limited > one_second * 9 / 10);
  CHECK(limited < one_second + 5 * unlimited + one_second / 2);  // the uploader itself goes on for 10 s
  CHECK(second.uploaders().size() == 1);
  CHECK(second.pending().size() == 1);
}

TEST_CASE("wait: a server that refuses is not waited for") {
  SilentPort port(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  const Result result = sandbox.run("reporter", waiting_for(port.url(), "60000"));

  CHECK(result.exit_code == 0);
  CHECK(result.out == "done\n");
  CHECK(waiting_label(sandbox)["destinations"][0]["attempts"] == 1);
}

TEST_CASE("wait: an uploader that was at work already sends the report") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", {"--url", server.url(), "--unattended", "on"});
  server.wait_for(1);
  const std::vector<pid_t> before = sandbox.uploaders();
  sandbox.run("reporter", waiting_for(server.url(), "20000"));

  CHECK(server.requests().size() == 2);
  CHECK(sandbox.uploaders() == before);
}
