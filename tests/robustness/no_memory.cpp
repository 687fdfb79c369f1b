// A lack of memory is the library's problem, not the host's.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"

namespace {

Command host(const Sandbox& sandbox, const std::string& url, long bytes, const std::string& when) {
  Command command = sandbox.command("no_memory", {url, std::to_string(bytes), when});
  command.environment["NO_MEMORY_USAGE_STATS_ENABLED"] = "1";
  return command;
}

const std::vector<long> budgets{0,      50,     200,     1000,    3000,    10000,   30000,   60000,   70000,   100000,
                                150000, 300000, 1000000, 3000000, 4100000, 4200000, 4300000, 4500000, 10000000};

}  // namespace

TEST_CASE("no memory: however little there is when a session begins or ends, the host does what it does") {
  SilentPort nobody(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.collect = false;
  for (const bool first_run : {true, false})
    for (const char* const when : {"begin", "end"})
      for (const long bytes : budgets) {
        CAPTURE(first_run);
        CAPTURE(std::string(when));
        CAPTURE(bytes);
        Command command = host(sandbox, nobody.url(), bytes, when);
        if (first_run)
          command.environment["XDG_STATE_HOME"] = sandbox.root() / "fresh" / (when + std::to_string(bytes));
        const Result result = run(command);
        CHECK(result.exit_code == 3);
        CHECK(result.signal == 0);
        CHECK(result.out == "worked\n");
        CHECK(result.err == "");
      }
  sandbox.end_uploaders();
  CHECK(sandbox.reports("no_memory").size() > 2);
  for (const nlohmann::json& report : sandbox.reports("no_memory")) CHECK(report["schema"] == "usage-stats/1");
}

TEST_CASE("no memory: a run that has none left for its report is reported as lost") {
  Server server;
  Sandbox sandbox;
  CHECK(run(host(sandbox, server.url(), 0, "end")).exit_code == 3);
  CHECK(sandbox.active("no_memory").size() == 1);
  CHECK(run(host(sandbox, server.url(), 100000000, "end")).exit_code == 3);
  std::vector<std::string> seen;
  for (const ReceivedRequest& request : server.wait_for(2))
    seen.push_back(nlohmann::json::parse(request.body)["outcome"]["status"]);
  std::sort(seen.begin(), seen.end());
  CHECK(seen == std::vector<std::string>{"failed", "lost"});
}
