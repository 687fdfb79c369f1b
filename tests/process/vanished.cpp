#include <doctest/doctest.h>

#include <signal.h>

#include <map>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

/// A run that waits for its input, and then ends with code 3.
Process living_run(const Sandbox& sandbox, const std::string& url) {
  Command command = sandbox.command("reporter", sending_to(url, {"--wait-for-input", "--exit", "3"}));
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  return process;
}

/// One that is ended with SIGKILL. Returns its session.
std::string killed_run(const Sandbox& sandbox, const std::string& url) {
  Process process = living_run(sandbox, url);
  const std::string session = sandbox.active().at(0);
  process.signal(SIGKILL);
  CHECK(process.wait().signal == SIGKILL);
  return session;
}

std::map<std::string, nlohmann::json> outcomes(const std::vector<ReceivedRequest>& requests) {
  std::map<std::string, nlohmann::json> found;
  for (const ReceivedRequest& request : requests) {
    const auto report = nlohmann::json::parse(request.body);
    CHECK(report["final"] == true);
    found[report["session_id"]] = report["outcome"];
  }
  return found;
}

}  // namespace

TEST_CASE("vanished: a run that was killed is reported as lost by the next uploader, once") {
  Server server;
  Sandbox sandbox;
  const std::string session = killed_run(sandbox, server.url());
  CHECK(server.requests().empty());
  CHECK(sandbox.active().size() == 1);
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());

  const auto requests = server.requests();
  CHECK(requests.size() == 4);
  CHECK(outcomes(requests).size() == 4);
  CHECK(outcomes(requests)[session] == nlohmann::json({{"status", "lost"}}));
  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending().empty());
}

TEST_CASE("vanished: a run that lives is not taken for lost, however many uploaders come by") {
  Server server;
  Sandbox sandbox;
  Process living = living_run(sandbox, server.url());
  const std::string session = sandbox.active().at(0);
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.active().size() == 1);
  living.close_input();
  CHECK(living.wait().exit_code == 3);

  const auto requests = server.wait_for(4);
  CHECK(requests.size() == 4);
  CHECK(outcomes(requests)[session] == nlohmann::json({{"status", "failed"}, {"exit_code", 3}}));
}

TEST_CASE("vanished: a run that lives and has read its own envelope, as a backup does, is not taken for lost") {
  Server server;
  Sandbox sandbox;
  Process living = living_run(sandbox, server.url());
  const std::string session = sandbox.active().at(0);
  living.write((sandbox.usage_folder() / "active" / session).string() + "\n");
  living.wait_for_output("read\n");
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active().size() == 1);
  living.close_input();
  CHECK(living.wait().exit_code == 3);

  const auto requests = server.wait_for(2);
  CHECK(requests.size() == 2);
  CHECK(outcomes(requests)[session] == nlohmann::json({{"status", "failed"}, {"exit_code", 3}}));
}

TEST_CASE("vanished: power fails between the report and its envelope: it is sent with its true end") {
  Server server(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url(), {"--exit", "3"}));
  const std::string session = sandbox.pending().at(0);
  make_due(sandbox);
  std::filesystem::rename(sandbox.usage_folder() / "pending" / session, sandbox.usage_folder() / "active" / session);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  sandbox.run("reporter", sending_to(server.url()));

  REQUIRE(server.wait_for(3).size() == 3);
  CHECK(outcomes(server.requests())[session] == nlohmann::json({{"status", "failed"}, {"exit_code", 3}}));
}

TEST_CASE(
    "power fails while an envelope is written: half an envelope goes away, a stranger's file stays, the rest is sent") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  write_file(sandbox.usage_folder() / "active" / "README", "not ours");
  for (const char* const text : {"", "{\"schema\":\"usage-sta", "\xff\xfe\n\n\n"}) {
    write_file(sandbox.usage_folder() / "active" / "0123456789abcdef0123456789abcdef", text);
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.active() == std::vector<std::string>{"README"});
  }
  CHECK(server.wait_for(4).size() == 4);
}

TEST_CASE("vanished: power fails and takes the report: what its envelope knows is sent, once, and nothing torn") {
  for (const char* const place : {"pending", "active"})
    for (const bool empty : {true, false}) {
      CAPTURE(std::string(place));
      CAPTURE(empty);
      Server server(503);
      Sandbox sandbox;
      sandbox.collect = false;
      sandbox.run("reporter", sending_to(server.url(), {"--exit", "3"}));
      const std::string session = sandbox.pending().at(0);
      const auto envelope = sandbox.usage_folder() / "pending" / session;
      std::string text = read_file(envelope);
      nlohmann::json first = nlohmann::json::parse(text.substr(0, text.find('\n')));
      first["destinations"][0]["not_before"] = 0;
      write_file(envelope, first.dump() + text.substr(text.find('\n')));
      nlohmann::json state = state_of(sandbox);
      state["backoff"] = nlohmann::json::object();
      set_state(sandbox, state);
      std::filesystem::rename(envelope, sandbox.usage_folder() / place / session);
      const auto report = sandbox.report_files().at(0);
      std::filesystem::resize_file(report, empty ? 0 : std::filesystem::file_size(report) / 2);
      server.answer([](const ReceivedRequest&) { return Answer{}; });
      CHECK(run(sandbox.uploader("reporter")).exit_code == 0);

      const std::vector<ReceivedRequest> requests = server.wait_for(2);
      REQUIRE(requests.size() == 2);
      CHECK(outcomes(requests)[session] == nlohmann::json({{"status", "lost"}}));
      CHECK(requests[1].body == read_file(report));
      CHECK(sandbox.pending().empty());
      CHECK(sandbox.active().empty());
    }
}

TEST_CASE("vanished: a report that is damaged together with its envelope is dropped, and counted") {
  Server server(503);
  Sandbox sandbox;
  sandbox.collect = false;
  sandbox.run("reporter", sending_to(server.url()));
  make_due(sandbox);  // which leaves of the envelope the first line alone
  write_file(sandbox.report_files().at(0), "{\"schema\": \"usage-st");
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
  CHECK(server.requests().size() == 1);
  CHECK(sandbox.pending().empty());
  CHECK(state_of(sandbox)["dropped"] == 1);
}
