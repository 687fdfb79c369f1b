#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sandbox.hpp"
#include "schema.hpp"
#include "server.hpp"

TEST_CASE("one run: the server gets the local report, byte for byte") {
  Server server;
  Sandbox sandbox;
  const Result result = sandbox.run(
      "reporter", {"--url", server.url(), "--unattended", "on", "--field", "--print", "done", "--exit", "3"});

  CHECK(result.exit_code == 3);
  CHECK(result.out == "done\n");
  CHECK_FALSE(result.streams_held);

  const std::vector<ReceivedRequest> requests = server.wait_for(1);
  const auto files = sandbox.report_files();
  REQUIRE(files.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].target == "/v1/usage");
  CHECK(requests[0].body == read_file(files[0]));
  CHECK(schema_problem(requests[0].body) == "");

  const nlohmann::json report = sandbox.report();
  CHECK(report["app"] == nlohmann::json({{"name", "reporter"}, {"version", "1.2.3"}}));
  CHECK(report["outcome"] == nlohmann::json({{"status", "failed"}, {"exit_code", 3}}));
  CHECK(requests[0].header("Idempotency-Key") == report["session_id"].get<std::string>() + "/1");
}

TEST_CASE("one run: the same with Delivery::wait, and nothing is left to do") {
  Server server;
  Sandbox sandbox;
  const Result result = sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "wait"});

  CHECK(result.exit_code == 0);
  CHECK(server.requests().size() == 1);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending().empty());
  CHECK(server.requests().size() == 1);
}

TEST_CASE("one run: without an endpoint the report stays here, and nothing is started") {
  Sandbox sandbox;
  const Result result = sandbox.run("reporter", {"--unattended", "on", "--exit", "0"});

  CHECK(result.exit_code == 0);
  CHECK(sandbox.report()["outcome"]["status"] == "ok");
  CHECK(sandbox.uploaders().empty());
  CHECK(sandbox.pending().empty());
}
