// The README's first program, taken from the README, as a new user meets it: one constructor is all.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace {

struct Person {
  Server server;
  Sandbox sandbox;

  /// What a run at a terminal shows.
  std::string types(const std::vector<std::string>& arguments) {
    Command command = sandbox.command("mytool", arguments);
    command.environment["TERM"] = "xterm";
    command.environment["MYTOOL_USAGE_STATS_ENDPOINT"] = server.url();
    Terminal terminal(command);
    CHECK(terminal.wait().exit_code == 0);
    return terminal.screen();
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("readme program: its first program shows the notice, answers its command, reports, and stops when told to") {
  Person person;
  const std::string first = person.types({"a", "b"});
  CHECK_MESSAGE(has(first, "mytool collects usage statistics"), first);
  CHECK_MESSAGE(has(first, "To stop it: mytool usage-stats disable"), first);
  CHECK(has(first, "\ntransferred a b\n"));

  const std::string status = person.types({"usage-stats", "status"});
  CHECK_MESSAGE(has(status, "mytool 1.4.2: usage statistics are on"), status);
  CHECK_MESSAGE(has(status, person.server.url()), status);
  CHECK_MESSAGE(has(status, "to change     mytool usage-stats disable"), status);
  CHECK_FALSE(has(status, "transferred"));
  CHECK(person.sandbox.wait_for_no_uploader());
  CHECK(person.server.requests().empty());  // nothing of the first run

  CHECK(person.types({"a", "b"}) == "transferred a b\n");
  const auto requests = person.server.wait_for(1);
  REQUIRE(requests.size() == 1);
  const auto report = nlohmann::json::parse(requests[0].body);
  CHECK(report["outcome"] == nlohmann::json({{"status", "ok"}, {"exit_code", 0}}));
  CHECK(report["fields"] == nlohmann::json({{"throughput_gbps", 3.2}}));

  CHECK(person.types({"--disable-usage-stats", "a"}) == "transferred a\n");
  const std::string disabled = person.types({"usage-stats", "disable"});
  CHECK_MESSAGE(has(disabled, "Usage statistics of mytool are switched off."), disabled);
  for (int runs = 0; runs < 3; ++runs) CHECK(person.types({"a"}) == "transferred a\n");
  CHECK(has(person.types({"usage-stats", "status"}), "usage statistics are off"));
  CHECK(person.sandbox.wait_for_no_uploader());
  CHECK(person.server.requests().size() == 1);
}
