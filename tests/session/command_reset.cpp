// `usage-stats reset`.
#include <doctest/doctest.h>

#include <algorithm>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

std::string client_id(const Sandbox& sandbox) { return state_of(sandbox)["client_id"]; }

}  // namespace

TEST_CASE("command reset: a new id; what waits keeps the old one") {
  Server server(503);
  Sandbox sandbox;
  const std::vector<std::string> options{"--url", server.url()};
  CHECK(run_usage_stats(sandbox, {"reset"}, options).out.find("no id yet") != std::string::npos);
  CHECK(tree(sandbox.home()).empty());
  sandbox.run("reporter", sending_to(server.url()));
  const std::string old = client_id(sandbox);
  const auto json = nlohmann::json::parse(run_usage_stats(sandbox, {"reset", "--json"}, options).out);
  CHECK(json["client_id"] == client_id(sandbox));
  CHECK(client_id(sandbox) != old);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  run_usage_stats(sandbox, {"send"}, options);
  CHECK(nlohmann::json::parse(server.requests().back().body)["client_id"] == old);
}
