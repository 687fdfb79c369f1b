#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

std::vector<std::string> detached(const std::string& url) {
  return {"--url", url, "--unattended", "on", "--print", "done", "--exit", "3"};
}

/// What every host sees, whatever the network does.
void check_host(const Result& result) {
  CHECK(result.exit_code == 3);
  CHECK(result.out == "done\n");
  CHECK_FALSE(result.streams_held);
}

}  // namespace

TEST_CASE("delivery detached: a server that answers has the report, and nothing waits any more") {
  Server server;
  Sandbox sandbox;
  check_host(sandbox.run("reporter", detached(server.url())));

  CHECK(server.wait_for(1)[0].body == read_file(sandbox.report_files().at(0)));
  CHECK(wait_until([&] { return sandbox.pending().empty(); }));
  CHECK(sandbox.active().empty());
  REQUIRE(wait_until([&] { return deliveries(sandbox).size() == 1; }));
  const nlohmann::json line = deliveries(sandbox)[0];
  CHECK(line["endpoint"] == server.url());
  CHECK(line["http_status"] == 200);
  CHECK(line["result"] == "delivered");
  CHECK(line["attempts"] == 1);
}

TEST_CASE("delivery detached: the host is gone while the server has not answered yet") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  Sandbox sandbox;
  check_host(sandbox.run("reporter", detached(server.url())));  // comes back, though no answer ever comes

  server.wait_for(1);
  CHECK(sandbox.uploaders().size() == 1);
  CHECK(sandbox.pending().size() == 1);
  CHECK(deliveries(sandbox).empty());
}

TEST_CASE("delivery detached: a report that a server has refused to take waits, with when it may be tried again") {
  SilentPort port(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  check_host(sandbox.run("reporter", detached(port.url())));

  REQUIRE(wait_until([&] { return deliveries(sandbox).size() == 1; }));
  CHECK(deliveries(sandbox)[0]["http_status"] == 0);
  CHECK(deliveries(sandbox)[0]["result"] == "again later");
  CHECK(wait_until([&] { return waiting_envelope(sandbox)["destinations"][0]["attempts"] == 1; }));
  CHECK(sandbox.report()["outcome"]["exit_code"] == 3);
}

TEST_CASE("delivery detached: what has waited goes with the next report") {
  Server server(503);
  Sandbox sandbox;
  check_host(sandbox.run("reporter", sending_to(server.url(), {"--print", "done", "--exit", "3"})));
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  make_due(sandbox);
  check_host(sandbox.run("reporter", detached(server.url())));

  CHECK(server.wait_for(3).size() == 3);
  CHECK(wait_until([&] { return sandbox.pending().empty(); }));
}
