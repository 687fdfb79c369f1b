// Whatever system call fails, or is the last one: the host does what it does, nothing torn is taken for a report, the
// next run works, and the server has each run once. The faults are injected by strace.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

const std::vector<std::string> errors{"EACCES", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EIO", "EROFS"};

/// Every session that the server has, and that each came with one text.
std::map<std::string, std::string> sessions_of(const Server& server) {
  std::map<std::string, std::string> sessions;
  for (const ReceivedRequest& request : server.requests()) {
    const json report = json::parse(request.body);
    CHECK(report["schema"] == "usage-stats/1");
    const auto [known, fresh] = sessions.emplace(report["session_id"].get<std::string>(), request.body);
    CHECK((fresh || known->second == request.body));
  }
  return sessions;
}

Command host(const Sandbox& sandbox, const std::string& url) {
  Command command = sandbox.command("faults", {url});
  command.environment["FAULTS_USAGE_STATS_ENABLED"] = "1";
  return command;
}

/// Folders as an earlier run has left them, so that calls have the same numbers in each run.
void prepare(const Sandbox& sandbox, const std::string& url) {
  run(host(sandbox, url));
  sandbox.end_uploaders();
}

}  // namespace

TEST_CASE("faults: each system call of the host's fails, in every way, and the host does not notice") {
  if (!can_trace()) return;
  SilentPort nobody(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.collect = false;
  prepare(sandbox, nobody.url());
  const Command command = host(sandbox, nobody.url());
  const std::vector<SystemCall> calls = system_calls_of(sandbox, command, true);
  REQUIRE(calls.size() > 20);
  for (std::size_t i = 0; i < calls.size(); ++i)
    for (std::size_t which = 0; which < errors.size(); ++which) {
      // Each call with each error would take minutes; each error meets each kind of call.
      if ((i + which) % 3 != 0) continue;
      CAPTURE(calls[i].name + " " + std::to_string(calls[i].number) + " " + errors[which]);
      // The kernel tells no error of brk's, but an address too low; glibc would take an error for a high one.
      const std::string fault = calls[i].name == "brk" ? "retval=0" : "error=" + errors[which];
      const Result result = run(with_fault(command, calls[i], fault));
      CHECK(result.exit_code == 3);
      CHECK(result.signal == 0);
      CHECK(result.out == "worked\n");
      CHECK(result.err == "");
      sandbox.end_uploaders();
    }
  for (const fs::path& file : sandbox.report_files("faults")) CHECK_FALSE(json::parse(read_file(file)).empty());
  CHECK(run(command).exit_code == 3);
}

TEST_CASE("faults: the host is killed at each of its system calls; no run is reported twice, and the next one works") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  prepare(sandbox, server.url());
  const Command command = host(sandbox, server.url());
  const std::vector<SystemCall> calls = system_calls_of(sandbox, command, true);
  for (const SystemCall& call : calls) {
    CAPTURE(call.name + " " + std::to_string(call.number));
    run(with_fault(command, call, "signal=KILL"));
    sandbox.end_uploaders();
  }
  CHECK(run(command).exit_code == 3);
  CHECK(sandbox.wait_for_no_uploader());
  sessions_of(server);
  CHECK(sandbox.active("faults").empty());
  CHECK(sandbox.pending("faults").empty());
  for (const json& report : sandbox.reports("faults")) CHECK(report["final"] == true);
}

namespace {

/// What waits in a folder when a run has ended and its uploader could do nothing.
struct Waiting {
  Sandbox sandbox{};
  explicit Waiting(const std::string& url) {
    SilentPort nobody(SilentPort::Behaviour::refuses);
    prepare(sandbox, nobody.url());
    for (const std::string& name : sandbox.pending("faults")) {
      const fs::path file = folder() / "pending" / name;
      std::string text = read_file(file);
      json label = json::parse(text.substr(0, text.find('\n')));
      label["destinations"] = {{{"url", url}, {"protocol", "json"}, {"attempts", 0}, {"not_before", 0}}};
      write_file(file, label.dump() + "\n");
    }
    json state = json::parse(read_file(folder() / "state.json"));
    state["backoff"] = json::object();
    write_file(folder() / "state.json", state.dump());
  }
  fs::path folder() const { return sandbox.usage_folder("faults"); }
  Command uploader() const { return sandbox.uploader("faults"); }
};

}  // namespace

TEST_CASE(
    "faults: each system call of the uploader's fails or is its last; the report arrives once, and nothing stays") {
  if (!can_trace()) return;
  std::vector<SystemCall> calls;
  {
    Server server;
    const Waiting waiting(server.url());
    calls = system_calls_of(waiting.sandbox, waiting.uploader());
    CHECK(sessions_of(server).size() == 1);
  }
  const auto first =
      std::find_if(calls.begin(), calls.end(), [](const SystemCall& call) { return call.name == "alarm"; });
  REQUIRE(first != calls.end());  // the first thing that an uploader does; what comes before is the loader's
  calls.erase(calls.begin(), first);
  REQUIRE(calls.size() > 40);
  for (std::size_t i = 0; i < calls.size(); ++i)
    for (std::string fault : {std::string("signal=KILL"), "error=" + errors[i % errors.size()]}) {
      // With any other error httplib takes a socket that it may not write to for one that the server has answered on,
      // waits, and gets the server's 400 for half a request.
      if (calls[i].name == "poll" && fault[0] == 'e') fault = "error=EINTR";
      CAPTURE(calls[i].name + " " + std::to_string(calls[i].number) + " " + fault);
      Server server;
      const Waiting waiting(server.url());
      run(with_fault(waiting.uploader(), calls[i], fault));
      for (int again = 0; again < 3 && !waiting.sandbox.pending("faults").empty(); ++again) {
        make_due(waiting.sandbox, "faults");
        run(waiting.uploader());
      }
      CHECK(sessions_of(server).size() == 1);
      CHECK(waiting.sandbox.pending("faults").empty());
      CHECK(waiting.sandbox.active("faults").empty());
    }
}

namespace {

/// A run that lives, and one that was killed when its report was written and its label not yet moved.
struct Unfinished {
  Server server{};
  Sandbox sandbox{};
  Process alive{started()};

  /// How often a run renames a file before it moves its label.
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
    "faults: whatever the uploader cannot look at, a run that lives or has told its end is not taken for lost, "
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
  const std::set<std::string> looks{"openat", "pread64", "fcntl", "fstat", "newfstatat", "getdents64"};
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
    const auto sessions = sessions_of(unfinished.server);
    CHECK(sessions.size() == 2);
    for (const auto& [session, report] : sessions)
      CHECK(json::parse(report)["outcome"] == json({{"status", "failed"}, {"exit_code", 3}}));
  }
  CHECK(looked > 40);
}
