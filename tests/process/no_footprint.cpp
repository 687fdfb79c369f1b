#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"

// What the kernel sees of a program that uses the library.
namespace fs = std::filesystem;

namespace {

Command traced(const Sandbox& sandbox, const std::string& calls, const std::string& name,
               const std::vector<std::string>& arguments) {
  return under_strace(sandbox.command(name, arguments),
                      {"-f", "-e", "signal=none", "-e", "trace=" + calls, "-o", (sandbox.root() / "trace").string()});
}

/// The traced calls of each process, the first one's first.
std::vector<std::vector<std::string>> calls_of(const Sandbox& sandbox) {
  std::map<std::string, std::size_t> numbers;
  std::vector<std::vector<std::string>> processes;
  std::istringstream trace(read_file(sandbox.root() / "trace"));
  for (std::string process, line; trace >> process && std::getline(trace >> std::ws, line);) {
    const auto [found, is_new] = numbers.emplace(process, processes.size());
    if (is_new) processes.emplace_back();
    processes[found->second].push_back(line);
  }
  return processes;
}

bool is_call(const std::string& line, const std::string& name) {
  return line.compare(0, name.size() + 1, name + "(") == 0;
}

/// What a program asks of the file system, the network and of processes, without what differs from start to start.
std::vector<std::string> footprint(const std::string& name, const std::string& variable,
                                   const std::vector<std::string>& arguments) {
  Sandbox sandbox;
  if (!variable.empty())
    sandbox.environment[variable.substr(0, variable.find('='))] = variable.substr(variable.find('=') + 1);
  CHECK(run(traced(sandbox, "%file,%network,%process", name, arguments)).exit_code == 3);
  CHECK_FALSE(fs::exists(sandbox.home() / "state"));
  std::vector<std::string> all;
  for (const auto& process : calls_of(sandbox))
    for (std::string line : process) {
      line = std::regex_replace(line, std::regex("0x[0-9a-f]+"), "POINTER");
      all.push_back(std::regex_replace(line, std::regex("/programs/" + name + "\""), "/programs/NAME\""));
    }
  std::sort(all.begin(), all.end());  // the order in which libraries are loaded is the linker's affair
  return all;
}

/// Without what the loader does for shared libraries, and what these do for themselves when they are loaded: httplib
/// has OpenSSL read its configuration, whoever links it.
std::vector<std::string> without_shared_libraries(const std::vector<std::string>& calls) {
  std::vector<std::string> rest;
  for (const std::string& line : calls) {
    const bool library = line.find(".so") != line.npos || line.find("/openssl.cnf") != line.npos;
    const bool of_descriptor = line.find("newfstatat(3, \"\"") == 0 || line.find("fstat(3") == 0;
    if (!library && !of_descriptor) rest.push_back(line);
  }
  return rest;
}

void check_equal(const std::vector<std::string>& with, const std::vector<std::string>& without) {
  std::string only_with, only_without;
  for (const std::string& line : with)
    if (std::find(without.begin(), without.end(), line) == without.end()) only_with += line + "\n";
  for (const std::string& line : without)
    if (std::find(with.begin(), with.end(), line) == with.end()) only_without += line + "\n";
  CHECK(only_with == "");
  CHECK(only_without == "");
  CHECK(with.size() == without.size());
}

const std::vector<std::string> work{
    "--url", "http://127.0.0.1:9/", "--unattended", "on", "--field", "--print", "done", "--exit", "3"};

}  // namespace

TEST_CASE(
    "no footprint: with reports on the host opens no socket and starts no thread; its only child is the uploader") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  std::vector<std::string> arguments = work;
  arguments[1] = server.url();
  Process process(traced(sandbox, "%network,%process", "reporter", arguments));
  server.wait_for(1);
  sandbox.end_uploaders();
  CHECK(process.wait().exit_code == 3);

  const auto processes = calls_of(sandbox);
  REQUIRE(processes.size() >= 2);  // the host, the uploader, and threads that the uploader may have
  int children = 0;
  for (const std::string& line : processes[0]) {
    CAPTURE(line);
    if (is_call(line, "clone") || is_call(line, "clone3") || is_call(line, "fork") || is_call(line, "vfork")) {
      ++children;
      CHECK(line.find("CLONE_THREAD") == std::string::npos);
      CHECK((is_call(line, "vfork") || line.find("CLONE_VM") != std::string::npos));  // no copy of the memory
    } else {
      CHECK((is_call(line, "execve") || is_call(line, "exit_group") || is_call(line, "wait4") || line[0] == '+' ||
             line[0] == '<'));
    }
  }
  CHECK(children == 1);
  std::size_t sockets = 0, programs = 0;
  for (std::size_t other = 1; other < processes.size(); ++other)
    for (const std::string& line : processes[other]) {
      sockets += is_call(line, "socket") ? 1 : 0;
      programs += is_call(line, "execve") ? 1 : 0;
    }
  CHECK(programs == 1);
  CHECK(sockets > 0);  // it is the uploader that speaks, so that our eyes are open
}

TEST_CASE(
    "no footprint: switched off by the environment, every call is one that the program without the library makes") {
  if (!can_trace()) return;
  for (const std::string& variable :
       {std::string("DO_NOT_TRACK=1"), std::string("REPORTER_USAGE_STATS_ENABLED=0"),
        std::string("REPORTER_USAGE_STATS_ENABLED=whatever"), std::string("REPORTER_NO_TELEMETRY="), std::string()}) {
    CAPTURE(variable);
    std::vector<std::string> arguments = work;
    if (variable.empty()) arguments.push_back("--disable-usage-stats");
    const std::vector<std::string> without = footprint("reporter_disabled", variable, arguments);
    check_equal(footprint("reporter_curl", variable, arguments), without);
    check_equal(without_shared_libraries(footprint("reporter", variable, arguments)),
                without_shared_libraries(without));
  }
}

TEST_CASE("no footprint: switched off by any other rule, nothing is written, sent or started") {
  if (!can_trace()) return;
  struct Rule {
    const char* what;
    std::vector<std::string> arguments;
    const char* config;
    const char* policy;
  };
  for (const Rule& rule : {Rule{"rule=1\n", {"--app", "no app name"}, "", ""},
                           {"rule=6\n", {}, "{\"usage_stats\": true}", "{\"usage_stats\": false}"},
                           {"rule=8\n", {"--official", "no"}, "{\"usage_stats\": true}", ""},
                           {"rule=9\n", {}, "{\"usage_stats\": false}", ""},
                           {"rule=10\n", {}, "{broken", ""},
                           {"rule=10\n", {}, "{\"usage_stats\": true}", "{\"usage_stats\": 7}"},
                           {"rule=11\n", {"--consent", "opt_in"}, "", ""},
                           {"rule=15\n", {"--unattended", "off"}, "", ""}}) {
    CAPTURE(std::string(rule.what));
    Sandbox sandbox;
    if (*rule.config != '\0') write_file(sandbox.config_file(), rule.config);
    const fs::path policy = sandbox.root() / "policy.json";
    if (*rule.policy != '\0') write_file(policy, rule.policy);
    std::vector<std::string> arguments = work;
    arguments.insert(arguments.end(), {"--policy-file", policy.string(), "--info"});
    arguments.insert(arguments.end(), rule.arguments.begin(), rule.arguments.end());
    const auto before = tree(sandbox.home());
    const Result result = run(traced(sandbox, "%file,%network,%process,write", "reporter", arguments));
    CHECK(result.exit_code == 3);
    CHECK(result.out.find(std::string("verdict=off\n") + rule.what) != std::string::npos);
    CHECK(result.err == "");
    CHECK(tree(sandbox.home()) == before);
    const auto processes = calls_of(sandbox);
    CHECK(processes.size() == 1);
    for (const std::string& line : processes.at(0)) {
      CAPTURE(line);
      const bool to_standard_output = is_call(line, "write") && line.compare(0, 8, "write(1,") == 0;
      CHECK((to_standard_output || !is_call(line, "write")));
      for (const char* const call : {"socket", "connect", "clone", "clone3", "fork", "vfork", "mkdir", "mkdirat",
                                     "rename", "renameat", "unlink", "unlinkat", "chmod", "fchmod"})
        CHECK_FALSE(is_call(line, call));
      CHECK(line.find("O_CREAT") == std::string::npos);
    }
  }
}
