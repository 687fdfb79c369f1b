// Runs that an uploader takes for lost, or cannot distinguish from lost ones: what was sent does not change, and how
// the run really ended is still reported.
#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

/// As if another machine had the same home folder.
Command on_another_machine(const Command& command) {
  Command changed = command;
  changed.program = "unshare";
  changed.arguments = {
      "--map-root-user",       "--uts", "sh", "-c", "hostname another-machine || exit 77; exec \"$0\" \"$@\"",
      command.program.string()};
  changed.arguments.insert(changed.arguments.end(), command.arguments.begin(), command.arguments.end());
  return changed;
}

bool possible() {
  Command command{"true", {}};
  command.inherit_environment = true;
  if (run(on_another_machine(command)).exit_code == 0) return true;
  MESSAGE("skipped: this machine allows no namespaces of one's own");
  return false;
}

std::vector<json> reports_of(const std::string& session, const std::vector<ReceivedRequest>& requests) {
  std::vector<json> found;
  for (const ReceivedRequest& request : requests)
    if (json report = json::parse(request.body); report["session_id"] == session) found.push_back(std::move(report));
  return found;
}

/// A run that is killed; its session.
std::string killed_run(const Sandbox& sandbox, const std::string& url) {
  Command command = sandbox.command("reporter", sending_to(url, {"--wait-for-input"}));
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  const std::string session = sandbox.active().at(0);
  process.signal(SIGKILL);
  process.wait();
  return session;
}

void set_age(const std::filesystem::path& envelope, std::int64_t seconds) {
  const std::string text = read_file(envelope);
  json first = json::parse(text.substr(0, text.find('\n')));
  first["created"] = std::time(nullptr) - seconds;
  write_file(envelope, first.dump() + text.substr(text.find('\n')));
}

}  // namespace

TEST_CASE(
    "taken for lost: a host that closes all descriptors is reported as lost, then as it really ended, next in "
    "sequence") {
  const Server server;
  const Sandbox sandbox;
  Command command =
      sandbox.command("reporter", sending_to(server.url(), {"--close-all", "--wait-for-input", "--exit", "3"}));
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  const std::string session = sandbox.active().at(0);
  sandbox.run("reporter", sending_to(server.url()));  // whose uploader finds no lock
  server.wait_for(2);
  CHECK(sandbox.wait_for_no_uploader());
  process.close_input();
  CHECK(process.wait().exit_code == 3);
  const std::vector<ReceivedRequest> requests = server.wait_for(3);
  CHECK(sandbox.wait_for_no_uploader());

  const std::vector<json> sent = reports_of(session, requests);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0]["outcome"] == json({{"status", "lost"}}));
  CHECK(sent[0]["sequence"] == 1);
  CHECK(sent[1]["outcome"] == json({{"status", "failed"}, {"exit_code", 3}}));
  CHECK(sent[1]["sequence"] == 2);
  CHECK(requests[2].header("Idempotency-Key") == session + "/2");
  CHECK(server.requests().size() == 3);
  CHECK(sandbox.pending().empty());
  // What lies here is what was sent last, and so is what `show --wire` shows.
  const auto files = sandbox.report_files();
  CHECK(std::any_of(files.begin(), files.end(), [&](const auto& file) { return read_file(file) == requests[2].body; }));
  const Result shown = run_usage_stats(sandbox, {"show", "--wire", "2"}, {"--url", server.url()});
  CHECK(shown.out.find(requests[2].body) != std::string::npos);
  CHECK(shown.out.find("\"lost\"") == std::string::npos);
}

TEST_CASE("taken for lost: while the report of a loss still waits, the true end replaces it") {
  SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  Command command =
      sandbox.command("reporter", sending_to(dead.url(), {"--close-all", "--wait-for-input", "--exit", "3"}));
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  const std::string session = sandbox.active().at(0);
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 2);
  process.close_input();
  CHECK(process.wait().exit_code == 3);
  CHECK(sandbox.pending().size() == 2);
  const auto reports = sandbox.reports();
  const auto found =
      std::find_if(reports.begin(), reports.end(), [&](const json& report) { return report["session_id"] == session; });
  REQUIRE(found != reports.end());
  CHECK((*found)["outcome"]["exit_code"] == 3);
  CHECK((*found)["sequence"] == 2);
}

TEST_CASE("taken for lost: a run of another machine is left alone for a day, and by its own machine not at all") {
  if (!possible()) return;
  const Server server;
  const Sandbox sandbox;
  const std::string session = killed_run(sandbox, server.url());
  run(on_another_machine(sandbox.command("reporter", sending_to(server.url()))));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active() == std::vector<std::string>{session});
  CHECK(server.requests().size() == 1);
  const Result status = run(on_another_machine(
      sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--as", "usage-stats", "status"})));
  CHECK(status.out.find("1 run on another machine") != std::string::npos);

  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active().empty());
  CHECK(reports_of(session, server.requests()).size() == 1);

  const std::string old = killed_run(sandbox, server.url());
  set_age(sandbox.usage_folder() / "active" / old, 25 * 3600);
  run(on_another_machine(sandbox.command("reporter", sending_to(server.url()))));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active().empty());
  CHECK(reports_of(old, server.requests()).size() == 1);
}

TEST_CASE(
    "taken for lost: what waits since a moment ago is left to the machine of its run, unless the user says send") {
  if (!possible()) return;
  Server server(503);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  REQUIRE(sandbox.pending().size() == 1);
  const std::string session = sandbox.pending()[0];
  make_due(sandbox);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  run(on_another_machine(sandbox.command("reporter", sending_to(server.url()))));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 2);
  CHECK(reports_of(session, server.requests()).size() == 1);
  const std::vector<std::string> send{"--url", server.url(), "--unattended", "on", "--as", "usage-stats", "send"};
  CHECK(run(on_another_machine(sandbox.command("reporter", send))).exit_code == 0);
  CHECK(reports_of(session, server.requests()).size() == 2);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("taken for lost: an envelope does not show the machine's name, nor that two are of the same machine") {
  char name[256] = {};
  REQUIRE(::gethostname(name, sizeof name - 1) == 0);
  SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  std::vector<std::string> marks;
  for (int i = 0; i < 2; ++i) sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  for (const std::string& session : sandbox.pending()) {
    const std::string text = read_file(sandbox.usage_folder() / "pending" / session);
    marks.push_back(json::parse(text.substr(0, text.find('\n')))["host"]);
    CHECK(marks.back().find(name) == std::string::npos);
  }
  REQUIRE(marks.size() == 2);
  CHECK(marks[0] != marks[1]);
  for (const json& report : sandbox.reports()) CHECK(report.dump().find(marks[0]) == std::string::npos);
}

TEST_CASE("taken for lost: a run that cannot reach its folder at its end leaves its report in the open envelope") {
  if (::getuid() != 0) {
    MESSAGE("skipped: only root can become another user, or change the root folder");
    return;
  }
  for (const char* const way : {"another-user-for-good", "another-root"}) {
    CAPTURE(std::string(way));
    const Server server;
    const Sandbox sandbox;
    CHECK(sandbox.run("ends", {way, server.url()}).exit_code == 12);
    REQUIRE(sandbox.active("ends").size() == 1);
    const std::string session = sandbox.active("ends")[0];
    CHECK(server.requests().empty());
    sandbox.run("ends", {"return", server.url()});
    server.wait_for(2);
    CHECK(sandbox.wait_for_no_uploader());
    const std::vector<json> sent = reports_of(session, server.requests());
    REQUIRE(sent.size() == 1);
    CHECK(sent[0]["outcome"] == json({{"status", "failed"}, {"exit_code", 12}}));
    CHECK(sent[0]["final"] == true);
    CHECK(sent[0].contains("ended_at"));
    CHECK(sandbox.active("ends").empty());
  }
}
