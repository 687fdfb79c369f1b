// Programs of several source files, of several copies of the library, and without exceptions or RTTI: they are built by
// programs/variants.cmake, and run and send here.
#include <usage_stats.hpp>

#include <doctest/doctest.h>

#include <signal.h>

#include <filesystem>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"

using nlohmann::json;

namespace {

const std::string version = std::to_string(USAGE_STATS_VERSION_MAJOR) + "." +
                            std::to_string(USAGE_STATS_VERSION_MINOR) + "." + std::to_string(USAGE_STATS_VERSION_PATCH);

/// Runs it; both of its sessions must be reported and delivered. Returns the report of the one elsewhere.
json run_both(const std::string& name, const std::string& version_elsewhere) {
  CAPTURE(name);
  Server server;
  Sandbox sandbox;
  for (const char* const app : {"UNITS", "ELSEWHERE"})
    sandbox.environment[std::string(app) + "_USAGE_STATS_ENABLED"] = "1";  // no notice
  const Result result = sandbox.run(name, {server.url()});
  CHECK(result.exit_code == 7);
  CHECK(result.out == "main " + version + "\nelsewhere " + version_elsewhere + "\n");
  CHECK(result.err == "");

  const json main = sandbox.report("units"), elsewhere = sandbox.report("elsewhere");
  CHECK(main["app"] == json{{"name", "units"}, {"version", "1.0.0"}});
  CHECK(main["fields"] == json{{"where", "in main"}});
  CHECK(main["counters"] == json{{"calls", 1}});
  CHECK(main["events"][0]["fields"] == json{{"where", "from main"}});
  CHECK(main["stages"][0]["status"] == "ok");
  CHECK(main["outcome"] == json{{"status", "failed"}, {"exit_code", 7}});
  CHECK(elsewhere["app"] == json{{"name", "elsewhere"}, {"version", "2.0.0"}});
  CHECK(elsewhere["outcome"] == json{{"status", "failed"}, {"exit_code", 7}});

  const auto requests = server.wait_for(2);
  REQUIRE(requests.size() == 2);
  CHECK(json::parse(requests[0].body) == elsewhere);
  CHECK(json::parse(requests[1].body) == main);
  return elsewhere;
}

}  // namespace

TEST_CASE("two units: one program, one library") {
  CHECK(run_both("two_units", version)["fields"] == json{{"where", "elsewhere"}});
}

TEST_CASE("two units: two versions in one program, where one name means two things") {
  const std::string other = "99" + version.substr(version.find('.'));
  CHECK(run_both("two_versions", other)["fields"] == json{{"where", true}});
}

TEST_CASE("two units: two forms in one program") {
  CHECK(run_both("two_forms", version)["fields"] == json{{"where", "elsewhere"}});
}

TEST_CASE("two units: without exceptions, without RTTI, and without either") {
  for (const char* const name : {"no_exceptions", "no_rtti", "neither"})
    CHECK(run_both(name, version)["fields"] == json{{"where", "elsewhere"}});
}

TEST_CASE("two units: without exceptions and RTTI, too, signals are seen and interim reports sent") {
  for (const char* const name : {"no_exceptions", "no_rtti", "neither"}) {
    CAPTURE(std::string(name));
    Server server;
    Sandbox sandbox;
    sandbox.environment["UNITS_USAGE_STATS_ENABLED"] = "1";
    Process process(sandbox.command(name, {server.url(), "until-a-signal"}));
    const json interim = json::parse(server.wait_for(1)[0].body);
    CHECK(interim["outcome"] == json{{"status", "running"}});
    CHECK(interim["final"] == false);
    process.signal(SIGTERM);
    CHECK(process.wait().signal == SIGTERM);
    const json last = json::parse(server.wait_for(2).back().body);
    CHECK(last["outcome"] == json{{"status", "signal"}, {"signal", "SIGTERM"}});
    CHECK(last["final"] == true);
    CHECK(last["session_id"] == interim["session_id"]);
  }
}

TEST_CASE("two units: without exceptions and RTTI, too, the one constructor answers the command and takes the flag") {
  for (const char* const name : {"no_exceptions", "no_rtti", "neither"}) {
    CAPTURE(std::string(name));
    const Server server;
    Sandbox sandbox;
    CHECK(sandbox.run(name, {"usage-stats", "no-such-command"}).exit_code == 2);
    const Result result = sandbox.run(name, {"usage-stats", "disable"});
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("Usage statistics of units are switched off.") == 0);
    std::filesystem::remove(sandbox.config_file("units"));
    CHECK(sandbox.run(name, {server.url(), "--disable-usage-stats"}).exit_code == 7);
    CHECK(sandbox.report_files("units").empty());
    CHECK(server.wait_for(1).size() == 1);  // of the session elsewhere, which knows no arguments
  }
}

TEST_CASE("two units: without exceptions and RTTI, too, a host goes on where no thread and no process can be had") {
  if (!can_trace()) return;
  for (const char* const name : {"two_units", "no_exceptions", "neither"}) {
    CAPTURE(std::string(name));
    const Server server;
    Sandbox sandbox;
    for (const char* const app : {"UNITS", "ELSEWHERE"})
      sandbox.environment[std::string(app) + "_USAGE_STATS_ENABLED"] = "1";
    const std::string calls = sandbox.root() / "calls";
    const Result result = run(under_strace(sandbox.command(name, {server.url(), "briefly"}),
                                           {"-e", "inject=clone,clone3:error=EAGAIN", "-o", calls}));
    CHECK(result.exit_code == 7);
    CHECK(result.err == "");
    CHECK(read_file(calls).find("CLONE_THREAD") != std::string::npos);
    CHECK(sandbox.pending("units").size() == 1);
    CHECK(server.requests().empty());
  }
}

TEST_CASE("two units: linked statically, where a program has no dynamic linker that knows its parts") {
  for (const char* const name : {"units_static", "units_static_pie"}) {
    if (!std::filesystem::exists(program(name))) {
      MESSAGE("skipped: " << name << " was not built: a sanitizer, or no static libraries here");
      continue;
    }
    CHECK(run_both(name, version)["fields"] == json{{"where", "elsewhere"}});
  }
}
