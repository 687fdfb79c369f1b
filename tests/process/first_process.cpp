// A host that is the first process of a container: what is sent to it kills it only where it has a handler, and all
// others end with it.
#include <doctest/doctest.h>

#include <signal.h>

#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

Command as_first_process(const Command& command) {
  Command changed = command;
  changed.program = "unshare";
  changed.arguments = {"--map-root-user", "--pid", "--fork", "--mount-proc", command.program.string()};
  changed.arguments.insert(changed.arguments.end(), command.arguments.begin(), command.arguments.end());
  return changed;
}

bool possible() {
  Command command{"true", {}};
  command.inherit_environment = true;
  if (run(as_first_process(command)).exit_code == 0) return true;
  MESSAGE("skipped: this machine allows no namespaces of one's own");
  return false;
}

/// The only child, as this process knows it.
pid_t child_of(pid_t parent) {
  const std::string id = std::to_string(parent);
  return std::stoi(read_file("/proc/" + id + "/task/" + id + "/children"));
}

/// How many of its children have ended and were not waited for.
int zombies_of(pid_t parent) {
  int count = 0;
  for (const std::string& task : names_in("/proc/" + std::to_string(parent) + "/task")) {
    std::istringstream children(read_file("/proc/" + std::to_string(parent) + "/task/" + task + "/children"));
    for (std::string child; children >> child;)
      count += read_file("/proc/" + child + "/stat").find(") Z ") != std::string::npos ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("first process: signals that it has no handler for do not end it, with a session as without") {
  if (!possible()) return;
  for (const char* const name : {"reporter_disabled", "reporter"}) {
    CAPTURE(std::string(name));
    Server server;
    Sandbox sandbox;
    Command command =
        sandbox.command(name, {"--url", server.url(), "--unattended", "on", "--wait-for-input", "--exit", "3"});
    command.open_input = true;
    Process process(as_first_process(command));
    process.wait_for_output("ready");
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) CHECK(::kill(child_of(process.id()), number) == 0);
    process.close_input();
    CHECK(process.wait().exit_code == 3);
  }
}

TEST_CASE("first process: as the parent of all whose parent has ended, it does not collect ended uploaders") {
  if (!possible()) return;
  Server server;
  Sandbox sandbox;
  Command command = sandbox.command(
      "reporter", {"--url", server.url(), "--unattended", "on", "--report-every", "100", "--event-per-line"});
  command.open_input = true;
  Process process(as_first_process(command));
  process.wait_for_output("ready");
  const pid_t first = child_of(process.id());
  for (std::size_t reports = 1; reports <= 3; ++reports) {
    server.wait_for(reports);
    CHECK(zombies_of(first) == 0);
    CHECK(sandbox.wait_for_no_uploader());
    CHECK(zombies_of(first) == 1);  // until the next one is started
    process.write("a line\n");
  }
  process.close_input();
  CHECK(process.wait().exit_code == 0);
}

TEST_CASE("first process: a fork's child that has the same number does not end its parent's session") {
  if (!possible()) return;
  Server server;
  Sandbox sandbox;
  sandbox.environment["ASAN_OPTIONS"] = "detect_leaks=0";  // it cannot work in a namespace whose /proc is another's
  CHECK(run(as_first_process(sandbox.command("ends", {"fork-into-a-namespace", server.url()}))).exit_code == 3);
  sandbox.run("ends", {"return", server.url()});
  for (const ReceivedRequest& request : server.wait_for(2))
    CHECK(json::parse(request.body)["outcome"]["exit_code"] == 3);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 2);
}

TEST_CASE("first process: its uploader ends with it, and the next run's sends the report") {
  if (!possible()) return;
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  Sandbox sandbox;
  const std::vector<std::string> arguments{"--url", server.url(), "--unattended", "on", "--exit", "3"};
  CHECK(run(as_first_process(sandbox.command("reporter", arguments))).exit_code == 3);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 1);
  server.answer([](const ReceivedRequest&) { return Answer{200}; });
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().empty());
}
