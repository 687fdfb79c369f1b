// `usage-stats delete`.
#include <doctest/doctest.h>

#include <algorithm>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

/// The targets of the deletions that a server got, sorted.
std::vector<std::string> deletions(const Server& server) {
  std::vector<std::string> targets;
  for (const ReceivedRequest& request : server.requests())
    if (request.method == "DELETE") targets.push_back(request.target);
  std::sort(targets.begin(), targets.end());
  return targets;
}

bool mentions(const Sandbox& sandbox, const std::string& id) {
  for (const auto& [path, text] : tree(sandbox.home()))
    if (path.find(id) != path.npos || text.find(id) != text.npos) return true;
  return false;
}

std::string client_id(const Sandbox& sandbox) { return state_of(sandbox)["client_id"]; }

}  // namespace

TEST_CASE("command delete: reaches the endpoint for every id ever used, and leaves nothing here but the decision") {
  Server server;
  Sandbox sandbox;
  write_file(sandbox.config_file(), "{\"usage_stats\": true, \"mine\": 1}");
  const std::vector<std::string> options{"--url", server.url("/v1/usage?k=1")};
  sandbox.run("reporter", sending_to(server.url("/v1/usage?k=1")));
  const std::string first = client_id(sandbox);
  CHECK(run_usage_stats(sandbox, {"reset"}, options).exit_code == 0);
  sandbox.run("reporter", sending_to(server.url("/v1/usage?k=1")));
  const std::string second = client_id(sandbox);
  CHECK(first != second);

  const Result result = run_usage_stats(sandbox, {"delete"}, options);
  CHECK(result.exit_code == 0);
  CHECK(result.err == "");
  std::vector<std::string> expected{"/v1/usage?k=1&client_id=" + first, "/v1/usage?k=1&client_id=" + second};
  std::sort(expected.begin(), expected.end());
  CHECK(deletions(server) == expected);
  CHECK(server.requests().back().header("User-Agent").find("reporter/1.2.3 usage_stats/") == 0);
  CHECK_FALSE(mentions(sandbox, first));
  CHECK_FALSE(mentions(sandbox, second));
  CHECK(sandbox.report_files().empty());
  CHECK(read_file(sandbox.config_file()) == "{\"usage_stats\": true, \"mine\": 1}");

  // It goes on as before the first run.
  sandbox.run("reporter", sending_to(server.url("/v1/usage?k=1")));
  CHECK(client_id(sandbox) != second);
  CHECK(deletions(server) == expected);
  run_usage_stats(sandbox, {"delete"}, options);
  CHECK(deletions(server).size() == 3);
}

TEST_CASE("command delete: offline it waits, is never pruned, and is made up for by a later run") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  const std::string id = client_id(sandbox);
  server.answer([](const ReceivedRequest&) { return Answer{503}; });
  const Result result = run_usage_stats(sandbox, {"delete"}, {"--url", server.url()});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("1 deletion waits") != std::string::npos);
  CHECK(sandbox.report_files().empty());
  CHECK(sandbox.pending().size() == 1);
  const auto status =
      nlohmann::json::parse(run_usage_stats(sandbox, {"status", "--json"}, {"--url", server.url()}).out);
  CHECK(status["waiting"]["deletions"] == 1);
  CHECK(status["waiting"]["reports"] == 0);

  // More tries than a report has, more reports than may wait, `disable`: it stays.
  for (int i = 0; i < 12; ++i) CHECK(run_usage_stats(sandbox, {"send"}, {"--url", server.url()}).exit_code == 1);
  for (int i = 0; i < 3; ++i) run_usage_stats(sandbox, {"delete"}, {"--url", server.url()});
  run_usage_stats(sandbox, {"disable"}, {"--url", server.url()});
  REQUIRE(sandbox.pending().size() == 1);
  CHECK(waiting_envelope(sandbox)["client_id"] == id);
  run_usage_stats(sandbox, {"enable"}, {"--url", server.url()});

  server.answer([](const ReceivedRequest&) { return Answer{}; });
  nlohmann::json envelope = waiting_envelope(sandbox);
  make_due(sandbox);
  nlohmann::json state = state_of(sandbox);
  CHECK(state["deletion_due"] > 0);
  state["deletion_due"] = 1;
  set_state(sandbox, state);
  const std::size_t before = deletions(server).size();
  sandbox.run("reporter", {"--url", server.url(), "--delivery", "wait", "--unattended", "on"});
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(deletions(server).size() == before + 1);
  CHECK(sandbox.pending().empty());
  CHECK_FALSE(state_of(sandbox).contains("deletion_due"));
  CHECK_FALSE(mentions(sandbox, id));
}

TEST_CASE("command delete: offline and switched off it waits for `send`, since no run asks") {
  Server server;
  Sandbox sandbox;
  const std::vector<std::string> options{"--url", server.url()};
  sandbox.run("reporter", sending_to(server.url()));
  server.answer([](const ReceivedRequest&) { return Answer{503}; });
  CHECK(run_usage_stats(sandbox, {"delete"}, options).err.find("later runs ask again") != std::string::npos);
  CHECK(run_usage_stats(sandbox, {"disable"}, options).err.find("1 deletion still to be confirmed") !=
        std::string::npos);
  const Result off = run_usage_stats(sandbox, {"delete"}, options);
  CHECK(off.err.find("later runs") == std::string::npos);
  CHECK(off.err.find("usage statistics are off, so no run asks again") != std::string::npos);

  server.answer([](const ReceivedRequest&) { return Answer{}; });
  make_due(sandbox);
  const std::size_t before = deletions(server).size();
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(deletions(server).size() == before);  // off is off
  CHECK(run_usage_stats(sandbox, {"send"}, options).exit_code == 0);
  CHECK(deletions(server).size() == before + 1);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("command delete: where state.json is damaged, each id that is here may be known elsewhere") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  const std::string id = client_id(sandbox);
  write_file(sandbox.usage_folder() / "state.json", "{\"client_id\": \"torn");
  std::filesystem::permissions(sandbox.usage_folder() / "state.json", static_cast<std::filesystem::perms>(0600));
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
  CHECK(deletions(server) == std::vector<std::string>{"/v1/usage?client_id=" + id});
  CHECK_FALSE(mentions(sandbox, id));
}

TEST_CASE("command delete: a run that is still going on is not sent afterwards") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  Command command = sandbox.command("reporter", sending_to(server.url(), {"--wait-for-input"}));
  command.open_input = true;
  Process running(command);
  running.wait_for_output("ready");
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
  running.close_input();
  CHECK(running.wait().exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 2);  // a report and a deletion
  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.report_files().empty());
}

TEST_CASE(
    "command delete: who has said that this version shall stop is sent nothing again, and nobody is asked again") {
  Server server(410);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  nlohmann::json state = state_of(sandbox);
  state["unanswered_prompts"] = 3;
  write_file(sandbox.usage_folder() / "state.json", state.dump());
  server.answer([](const ReceivedRequest&) { return Answer{200}; });
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
  CHECK(state_of(sandbox)["unanswered_prompts"] == 3);
  CHECK(deletions(server).size() == 1);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 2);  // the report that got the 410, and the deletion
}

TEST_CASE("command delete: an address with a fragment is asked for the same id as any other") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url("/v1/usage?k=1#part")));
  const std::string id = client_id(sandbox);
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url("/v1/usage?k=1#part")}).exit_code == 0);
  CHECK(deletions(server) == std::vector<std::string>{"/v1/usage?k=1&client_id=" + id});
}

TEST_CASE("command delete: servers of then are asked too, and where nothing can be asked, a person is named") {
  Server then, now;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(then.url()));
  const std::string id = client_id(sandbox);
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", now.url()}).exit_code == 0);
  CHECK(deletions(then).size() == 1);
  CHECK(deletions(now).size() == 1);

  sandbox.run("reporter", sending_to(then.url()));
  const Result result =
      run_usage_stats(sandbox, {"delete", "--json"}, {"--url", then.url(), "--contact", "me@example.org"});
  CHECK(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["client_ids"].size() == 1);
  CHECK(json["tries"][0]["result"] == "deleted");
  CHECK(json["still_waiting"] == 0);
}

TEST_CASE(
    "command delete: otlp and amplitude have no request for it, so it says whom to write to, and about which ids") {
  for (const char* const protocol : {"otlp", "amplitude"}) {
    CAPTURE(std::string(protocol));
    Server server, other;
    Sandbox sandbox;
    // The second endpoint is not the program's first: its own protocol counts, also once another one holds for it.
    const std::vector<std::string> options{"--url",  server.url(), "--url", other.url(), "--protocol",
                                           protocol, "--api-key",  "key",   "--contact", "me@example.org"};
    std::vector<std::string> arguments = sending_to(server.url());
    arguments.insert(arguments.end(), options.begin() + 2, options.end());
    sandbox.run("reporter", arguments);
    CHECK(other.requests().size() == 1);
    const std::string id = client_id(sandbox);
    sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = server.url();
    const Result result = run_usage_stats(sandbox, {"delete"}, options);
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("server        " + other.url()) != std::string::npos);
    CHECK(result.out.find("write to      me@example.org") != std::string::npos);
    CHECK(result.out.find("name the id   " + id) != std::string::npos);
    CHECK(deletions(server) == std::vector<std::string>{"/v1/usage?client_id=" + id});
    CHECK(other.requests().size() == 1);
    CHECK(sandbox.pending().empty());
    CHECK_FALSE(mentions(sandbox, id));
  }
}

TEST_CASE("command delete: where nothing was sent nobody is asked; where nothing is there nothing is made") {
  Server server;
  Sandbox sandbox;
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
  CHECK(tree(sandbox.home()).empty());
  sandbox.run("reporter", {"--url", server.url()});
  CHECK(sandbox.report_files().size() == 1);
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url()}).exit_code == 0);
  CHECK(sandbox.report_files().empty());
  CHECK(server.requests().empty());
}

TEST_CASE("command delete: what is in something that cannot be read is not called deleted") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const fs::path active = sandbox.usage_folder() / "active";
  fs::remove_all(active);
  write_file(active, "something of somebody's\n");
  const Result result = run_usage_stats(sandbox, {"delete"}, {"--url", server.url()});
  CHECK(result.exit_code == 1);
  CHECK(result.out.find("is deleted") == std::string::npos);
  CHECK(result.err.find(sandbox.usage_folder().string()) != std::string::npos);
  CHECK(read_file(active) == "something of somebody's\n");
}

TEST_CASE("command delete: a server that refuses has not deleted") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  for (int status : {404, 405, 410, 500}) {
    server.answer([=](const ReceivedRequest&) { return Answer{status}; });
    const Result result = run_usage_stats(sandbox, {"delete"}, {"--url", server.url()});
    CHECK(result.exit_code == 1);
    CHECK(result.out.find("status " + std::to_string(status)) != std::string::npos);
    CHECK(sandbox.pending().size() == 1);
  }
}
