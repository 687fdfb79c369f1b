// What the uploader cannot read because a system call fails, it does not take for gone, lost or old. The faults are
// injected by strace.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "faults.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

using nlohmann::json;

namespace {

/// A report that may not be tried yet, and is older than what is kept of others.
struct Old : Waiting {
  fs::path report = sandbox.report_files("faults").at(0);

  Old() : Waiting("http://127.0.0.1:9/") {
    const fs::path file = folder() / "pending" / sandbox.pending("faults").at(0);
    json envelope = json::parse(read_file(file));
    envelope["destinations"][0]["not_before"] = std::time(nullptr) + 3600;
    write_file(file, envelope.dump() + "\n");
    for (const fs::path& aged : {report.parent_path(), report.parent_path().parent_path()})
      fs::last_write_time(aged, fs::file_time_type::clock::now() - std::chrono::hours(24 * 100));
  }
};

}  // namespace

TEST_CASE(
    "faults of looks: whatever the uploader cannot look at, it throws away nothing that still waits, however old") {
  if (!can_trace()) return;
  std::vector<SystemCall> calls;
  {
    const Old old;
    calls = system_calls_of(old.sandbox, old.uploader());
  }
  const auto first =
      std::find_if(calls.begin(), calls.end(), [](const SystemCall& call) { return call.name == "alarm"; });
  REQUIRE(first != calls.end());
  calls.erase(calls.begin(), first);
  const std::set<std::string> looks{"openat", "openat2", "fcntl", "fstat", "newfstatat", "getdents64"};
  std::size_t looked = 0;
  for (const SystemCall& call : calls) {
    if (looks.count(call.name) == 0) continue;
    const std::string fault = fault_of(call, ++looked % errors.size());
    CAPTURE(call.name + " " + std::to_string(call.number) + " " + fault);
    const Old old;
    run(with_fault(old.uploader(), call, fault));
    CHECK(fs::exists(old.report));
    CHECK(old.sandbox.pending("faults").size() == 1);
  }
  CHECK(looked > 30);
}

namespace {

/// A run that lives, and one that was killed when its report was written and its envelope not yet moved.
struct Unfinished {
  Server server{};
  Sandbox sandbox{};
  Process alive{started()};

  /// How often a run renames a file before it moves its envelope.
  static int renames() {
    Sandbox sandbox;
    int last = 0;
    for (const SystemCall& call : system_calls_of(sandbox, ending(sandbox, "http://127.0.0.1:9/")))
      if (call.name == "renameat") last = call.number;
    return last;
  }
  static Command ending(const Sandbox& sandbox, const std::string& url) {
    return sandbox.command("reporter", {"--url", url, "--unattended", "on", "--exit", "3"});
  }
  Command started() {
    static const int last = renames();
    sandbox.collect = false;
    CHECK(run(with_fault(ending(sandbox, server.url()), {"renameat", last}, "signal=KILL")).signal == SIGKILL);
    Command command =
        sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--exit", "3", "--wait-for-input"});
    command.open_input = true;
    return command;
  }
  Unfinished() { alive.wait_for_output("ready"); }
};

}  // namespace

TEST_CASE(
    "faults: whatever the uploader cannot look at, a run that lives or has reported its end is not taken for lost, "
    "and the id stays") {
  if (!can_trace()) return;
  std::vector<SystemCall> calls;
  {
    Unfinished unfinished;
    CHECK(unfinished.sandbox.active().size() == 2);
    calls = system_calls_of(unfinished.sandbox, unfinished.sandbox.uploader("reporter"));
    CHECK(unfinished.sandbox.active().size() == 1);
    CHECK(sessions_of(unfinished.server).size() == 1);
  }
  const std::set<std::string> looks{"openat", "openat2", "pread64", "fcntl", "fstat", "newfstatat", "getdents64"};
  const auto first =
      std::find_if(calls.begin(), calls.end(), [](const SystemCall& call) { return call.name == "alarm"; });
  REQUIRE(first != calls.end());
  calls.erase(calls.begin(), first);
  std::size_t looked = 0;
  for (const SystemCall& call : calls) {
    if (looks.count(call.name) == 0) continue;
    const std::string& error = errors[++looked % errors.size()];
    CAPTURE(call.name + " " + std::to_string(call.number) + " " + error);
    Unfinished unfinished;
    const json id = state_of(unfinished.sandbox)["client_id"];
    run(with_fault(unfinished.sandbox.uploader("reporter"), call, "error=" + error));
    unfinished.alive.close_input();
    CHECK(unfinished.alive.wait().exit_code == 3);
    unfinished.sandbox.end_uploaders();
    for (int again = 0; again < 3 && !unfinished.sandbox.pending().empty(); ++again) {
      make_due(unfinished.sandbox);
      run(unfinished.sandbox.uploader("reporter"));
    }
    CHECK(state_of(unfinished.sandbox)["client_id"] == id);
    CHECK(wait_until([&] { return sessions_of(unfinished.server).size() == 2; }));
    const auto sessions = sessions_of(unfinished.server);
    for (const auto& [session, report] : sessions)
      CHECK(json::parse(report)["outcome"] == json({{"status", "failed"}, {"exit_code", 3}}));
  }
  CHECK(looked > 40);
}
