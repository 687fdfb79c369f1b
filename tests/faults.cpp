// Whatever system call fails, or is the last one: the host does what it does, nothing torn is taken for a report, the
// next run works, and the server has each run once. The faults are injected by strace.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

bool can_inject() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: under a sanitizer a failing system call ends the sanitizer");
  return false;
#else
  Command command{"strace", {"-o", "/dev/null", "true"}};
  command.inherit_environment = true;
  if (run(command).exit_code == 0) return true;
  MESSAGE("skipped: strace may not trace here");
  return false;
#endif
}

/// The number-th call of a name, counted from the program's start.
struct Call {
  std::string name;
  int number = 0;
};

Command strace(Command command, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = options;
  arguments.push_back(command.program.string());
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  command.arguments = arguments;
  command.program = "strace";
  return command;
}

/// All calls that the program itself makes between the lines with the two marks; the whole of it without marks.
std::vector<Call> calls_of(const Sandbox& sandbox, const Command& command, bool marked) {
  const fs::path file = sandbox.root() / "calls";
  run(strace(command, {"-o", file.string(), "-e", "signal=none"}));
  std::vector<Call> calls;
  std::map<std::string, int> counts;
  bool inside = !marked;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find('('));
    if (name == line) continue;
    ++counts[name];
    if (line.find("/usage_stats/ends") != line.npos) inside = false;
    const bool can_fail = name.compare(0, 3, "get") != 0 || name == "getdents64" || name == "getrandom";
    if (inside && can_fail) calls.push_back({name, counts[name]});
    if (line.find("/usage_stats/begins") != line.npos) inside = true;
  }
  return calls;
}

Command injected(const Command& command, const Call& call, const std::string& fault) {
  return strace(command, {"-qq", "-o", "/dev/null", "-e",
                          "inject=" + call.name + ":" + fault + ":when=" + std::to_string(call.number)});
}

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
  if (!can_inject()) return;
  SilentPort nobody(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.collect = false;
  prepare(sandbox, nobody.url());
  const Command command = host(sandbox, nobody.url());
  const std::vector<Call> calls = calls_of(sandbox, command, true);
  REQUIRE(calls.size() > 20);
  for (std::size_t i = 0; i < calls.size(); ++i)
    for (std::size_t which = 0; which < errors.size(); ++which) {
      // Each call with each error would take minutes; each error meets each kind of call.
      if ((i + which) % 3 != 0) continue;
      CAPTURE(calls[i].name + " " + std::to_string(calls[i].number) + " " + errors[which]);
      const Result result = run(injected(command, calls[i], "error=" + errors[which]));
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
  if (!can_inject()) return;
  Server server;
  Sandbox sandbox;
  prepare(sandbox, server.url());
  const Command command = host(sandbox, server.url());
  const std::vector<Call> calls = calls_of(sandbox, command, true);
  for (const Call& call : calls) {
    CAPTURE(call.name + " " + std::to_string(call.number));
    run(injected(command, call, "signal=KILL"));
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
  Command uploader() const {
    Command command = sandbox.command("faults", {});
    command.environment["USAGE_STATS_UPLOADER"] = folder().string();
    command.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
    return command;
  }
  void make_due() const {
    for (const std::string& name : sandbox.pending("faults")) {
      const std::string text = read_file(folder() / "pending" / name);
      json label = json::parse(text.substr(0, text.find('\n')));
      for (json& destination : label["destinations"]) destination["not_before"] = 0;
      write_file(folder() / "pending" / name, label.dump() + "\n");
    }
    json state = json::parse(read_file(folder() / "state.json"));
    state["backoff"] = json::object();
    write_file(folder() / "state.json", state.dump());
  }
};

}  // namespace

TEST_CASE(
    "faults: each system call of the uploader's fails or is its last; the report arrives once, and nothing stays") {
  if (!can_inject()) return;
  std::vector<Call> calls;
  {
    Server server;
    const Waiting waiting(server.url());
    calls = calls_of(waiting.sandbox, waiting.uploader(), false);
    CHECK(sessions_of(server).size() == 1);
  }
  const auto first = std::find_if(calls.begin(), calls.end(), [](const Call& call) { return call.name == "alarm"; });
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
      run(injected(waiting.uploader(), calls[i], fault));
      for (int again = 0; again < 3 && !waiting.sandbox.pending("faults").empty(); ++again) {
        waiting.make_due();
        run(waiting.uploader());
      }
      CHECK(sessions_of(server).size() == 1);
      CHECK(waiting.sandbox.pending("faults").empty());
      CHECK(waiting.sandbox.active("faults").empty());
    }
}
