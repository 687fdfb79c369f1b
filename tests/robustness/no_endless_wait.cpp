// Nothing in the host waits forever, even if a signal handler or a fork comes at the worst moment.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "sandbox.hpp"

namespace {

Result run_interrupted(const Sandbox& sandbox, std::vector<std::string> arguments) {
  Command command = sandbox.command("interrupted", std::move(arguments));
  command.environment["INTERRUPTED_USAGE_STATS_ENABLED"] = "1";
  command.time_limit = std::chrono::seconds(50);
  return run(command);
}

}  // namespace

TEST_CASE("no endless wait: a handler exits during set(), and a static destructor uses the session") {
  Sandbox sandbox;
  sandbox.collect = false;
  for (int i = 0; i < 60; ++i) {
    const std::string microseconds = std::to_string(1000 + i * 37);
    CAPTURE(microseconds);
    CHECK(run_interrupted(sandbox, {"exit-in-set", microseconds}).exit_code == 13);
  }
}

TEST_CASE("no endless wait: a handler declares a field while its own thread does") {
  const Sandbox sandbox;
  CHECK(run_interrupted(sandbox, {"declare-in-handler"}).exit_code == 11);
}

TEST_CASE("no endless wait: the session ends though a thread was stopped for good in the middle of a call") {
  Sandbox sandbox;
  sandbox.collect = false;
  for (int i = 0; i < 5; ++i) {
    const std::string microseconds = std::to_string(5000 + i * 4100);
    CAPTURE(microseconds);
    CHECK(run_interrupted(sandbox, {"stop-in-call", microseconds}).exit_code == 11);
  }
}

TEST_CASE("no endless wait: a fork's child whose parent's thread has the dynamic linker's lock has a session") {
  const Sandbox sandbox;
  CHECK(run_interrupted(sandbox, {"fork-in-loader"}).exit_code == 11);
}

TEST_CASE("no endless wait: a fork's child whose parent's thread was declaring a field has a session") {
  const Sandbox sandbox;
  CHECK(run_interrupted(sandbox, {"fork-in-dictionary"}).exit_code == 11);
}

TEST_CASE("no endless wait: a fork's child whose parent's thread was in a session has one that is recorded") {
  const Sandbox sandbox;
  CHECK(run_interrupted(sandbox, {"fork-in-session"}).exit_code == 11);
}

TEST_CASE("no endless wait: no static variable is made where a handler that interrupts it would wait for it") {
  Command command{"sh", {"-c", "nm -C \"$0\" | grep 'guard variable for usage_stats::'"}};
  command.inherit_environment = true;
  command.arguments.push_back(std::string(USAGE_STATS_TEST_PROGRAMS) + "/interrupted");
  const Result found = run(command);
  CHECK(found.out == "");
  CHECK(found.exit_code == 1);                                               // of grep: nothing found
  command.arguments[1] = "nm -C \"$0\" | grep -c 'usage_stats::.*Session'";  // there are names to be found
  CHECK(run(command).exit_code == 0);
}
