// The ids under which reports are sent.
#include <doctest/doctest.h>

#include <algorithm>
#include <usage_stats.hpp>

#include "sandbox.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace {

/// The client id of a run's report, as the server got it.
std::string id_of_run(const Sandbox& sandbox, const Server& server, const std::vector<std::string>& more) {
  const std::size_t before = server.requests().size();
  sandbox.run("reporter", sending_to(server.url(), more));
  return nlohmann::json::parse(server.wait_for(before + 1).back().body)["client_id"];
}

}  // namespace

TEST_CASE("client id: none before the verdict is first on") {
  Sandbox sandbox;
  sandbox.run("reporter", {"--url", "http://127.0.0.1:9/", "--field"});
  CHECK_FALSE(sandbox.report().contains("client_id"));
  CHECK_FALSE(state_of(sandbox).contains("client_id"));
  CHECK(sandbox.report_files()[0].parent_path().parent_path().filename() == "local");
}

TEST_CASE("client id: install keeps one, session has one for each run") {
  Server server;
  Sandbox sandbox;
  const std::string install = id_of_run(sandbox, server, {});
  CHECK(install.size() == 32);
  CHECK(id_of_run(sandbox, server, {}) == install);
  const std::string session = id_of_run(sandbox, server, {"--client-id", "session"});
  CHECK(session.size() == 32);
  CHECK(session != install);
  CHECK(id_of_run(sandbox, server, {"--client-id", "session"}) != session);
  CHECK(std::filesystem::exists(sandbox.usage_folder() / install));
}

TEST_CASE("client id: hashed, it is the SHA-256 of the one that is kept") {
  Server server;
  Sandbox sandbox;
  const std::string plain = id_of_run(sandbox, server, {});
  CHECK(id_of_run(sandbox, server, {"--hash-client-id", "yes"}) == usage_stats::detail::sha256(plain));
  CHECK(std::filesystem::exists(sandbox.usage_folder() / usage_stats::detail::sha256(plain)));
}

TEST_CASE("client id: monthly is the same within a month, and comes from a secret that never leaves") {
  Server server;
  Sandbox sandbox;
  const std::string id = id_of_run(sandbox, server, {"--client-id", "monthly"});
  CHECK(id.size() == 32);
  CHECK(id_of_run(sandbox, server, {"--client-id", "monthly"}) == id);
  const std::string secret = state_of(sandbox)["secret"];
  CHECK(secret.size() == 64);
  for (const ReceivedRequest& request : server.requests()) CHECK(request.body.find(secret) == std::string::npos);
  const std::string month = usage_stats::detail::timestamp(std::chrono::system_clock::now()).substr(0, 7);
  CHECK(id == usage_stats::detail::sha256(secret + " " + month).substr(0, 32));
  // Another month, another secret: another id.
  CHECK(id != usage_stats::detail::sha256(secret + " 2020-01").substr(0, 32));
  nlohmann::json state = state_of(sandbox);
  state["secret"] = std::string(64, 'a');
  set_state(sandbox, state);
  CHECK(id_of_run(sandbox, server, {"--client-id", "monthly"}) != id);
}

TEST_CASE("client id: two programs of one user have two") {
  Server server;
  Sandbox sandbox;
  const std::string one = id_of_run(sandbox, server, {});
  CHECK(id_of_run(sandbox, server, {"--app", "another"}) != one);
}
