// The values of a report against what other programs say about the same machine.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <ctime>
#include <regex>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "schema.hpp"
#include "server.hpp"

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

std::string said_by(const std::string& shell_command) {
  Command command{"/bin/sh", {"-c", shell_command}};
  command.environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
  std::string text = run(command).out;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<std::string> keys(const ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

/// The `system` part of a report of a program with this environment.
json system_with(const std::map<std::string, std::string>& variables) {
  Sandbox sandbox;
  for (const auto& [name, value] : variables) sandbox.environment[name] = value;
  sandbox.run("reporter", {});
  return sandbox.report()["system"];
}

/// Milliseconds since 1970 of a report's time stamp, by the C library's own calendar.
std::int64_t milliseconds_of(const std::string& stamp) {
  std::tm parts{};
  REQUIRE(::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) != nullptr);
  return std::int64_t{::timegm(&parts)} * 1000 + std::stoi(stamp.substr(20, 3));
}

std::int64_t milliseconds_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

const std::vector<std::string> everything = {"--unattended", "on",           "--delivery",  "wait",    "--dependency",
                                             "zlib=1.2.13",  "--subcommand", "cp",          "--field", "--throw-nested",
                                             "--as",         "cp",           "--threads=8", "data.bam"};

}  // namespace

TEST_CASE("report v1: every key, in its order") {
  Server server;
  Sandbox sandbox;
  std::vector<std::string> arguments{"--url", server.url()};
  arguments.insert(arguments.end(), everything.begin(), everything.end());
  sandbox.run("reporter", arguments);
  REQUIRE(sandbox.report_files().size() == 1);
  const std::string text = read_file(sandbox.report_files()[0]);
  CHECK(schema_problem(text) == "");
  CHECK(text.back() == '\n');

  const ordered_json report = ordered_json::parse(text);
  CHECK(keys(report) == Names{"schema", "client_id", "session_id", "sequence", "final", "app", "build", "system",
                              "command", "started_at", "ended_at", "duration_s", "outcome", "fields", "counters",
                              "events", "stages", "delivery"});
  CHECK(keys(report["app"]) == Names{"name", "version"});
  CHECK(keys(report["build"]) == Names{"compiler", "cxx_standard", "type", "dependencies"});
  CHECK(keys(report["system"]) ==
        Names{"os", "os_version", "kernel", "arch", "cpus", "memory_gb", "libc", "ci", "container", "interactive"});
  CHECK(keys(report["command"]) == Names{"name", "arguments"});
  CHECK(keys(report["outcome"]) == Names{"status", "error"});
  CHECK(keys(report["outcome"]["error"]) == Names{"type", "message", "causes"});
  CHECK(keys(report["events"][0]) == Names{"name", "at_s", "fields"});
  CHECK(keys(report["stages"][0]) == Names{"name", "at_s", "duration_s", "status", "fields"});
  CHECK(keys(report["delivery"]) == Names{"sent", "failed", "dropped"});
}

TEST_CASE("report v1: what the program says of itself and of its run") {
  Server server;
  Sandbox sandbox;
  std::vector<std::string> arguments{"--url", server.url()};
  arguments.insert(arguments.end(), everything.begin(), everything.end());
  sandbox.run("reporter", arguments);
  const json report = sandbox.report();
  CHECK(report["schema"] == "usage-stats/1");
  CHECK(report["sequence"] == 1);
  CHECK(report["final"] == true);
  CHECK(report["app"] == json{{"name", "reporter"}, {"version", "1.2.3"}});
  CHECK(report["build"]["dependencies"] == json{{"zlib", "1.2.13"}});
  CHECK(report["command"] == json{{"name", "cp"}, {"arguments", {"cp", "--threads=<int>", "<path>"}}});
  CHECK(report["fields"]["verified"] == true);
  CHECK(report["fields"]["records"] == 42);
  CHECK(report["fields"]["throughput_gbps"] == 3.2);
  CHECK(report["fields"]["input_format"] == "mcool");
  CHECK(report["fields"]["note"] == "a few plain words");
  CHECK(report["counters"] == json{{"cache_hits", 41}});
  CHECK(report["events"][0]["fields"] == json{{"model_size", 1048576}});
  CHECK(report["stages"][0]["fields"] == json{{"records", 7}});
  CHECK(report["delivery"] == json{{"sent", 0}, {"failed", 0}, {"dropped", 0}});
}

TEST_CASE("report v1: earlier deliveries are counted") {
  Server server;
  Sandbox sandbox;
  const std::vector<std::string> arguments{"--url", server.url(), "--unattended", "on", "--delivery", "wait"};
  json last;
  for (int i = 0; i < 3; ++i) {
    sandbox.run("reporter", arguments);
    REQUIRE(sandbox.wait_for_no_uploader());
  }
  CHECK(json::parse(server.requests().back().body)["delivery"] == json{{"sent", 2}, {"failed", 0}, {"dropped", 0}});
}

TEST_CASE("report v1: without arguments, fields and an end, nothing is made up") {
  Sandbox sandbox;
  sandbox.run("reporter", {"--argument-detail", "none", "--no-arguments"});
  const json report = sandbox.report();
  CHECK(report["command"] == json::object());
  CHECK(report["outcome"] == json{{"status", "ok"}, {"exit_code", 0}});
  for (const char* const part : {"fields", "counters"}) CHECK(report[part] == json::object());
  for (const char* const part : {"events", "stages"}) CHECK(report[part] == json::array());
  for (const char* const part : {"client_id", "truncated"}) CHECK_FALSE(report.contains(part));
}

TEST_CASE("report v1: the build") {
  Sandbox sandbox;
  sandbox.run("reporter", {});
  const json build = sandbox.report()["build"];
  const bool clang = std::string(USAGE_STATS_CXX).find("clang") != std::string::npos;
  const std::string version = said_by(std::string(USAGE_STATS_CXX) + (clang ? " -dumpversion" : " -dumpfullversion"));
  CHECK(build["compiler"] == (clang ? "Clang " : "GCC ") + version);
  CHECK(build["cxx_standard"] == __cplusplus / 100 % 100);
#if defined(NDEBUG)
  CHECK(build["type"] == "release");
#else
  CHECK(build["type"] == "debug");
#endif
  CHECK_FALSE(build.contains("dependencies"));
}

TEST_CASE("report v1: the system") {
  const json system = system_with({});
  CHECK(system["os"] == said_by("uname -s | tr A-Z a-z"));
  CHECK(system["arch"] == said_by("uname -m"));
  CHECK(system["cpus"] == std::stoi(said_by("nproc")));
  CHECK(system["libc"] == said_by("getconf GNU_LIBC_VERSION"));
  CHECK(system["os_version"] == said_by(". /etc/os-release; echo \"$NAME${VERSION_ID:+ $VERSION_ID}\""));
  // A kernel's name may go on with what identifies a machine.
  const std::string kernel = system["kernel"];
  CHECK(std::regex_match(kernel, std::regex("[0-9]+(\\.[0-9]+)*")));
  CHECK(said_by("uname -r").compare(0, kernel.size(), kernel) == 0);
}

TEST_CASE("report v1: the memory is the nearest power of two") {
  const double gib = std::stod(said_by("awk '/MemTotal/ { print $2 / 1048576 }' /proc/meminfo"));
  const auto reported = system_with({})["memory_gb"].get<std::uint64_t>();
  CHECK((reported & (reported - 1)) == 0);
  if (gib > 1) CHECK(std::abs(std::log2(static_cast<double>(reported) / gib)) < 0.51);
}

TEST_CASE("report v1: the processors are those that the program may use") {
  Sandbox sandbox;
  Command command = sandbox.command("reporter");
  command.arguments = {"--cpu-list", said_by("taskset -cp $$ | sed 's/.*: //; s/[-,].*//'"), command.program.string()};
  command.program = "/usr/bin/taskset";
  REQUIRE(run(command).exit_code == 0);
  CHECK(sandbox.report()["system"]["cpus"] == 1);
}

TEST_CASE("report v1: continuous integration") {
  CHECK(system_with({})["ci"] == false);
  for (const char* const name : {"CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD"}) {
    CAPTURE(std::string(name));
    CHECK(system_with({{name, "true"}})["ci"] == true);
  }
  CHECK(system_with({{"CI", "1"}})["ci"] == true);
  CHECK(system_with({{"CI", "false"}})["ci"] == false);
  CHECK(system_with({{"CI", ""}})["ci"] == false);
}

TEST_CASE("report v1: containers") {
  CHECK(system_with({{"container", "podman"}})["container"] == true);
  CHECK(system_with({{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}})["container"] == true);
  const bool here = said_by("test -e /.dockerenv || test -e /run/.containerenv; echo $?") == "0";
  CHECK(system_with({})["container"] == here);
}

TEST_CASE("report v1: a terminal") {
  const auto interactive_at_a_terminal = [](const std::map<std::string, std::string>& variables) {
    Sandbox sandbox;
    Command command = sandbox.command("reporter");
    command.arguments = {"-c", "import pty, sys; pty.spawn(sys.argv[1:])", command.program.string()};
    command.program = USAGE_STATS_PYTHON;
    for (const auto& [name, value] : variables) command.environment[name] = value;
    run(command);
    return sandbox.report()["system"]["interactive"].get<bool>();
  };
  CHECK(interactive_at_a_terminal({{"TERM", "xterm"}}));
  CHECK_FALSE(interactive_at_a_terminal({{"TERM", "dumb"}}));
  CHECK_FALSE(interactive_at_a_terminal({{"TERM", "xterm"}, {"CI", "1"}}));
  CHECK(system_with({{"TERM", "xterm"}})["interactive"] == false);
}

TEST_CASE("report v1: the times are those of the run") {
  Sandbox sandbox;
  const std::int64_t before = milliseconds_now();
  sandbox.run("reporter", {"--field"});
  const std::int64_t after = milliseconds_now();
  const json report = sandbox.report();
  const std::int64_t started = milliseconds_of(report["started_at"]), ended = milliseconds_of(report["ended_at"]);
  CHECK(before <= started);
  CHECK(started <= ended);
  CHECK(ended <= after);
  CHECK(report["duration_s"].get<double>() * 1000 <= static_cast<double>(after - before) + 1);
}

TEST_CASE("report v1: a clock that jumps back gives no negative duration") {
  Sandbox sandbox;
  REQUIRE(sandbox.run("jumping_clock").exit_code == 0);
  const json report = sandbox.report("jumping_clock");
  CHECK(milliseconds_of(report["ended_at"]) < milliseconds_of(report["started_at"]));
  CHECK(report["duration_s"] >= 0);
  CHECK(report["events"][0]["at_s"] >= 0);
  CHECK(report["stages"][0]["duration_s"] >= 0);
}
