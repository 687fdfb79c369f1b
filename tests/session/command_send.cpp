// `usage-stats send`.
#include <doctest/doctest.h>

#include <algorithm>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

TEST_CASE("command send: sends what waits, whatever the back-off, and says what became of each") {
  Server server(503);
  Sandbox sandbox;
  const std::vector<std::string> options{"--url", server.url()};
  CHECK(run_usage_stats(sandbox, {"send"}, options).out == "Nothing is waiting to be sent.\n");
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(server.url()));
  Result result = run_usage_stats(sandbox, {"send"}, options);
  CHECK(result.exit_code == 1);
  CHECK(result.out.find("1/3 session ") == 0);
  CHECK(result.out.find("3/3 session ") != std::string::npos);
  CHECK(result.out.find("again later (status 503)") != std::string::npos);
  CHECK(result.err.find("3 still waiting") != std::string::npos);

  server.answer([](const ReceivedRequest&) { return Answer{201}; });
  result = run_usage_stats(sandbox, {"send", "--json"}, options);
  CHECK(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["tries"].size() == 3);
  CHECK(json["tries"][0]["result"] == "delivered");
  CHECK(json["still_waiting"] == 0);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("command send: a server that hangs up in the middle of a request ends nobody") {
  if (!can_trace()) return;
  Server server(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  const std::size_t asked = server.requests().size();
  for (const char* const word : {"send", "delete"}) {
    CAPTURE(std::string(word));
    const Command command = sandbox.command("reporter", {"--url", server.url(), "--as", "usage-stats", word});
    const Result result =
        run(under_strace(command, {"-f", "-qq", "-o", "/dev/null", "-e", "inject=sendto:error=EPIPE:signal=SIGPIPE"}));
    CHECK(result.signal == 0);
    CHECK(result.exit_code == 1);
  }
  CHECK(server.requests().size() == asked);
}

TEST_CASE("command send: does not send what must not be sent") {
  Server server(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  const std::size_t before = server.requests().size();
  sandbox.environment["DO_NOT_TRACK"] = "1";
  const Result result = run_usage_stats(sandbox, {"send"}, {"--url", server.url()});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("DO_NOT_TRACK=1") != std::string::npos);
  CHECK(server.requests().size() == before);
  CHECK(sandbox.pending().size() == 1);
}

TEST_CASE("command send: an endpoint that does not answer is not asked again for each report") {
  Sandbox sandbox;
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to("http://127.0.0.1:9/"));
  const auto json =
      nlohmann::json::parse(run_usage_stats(sandbox, {"send", "--json"}, {"--url", "http://127.0.0.1:9/"}).out);
  CHECK(json["tries"].size() == 1);
  CHECK(json["still_waiting"] == 3);
}
