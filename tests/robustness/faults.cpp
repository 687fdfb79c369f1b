// Whichever system call of the host fails, or is the last one: the host does its work, no partial file is taken for a
// report, the next run works, and the server has each run once. The faults are injected by strace.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "faults.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

using nlohmann::json;

namespace {

struct HostFaults {
  std::string how;      // as programs/faults.cpp has it
  bool first = false;   // each time in a home without anything
  std::size_t nth = 1;  // of the errors
};

/// Without a back-off the run delivers its report, or starts who does.
void forget_backoff(const Sandbox& sandbox) {
  json state = state_of(sandbox, "faults");
  if (state.is_null() || !state.contains("backoff")) return;
  state["backoff"] = json::object();
  set_state(sandbox, state, "faults");
}

void check_host_faults(const HostFaults& faults, const std::string& url) {
  Sandbox sandbox;
  sandbox.collect = false;
  if (!faults.first) prepare(sandbox, url);
  const json id = faults.first ? json() : state_of(sandbox, "faults")["client_id"];
  Command command = host(sandbox, url, faults.how);
  if (faults.first) command.environment["FAULTS_USAGE_STATS_ENABLED"] = "1";  // no notice
  forget_backoff(sandbox);
  const std::vector<SystemCall> calls = system_calls_of(sandbox, command, true);
  sandbox.end_uploaders();
  REQUIRE(std::any_of(calls.begin(), calls.end(),
                      [](const SystemCall& call) { return call.name.find("clone") == 0 || call.name == "vfork"; }));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].name == "kill") continue;  // the host's own
    for (std::size_t error = 0; error < errors.size(); ++error) {
      if (!is_chosen(i, error, faults.nth)) continue;
      CAPTURE(faults.how + " " + calls[i].name + " " + std::to_string(calls[i].number) + " " + errors[error]);
      if (faults.first) fs::remove_all(sandbox.usage_folder("faults"));
      forget_backoff(sandbox);
      const Result result = run(with_fault(command, calls[i], fault_of(calls[i], error)));
      const bool killed = faults.how == "SIGTERM";
      CHECK(result.exit_code == (killed ? -1 : 3));
      CHECK(result.signal == (killed ? SIGTERM : 0));
      CHECK(result.out == (killed ? "" : "worked\n"));
      CHECK(result.err == "");
      sandbox.end_uploaders();
    }
    // The next run works, with the same id.
    const std::size_t before = sandbox.report_files("faults").size();
    CHECK(run(host(sandbox, url)).exit_code == 3);
    sandbox.end_uploaders();
    CHECK(sandbox.report_files("faults").size() > before);
    if (!faults.first) CHECK(state_of(sandbox, "faults")["client_id"] == id);
  }
  for (const fs::path& file : sandbox.report_files("faults")) CHECK_FALSE(json::parse(read_file(file)).empty());
}

}  // namespace

TEST_CASE("faults: each system call of the host's fails, in every way, and the host does not notice") {
  if (!can_trace()) return;
  SilentPort nobody(SilentPort::Behaviour::refuses);
  check_host_faults({"detached", false, 3}, nobody.url());
}

TEST_CASE("faults: nor does it in its first run, when it waits, sends by itself, or is killed by a signal") {
  if (!can_trace()) return;
  SilentPort nobody(SilentPort::Behaviour::refuses);
  check_host_faults({"detached", true, 7}, nobody.url());
  for (const char* const how : {"wait", "in_process", "SIGTERM"}) check_host_faults({how, false, 7}, nobody.url());
}

TEST_CASE("faults: the host is killed at each of its system calls; no run is reported twice, and the next one works") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  prepare(sandbox, server.url());
  const Command command = host(sandbox, server.url());
  const std::vector<SystemCall> calls = system_calls_of(sandbox, command, true);
  std::set<std::string> begun;  // with an envelope
  for (const SystemCall& call : calls) {
    CAPTURE(call.name + " " + std::to_string(call.number));
    run(with_fault(command, call, "signal=KILL"));
    sandbox.end_uploaders();
    for (const auto& names : {sandbox.active("faults"), sandbox.pending("faults")})
      for (const std::string& name : names)
        if (name[0] != '.') begun.insert(name);
  }
  CHECK(run(command).exit_code == 3);
  CHECK(sandbox.wait_for_no_uploader());
  CAPTURE(state_of(sandbox, "faults").dump());
  const auto sessions = sessions_of(server);
  CHECK(begun.size() > 20);
  for (const std::string& session : begun) CHECK(sessions.count(session) == 1);
  CHECK(sandbox.active("faults").empty());
  CHECK(sandbox.pending("faults").empty());
  for (const json& report : sandbox.reports("faults")) CHECK(report["final"] == true);
}
