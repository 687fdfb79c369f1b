// Whatever system call fails, or is the last one: the host does what it does, nothing torn is taken for a report, the
// next run works, and the server has each run once. The faults are injected by strace.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <ctime>
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

/// The first run shows the notice; no later one may.
Command host(const Sandbox& sandbox, const std::string& url, const std::string& how = "detached") {
  return sandbox.command("faults", {url, how});
}

/// Folders as an earlier run has left them, so that calls have the same numbers in each run.
void prepare(const Sandbox& sandbox, const std::string& url) {
  run(host(sandbox, url));
  sandbox.end_uploaders();
}

/// Each call with each error would take a quarter of an hour. Of the errors each n-th, another one at the next call;
/// with USAGE_STATS_STRESS in the environment all.
bool is_chosen(std::size_t call, std::size_t error, std::size_t nth) {
  return std::getenv("USAGE_STATS_STRESS") != nullptr || (call + error) % nth == 0;
}

/// "error=EIO", as strace wants it.
std::string fault_of(const SystemCall& call, std::size_t error) {
  // The kernel tells no error of brk's, but an address too low; glibc would take an error for a high one.
  return call.name == "brk" ? "retval=0" : "error=" + errors[error];
}

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
  std::set<std::string> begun;  // with a label
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
  const auto sessions = sessions_of(server);
  CHECK(begun.size() > 20);
  for (const std::string& session : begun) CHECK(sessions.count(session) == 1);
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
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::vector<std::string> ways{"signal=KILL"};
    for (std::size_t error = 0; error < errors.size(); ++error)
      if (is_chosen(i, error, errors.size())) ways.push_back(fault_of(calls[i], error));
    for (std::string& fault : ways) {
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
}

namespace {

/// A report that may not be tried yet, and is older than what is kept of others.
struct Old : Waiting {
  fs::path report = sandbox.report_files("faults").at(0);

  Old() : Waiting("http://127.0.0.1:9/") {
    const fs::path file = folder() / "pending" / sandbox.pending("faults").at(0);
    json label = json::parse(read_file(file));
    label["destinations"][0]["not_before"] = std::time(nullptr) + 3600;
    write_file(file, label.dump() + "\n");
    for (const fs::path& aged : {report.parent_path(), report.parent_path().parent_path()})
      fs::last_write_time(aged, fs::file_time_type::clock::now() - std::chrono::hours(24 * 100));
  }
};

}  // namespace

TEST_CASE("faults: whatever the uploader cannot look at, it throws away nothing that still waits, however old") {
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
  const std::set<std::string> looks{"openat", "fcntl", "fstat", "newfstatat", "getdents64"};
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
