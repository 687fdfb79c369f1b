// Where nothing outlives the host, its end waits a moment for the report to be sent.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// The command as the first process of a namespace, or behind so many shells, the first of which is that.
Command in_container(const Command& command, int shells, const std::string& name_of_first = "sh") {
  Command changed = command;
  changed.program = "unshare";
  changed.arguments = {"--map-root-user", "--pid", "--fork", "--mount-proc"};
  // Its name is what tells an init; the exit code must be the program's.
  const std::string naming = "printf " + name_of_first + " >/proc/self/comm; ", then = "\"$0\" \"$@\"; exit $?";
  for (int shell = 0; shell < shells; ++shell)
    changed.arguments.insert(changed.arguments.end(), {"sh", "-c", (shell == 0 ? naming : "") + then});
  changed.arguments.push_back(command.program.string());
  changed.arguments.insert(changed.arguments.end(), command.arguments.begin(), command.arguments.end());
  return changed;
}

bool possible() {
  Command command{"true", {}};
  command.inherit_environment = true;
  if (run(in_container(command, 1)).exit_code == 0) return true;
  MESSAGE("skipped: this machine allows no namespaces of one's own");
  return false;
}

std::vector<std::string> detached(const std::string& url, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"--url", url, "--unattended", "on", "--exit", "3"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

milliseconds time_of(const Command& command, int exit_code = 3) {
  const auto start = Clock::now();
  const Result result = run(command);
  CAPTURE(result.err);
  CHECK(result.exit_code == exit_code);
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

}  // namespace

TEST_CASE("containers: the reports of a first process, and of a child of one that is no init, get away") {
  if (!possible()) return;
  for (const int shells : {0, 1}) {
    CAPTURE(shells);
    // Slow enough that a process which ends at once takes its uploader with it.
    const Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, milliseconds(100)}; });
    const Sandbox sandbox;
    for (int i = 0; i < 4; ++i) time_of(in_container(sandbox.command("reporter", detached(server.url())), shells));
    CHECK(server.requests().size() == 4);
    CHECK(sandbox.pending().empty());
  }
}

TEST_CASE("containers: what is named as one of the small inits of container engines ends with its child") {
  if (!possible()) return;
  const Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, milliseconds(100)}; });
  const Sandbox sandbox;
  for (const char* const name : {"tini", "dumb-init", "docker-init", "catatonit"})
    time_of(in_container(sandbox.command("reporter", detached(server.url())), 1, name));
  CHECK(server.requests().size() == 4);
}

TEST_CASE("containers: a silent server is waited for so long and no longer, and once it is in back-off not at all") {
  if (!possible()) return;
  const Server silent([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  const Sandbox sandbox;
  const milliseconds first =
      time_of(in_container(sandbox.command("reporter", detached(silent.url(), {"--container-wait", "1500"})), 0));
  CHECK(first >= milliseconds(1500));
  CHECK(first < milliseconds(6000));
  const SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox other;
  run(in_container(other.command("reporter", detached(dead.url())), 0));
  REQUIRE(state_of(other)["backoff"].contains(dead.url()));
  Command command = other.command("reporter", detached(dead.url(), {"--container-wait", "60000"}));
  command.environment["USAGE_STATS_DEBUG"] = "1";
  CHECK(run(in_container(command, 0)).err.find("waits for its uploader") == std::string::npos);
}

TEST_CASE("containers: nobody waits with container_wait 0, under an init that stays, or outside of any container") {
  if (!possible()) return;
  const Server silent([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  const auto waits = [&](const Command& command) {
    Command telling = command;
    telling.environment["USAGE_STATS_DEBUG"] = "1";
    return run(telling).err.find("waits for its uploader") != std::string::npos;
  };
  const auto fresh = [&](const std::vector<std::string>& more, const auto& change) {
    const Sandbox sandbox;
    return waits(change(sandbox.command("reporter", detached(silent.url(), more))));
  };
  CHECK(fresh({}, [](const Command& c) { return in_container(c, 0); }));
  CHECK_FALSE(fresh({"--container-wait", "0"}, [](const Command& c) { return in_container(c, 0); }));
  for (const char* const init : {"systemd", "init", "runit", "s6-svscan"})
    CHECK_FALSE(fresh({}, [&](const Command& c) { return in_container(c, 1, init); }));
  // A script in the container may run the program a thousand times.
  CHECK_FALSE(fresh({}, [](const Command& c) { return in_container(c, 2); }));
  CHECK_FALSE(fresh({}, [](const Command& c) { return c; }));
}
