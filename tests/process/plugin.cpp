// In a plugin that its host loads and really unloads: nothing of the library is called any more, and each run counts.
#include <doctest/doctest.h>

#include <signal.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

struct End {
  const char* how;
  int exit_code, signal;
};
const End ends[] = {{"return", 5, 0},
                    {"quick-exit", 5, 0},
                    {"abort", -1, SIGABRT},
                    {"SIGTERM", -1, SIGTERM},
                    {"exception", -1, SIGABRT}};

Result run_host(const Sandbox& sandbox, const Server& server, const std::string& how, const std::string& times,
                const std::string& end) {
  Command command =
      sandbox.command("plugin_host", {program("plugin_unloadable.so").string(), server.url(), how, times, end});
  command.limits.emplace_back(RLIMIT_CORE, 0);
  command.environment["ASAN_OPTIONS"] = "detect_leaks=0";  // what is never destroyed, for handlers that run to the end
  if (how == "logging") command.environment["USAGE_STATS_DEBUG"] = "1";
  return run(command);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// What the uploader of another program makes of it: each run is there once, with its true end.
void check_sent(const Sandbox& sandbox, const Server& server, std::size_t runs) {
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending().empty());
  std::map<std::string, json> sessions;
  for (const ReceivedRequest& request : server.requests()) {
    const json report = json::parse(request.body);
    if (report["final"] == true) sessions[report["session_id"].get<std::string>()] = report["outcome"];
  }
  CHECK(sessions.size() == runs + 1);
  for (const auto& [session, outcome] : sessions) CHECK(outcome["status"] == "ok");
}

}  // namespace

TEST_CASE("plugin: unloaded after its run, before its host ends in any way") {
  for (const End& end : ends)
    for (const char* const how : {"detached", "kept", "left"}) {
      CAPTURE(end.how);
      CAPTURE(how);
      Server server;
      const Sandbox sandbox;
      const Result result = run_host(sandbox, server, how, "2", end.how);
      CHECK(result.exit_code == end.exit_code);
      CHECK(result.signal == end.signal);
      CHECK(contains(result.out, "\nunloaded\n"));
      CHECK_FALSE(contains(result.out, "\nloaded\n"));
      check_sent(sandbox, server, 2);
    }
}

TEST_CASE("plugin: one that sends by itself, or reports again and again, stays in memory") {
  for (const char* const how : {"in_process", "logging"}) {
    CAPTURE(how);
    Server server;
    const Sandbox sandbox;
    const Result result = run_host(sandbox, server, how, "1", "return");
    CHECK(result.exit_code == 5);
    CHECK(result.signal == 0);
    CHECK(contains(result.out, "\nloaded\n"));
    check_sent(sandbox, server, 1);
  }
}

TEST_CASE("plugin: in a namespace of its own it is not taken for the program, which is not started once more") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer can be in one namespace only");
#else
  Server server;
  Sandbox sandbox;
  sandbox.environment["PLUGIN_APART"] = "1";
  const Result result = run_host(sandbox, server, "detached", "1", "return");
  CHECK(result.exit_code == 5);
  CHECK(contains(result.out, "problem=this code is not part of the main executable"));
  CHECK(sandbox.uploaders().empty());
  CHECK(sandbox.pending().size() == 1);
  check_sent(sandbox, server, 1);
#endif
}
