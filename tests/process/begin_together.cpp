// The very first runs, at the same moment: whatever another one is doing with state.json, each is recorded and sent.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/// A folder in which another run has just begun to make its state.json.
std::filesystem::path make_folder(const Sandbox& sandbox) {
  std::filesystem::create_directories(sandbox.usage_folder());
  std::filesystem::permissions(sandbox.usage_folder(), std::filesystem::perms::owner_all);
  write_file(sandbox.usage_folder() / "state.json", "");
  std::filesystem::permissions(sandbox.usage_folder() / "state.json",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return sandbox.usage_folder() / "state.json";
}

/// A process that locks the file and does something then.
Command locking(const std::filesystem::path& file, const std::string& then) {
  Command command{USAGE_STATS_PYTHON, {"-c"}};
  command.arguments.push_back(
      "import fcntl, os, signal, sys, time\nfile = open(sys.argv[1], 'r+')\n"
      "fcntl.lockf(file, fcntl.LOCK_EX)\nprint('locked', flush=True)\n" +
      then);
  command.arguments.push_back(file.string());
  return command;
}

/// On by hand, so that no notice comes first.
Command first_run(const Sandbox& sandbox, const std::string& url) {
  Command command = sandbox.command("reporter", {"--url", url, "--delivery", "wait", "--wait-limit", "20000"});
  command.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  command.environment["USAGE_STATS_DEBUG"] = "1";
  return command;
}

}  // namespace

TEST_CASE("begin together: a run that another one keeps waiting for state.json is recorded and sent") {
  const Server server;
  const Sandbox sandbox;
  Process other(locking(make_folder(sandbox), "time.sleep(0.15)"));  // ten times as long as for one that was stopped
  other.wait_for_output("locked");
  const auto start = Clock::now();
  const Result result = run(first_run(sandbox, server.url()));
  const bool in_time = Clock::now() - start < std::chrono::milliseconds(400);
  CHECK(result.exit_code == 0);
  const auto requests = server.wait_for(1);
  REQUIRE(requests.size() == 1);
  const nlohmann::json report = nlohmann::json::parse(requests[0].body);
  if (in_time) CHECK(report["client_id"] == state_of(sandbox)["client_id"]);
  CHECK(other.wait().exit_code == 0);
}

TEST_CASE("begin together: one that was stopped with state.json in its hands costs the id of a run, not the run") {
  const Server server;
  const Sandbox sandbox;
  Process other(locking(make_folder(sandbox), "os.kill(os.getpid(), signal.SIGSTOP)"));
  other.wait_for_output("locked");
  Command command = first_run(sandbox, server.url());
  command.arguments = {"--url", server.url()};
  const Result result = run(command);
  CHECK(result.err.find("without a client id") != result.err.npos);
  CHECK(sandbox.pending().size() == 1);
  CHECK(sandbox.wait_for_no_uploader());  // which can remember nothing, and so sends nothing
  CHECK(server.requests().empty());

  other.signal(SIGKILL);
  other.wait();
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
  REQUIRE(server.requests().size() == 1);
  const nlohmann::json report = nlohmann::json::parse(server.requests()[0].body);
  CHECK_FALSE(report.contains("client_id"));
  CHECK(report == sandbox.report());
  CHECK(sandbox.pending().empty());

  CHECK(run(first_run(sandbox, server.url())).exit_code == 0);
  REQUIRE(server.wait_for(2).size() == 2);
  CHECK(nlohmann::json::parse(server.requests()[1].body)["client_id"] == state_of(sandbox)["client_id"]);
}

TEST_CASE("begin together: a state.json that comes while a run looks at the folder is no stranger's") {
  if (!can_trace()) return;
  const Server server;
  const Sandbox sandbox;
  const auto calls = sandbox.root() / "calls";
  // It has found no state.json, and lingers before it looks what else there is.
  Process run(under_strace(first_run(sandbox, server.url()), {"-o", calls, "-e", "trace=openat,getdents64", "-e",
                                                              "inject=getdents64:delay_enter=1000000:when=1"}));
  CHECK(wait_until(
      [&] { return std::filesystem::exists(calls) && read_file(calls).find("\"state.json\"") != std::string::npos; }));
  CHECK(sandbox.run("reporter", {"--unattended", "local"}).exit_code == 0);  // which makes one
  const Result result = run.wait();
  CHECK(result.err.find("nothing is recorded") == result.err.npos);
  CHECK(server.wait_for(1).size() == 1);
}

TEST_CASE("begin together: of many first runs none is left out, and all have one id") {
  const Server server;
  const Sandbox sandbox;
  std::vector<Process> runs;
  for (int i = 0; i < 12; ++i) runs.emplace_back(first_run(sandbox, server.url()));
  for (Process& run : runs) {
    const Result result = run.wait();
    CHECK(result.err.find("nothing is recorded") == result.err.npos);
  }
  std::set<std::string> sessions, ids;
  for (const ReceivedRequest& request : server.wait_for(12)) {
    const nlohmann::json report = nlohmann::json::parse(request.body);
    sessions.insert(report["session_id"].get<std::string>());
    if (report.contains("client_id")) ids.insert(report["client_id"].get<std::string>());
  }
  CHECK(sessions.size() == 12);
  CHECK(ids.size() <= 1);  // one that has waited for half a second goes without
}
