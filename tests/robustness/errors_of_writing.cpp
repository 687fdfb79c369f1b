// A command whose output cannot be written has failed.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

const std::vector<std::vector<std::string>> commands{{"status"},
                                                     {"status", "--json"},
                                                     {"enable"},
                                                     {"show"},
                                                     {"show", "--json"},
                                                     {"show", "--wire"},
                                                     {"preview"},
                                                     {"preview", "--json"},
                                                     {"preview", "--message", "cannot open"},
                                                     {"describe"},
                                                     {"describe", "--format=markdown"},
                                                     {"describe", "--format=json"},
                                                     {"send", "--json"},
                                                     {"send"},
                                                     {"help"},
                                                     {"--help"},
                                                     {"reset"},
                                                     {"disable"},
                                                     {"delete"}};

std::string text_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

/// A home with a report, that was sent.
void send_a_report(const Sandbox& sandbox, const std::string& url) {
  sandbox.run("reporter", sending_to(url));
  REQUIRE(sandbox.wait_for_no_uploader());
}

Command command_for(const Sandbox& sandbox, const std::string& url, const std::vector<std::string>& words) {
  std::vector<std::string> arguments{"--url", url, "--unattended", "on", "--as", "usage-stats"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  return sandbox.command("reporter", arguments);
}

}  // namespace

TEST_CASE(
    "errors of writing: a full disk under standard output is a failure, reported in one line, for every command") {
  const Server server;
  const Sandbox sandbox;
  send_a_report(sandbox, server.url());
  for (const auto& words : commands) {
    CAPTURE(text_of(words));
    Command command = command_for(sandbox, server.url(), words);
    const std::string program = command.program.string();
    command.program = "sh";
    command.arguments.insert(command.arguments.begin(), {"-c", "exec \"$0\" \"$@\" >/dev/full", program});
    const Result result = run(command);
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("reporter usage-stats: standard output: No space left on device\n") != std::string::npos);
    if (words[0] == "status" || words[0] == "describe")
      CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
}

TEST_CASE("errors of writing: a standard output that is closed is one too, and what the command does is done") {
  const Server server;
  const Sandbox sandbox;
  send_a_report(sandbox, server.url());
  for (const auto& words : commands) {
    if (words[0] == "send" || words[0] == "delete") continue;  // which need all three streams
    CAPTURE(text_of(words));
    Command command = command_for(sandbox, server.url(), words);
    command.closed_streams = {1};
    const Result result = run(command);
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("standard output: Bad file descriptor\n") != std::string::npos);
  }
  CHECK(nlohmann::json::parse(read_file(sandbox.config_file()))["usage_stats"] == false);  // `disable` came last
}

TEST_CASE("errors of writing: where all is well nothing is said of it") {
  const Server server;
  const Sandbox sandbox;
  send_a_report(sandbox, server.url());
  const Result result = run(command_for(sandbox, server.url(), {"show", "--wire"}));
  CHECK(result.exit_code == 0);
  CHECK(result.out == read_file(sandbox.report_files().at(0)));
}
