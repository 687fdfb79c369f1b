// The README's programs and its picture of a terminal, taken from the README (programs/readme/programs.cmake), as a new
// user meets them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace {

struct Person {
  Server server;
  Sandbox sandbox;

  /// What a run at a terminal shows.
  std::string types(const std::vector<std::string>& arguments) {
    Command command = sandbox.command("mytool", arguments);
    command.environment["TERM"] = "xterm";
    command.environment["MYTOOL_USAGE_STATS_ENDPOINT"] = server.url();
    Terminal terminal(command);
    CHECK(terminal.wait().exit_code == 0);
    return terminal.screen();
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The blocks of the README that begin with this fence.
std::vector<std::string> blocks(const std::string& fence) {
  const std::string text = read_file(source_file("README.md"));
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
    const std::size_t begin = at + fence.size(), end = text.find("```", begin);
    found.push_back(text.substr(begin, end - begin));
    at = end + 3;
  }
  return found;
}

}  // namespace

TEST_CASE("readme program: each complete program of the README is built, and has a test case here") {
  std::size_t complete = 0;
  for (const std::string& block : blocks("```cpp\n")) complete += has(block, "int main(") ? 1 : 0;
  CHECK(complete == 2);
  for (const char* const name : {"mytool", "readme_2"}) CHECK(std::filesystem::exists(program(name)));
}

TEST_CASE("readme program: the picture of the first run is what a terminal shows") {
  const auto pictures = blocks("```console\n$ mytool ");
  REQUIRE(pictures.size() == 1);
  const std::string& picture = pictures[0];
  const std::size_t line = picture.find('\n'), second = picture.find("\n$ mytool usage-stats disable\n");
  REQUIRE(second != std::string::npos);
  const Sandbox sandbox;
  const auto shows = [&](const std::vector<std::string>& arguments) {
    Command command = sandbox.command("mytool", arguments);
    command.environment["TERM"] = "xterm";
    for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"}) command.environment.erase(name);
    Terminal terminal(command);
    CHECK(terminal.wait().exit_code == 0);
    return terminal.screen();
  };
  CHECK(shows({picture.substr(0, line)}) == picture.substr(line + 1, second - line));
  const std::string disabled = shows({"usage-stats", "disable"});
  const std::string said = picture.substr(picture.find('\n', second + 1) + 1);
  CHECK(disabled.substr(0, disabled.find('/')) == said.substr(0, said.find('/')));  // up to the name of the home folder
}

TEST_CASE("readme program: its first program shows the notice, answers its command, reports, and stops when told to") {
  Person person;
  const std::string first = person.types({"a", "b"});
  CHECK_MESSAGE(has(first, "mytool collects usage statistics"), first);
  CHECK_MESSAGE(has(first, "To stop it: mytool usage-stats disable"), first);
  CHECK(has(first, "\ntransferred a b\n"));

  const std::string status = person.types({"usage-stats", "status"});
  CHECK_MESSAGE(has(status, "mytool 1.4.2: usage statistics are on"), status);
  CHECK_MESSAGE(has(status, person.server.url()), status);
  CHECK_MESSAGE(has(status, "to change     mytool usage-stats disable"), status);
  CHECK_FALSE(has(status, "transferred"));
  CHECK(person.sandbox.wait_for_no_uploader());
  CHECK(person.server.requests().empty());  // nothing of the first run

  CHECK(person.types({"a", "b"}) == "transferred a b\n");
  const auto requests = person.server.wait_for(1);
  REQUIRE(requests.size() == 1);
  const auto report = nlohmann::json::parse(requests[0].body);
  CHECK(report["outcome"] == nlohmann::json({{"status", "ok"}, {"exit_code", 0}}));
  CHECK(report["fields"] == nlohmann::json({{"throughput_gbps", 3.2}}));

  CHECK(person.types({"--disable-usage-stats", "a"}) == "transferred a\n");
  const std::string disabled = person.types({"usage-stats", "disable"});
  CHECK_MESSAGE(has(disabled, "Usage statistics of mytool are switched off."), disabled);
  for (int runs = 0; runs < 3; ++runs) CHECK(person.types({"a"}) == "transferred a\n");
  CHECK(has(person.types({"usage-stats", "status"}), "usage statistics are off"));
  CHECK(person.sandbox.wait_for_no_uploader());
  CHECK(person.server.requests().size() == 1);
}

TEST_CASE("readme program: the one in the part on recording reports what it says that it records") {
  Server server;
  Sandbox sandbox;
  const auto run = [&](const std::vector<std::string>& arguments) {
    Command command = sandbox.command("readme_2", arguments);
    command.environment["MYTOOL_USAGE_STATS_ENABLED"] = "1";
    command.environment["MYTOOL_USAGE_STATS_ENDPOINT"] = server.url();
    return ::run(command);
  };
  CHECK(run({"hic"}).exit_code == 0);
  auto requests = server.wait_for(1);
  REQUIRE(requests.size() == 1);
  auto report = nlohmann::json::parse(requests[0].body);
  CHECK(report["command"]["name"] == "align");
  CHECK(report["fields"] == nlohmann::json({{"format", "hic"}}));
  CHECK(report["counters"] == nlohmann::json({{"cache_hits", 3}}));
  CHECK(report["outcome"] == nlohmann::json({{"status", "ok"}, {"exit_code", 0}}));
  REQUIRE(report["stages"].size() == 1);
  CHECK(report["stages"][0]["name"] == "align");
  CHECK(report["stages"][0]["status"] == "ok");
  CHECK(report["stages"][0]["fields"] == nlohmann::json({{"blocks", 12}}));
  REQUIRE(report["events"].size() == 1);
  CHECK(report["events"][0]["fields"] == nlohmann::json({{"blocks", 1}}));

  const Result failed = run({"fasta", "more"});
  CHECK(failed.exit_code == 1);
  CHECK(failed.err == "mytool: too many arguments\n");
  requests = server.wait_for(2);
  REQUIRE(requests.size() == 2);
  report = nlohmann::json::parse(requests[1].body);
  CHECK(report["fields"] == nlohmann::json({{"format", "other"}}));
  CHECK(report["outcome"]["status"] == "failed");
  CHECK(report["outcome"]["exit_code"] == 1);
  CHECK(report["outcome"]["error"] == nlohmann::json({{"type", "fatal"}, {"message", "too many arguments"}}));
}
