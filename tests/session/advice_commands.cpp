// Every line of advice that a command gives is followed.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <usage_stats.hpp>

#include "advice.hpp"
#include "own_home.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

const std::string ours = "tool usage-stats";

struct Situation {
  std::string rule;
  std::function<void(Shell&)> make;
  std::vector<std::string> advice;  // what `status` must say
};

std::function<void(Shell&)> variable(const std::string& name, const std::string& value) {
  return [=](Shell& s) { s.sandbox.environment[name] = value; };
}
std::function<void(Shell&)> setting(const std::string& name, const std::string& value) {
  return [=](Shell& s) { s.set(name, value); };
}
std::function<void(Shell&)> config(const std::string& text) {
  return [=](Shell& s) { write_file(s.sandbox.config_file("tool"), text); };
}
std::function<void(Shell&)> policy(const std::string& text) {
  return [=](Shell& s) { write_file(s.policy(), text); };
}

void ask_three_times(Shell& shell) {
  shell.set("CONSENT", "ask");
  for (int i = 0; i < 3; ++i) shell.type_at_terminal("tool", "\n");
}

std::vector<Situation> by_the_environment() {
  const std::string enabled = "TOOL_USAGE_STATS_ENABLED";
  const auto both = [](Shell& s) {
    s.sandbox.environment["TOOL_NO_TELEMETRY"] = "";
    s.sandbox.environment["TOOL_DISABLE_TELEMETRY"] = "1";
  };
  return {
      {"2", variable(enabled, "off"), {"unset " + enabled}},
      {"3", variable("TOOL_NO_TELEMETRY", "1"), {"unset TOOL_NO_TELEMETRY"}},
      {"3", both, {"unset TOOL_NO_TELEMETRY and TOOL_DISABLE_TELEMETRY"}},
      {"4", variable("DO_NOT_TRACK", "1"), {"unset DO_NOT_TRACK"}},
      {"7", variable(enabled, "1"), {"set " + enabled + "=0"}},
      {"8", setting("OFFICIAL", "no"), {"set " + enabled + "=1"}},
  };
}

std::vector<Situation> by_files_and_runs() {
  const std::string no = "set TOOL_USAGE_STATS_ENABLED=0", enable = ours + " enable", disable = ours + " disable";
  return {
      {"6", policy("{\"usage_stats\": false}"), {}},
      {"6", policy("{\"usage_stats\": true}"), {no}},
      {"6", policy("{\"usage_stats\": \"local\"}"), {no}},
      {"9", config("{\"usage_stats\": false}"), {enable}},
      {"9", config("{\"usage_stats\": true}"), {disable}},
      {"9", config("{\"usage_stats\": \"local\"}"), {enable, disable}},
      {"10", config("{"), {"repair or remove CONFIG"}},
      {"10", policy("[]"), {"repair or remove POLICY"}},
      {"11", setting("CONSENT", "opt_in"), {enable}},
      {"13", [](Shell& s) { s.type_at_terminal("tool"); }, {disable}},
      {"15", [](Shell&) {}, {enable, disable}},
      {"15", setting("UNATTENDED", "off"), {enable}},
      {"15", setting("UNATTENDED", "on"), {disable}},
      {"9",  // nobody would get what `enable` allows
       [](Shell& s) {
         s.set("URL", "");
         write_file(s.sandbox.config_file("tool"), "{\"usage_stats\": true}");
       },
       {disable}},
  };
}

std::unique_ptr<Shell> in(const Situation& situation) {
  auto shell = std::make_unique<Shell>();
  shell->set("URL", "http://127.0.0.1:9/");
  situation.make(*shell);
  return shell;
}

/// Whether the verdict after an advice is what the advice is for.
bool is_done(const std::string& words, const std::string& verdict, const std::string& rule) {
  const auto ends = [&](const std::string& end) {
    return words.size() >= end.size() && words.compare(words.size() - end.size(), end.size(), end) == 0;
  };
  if (ends(" enable") || ends("=1")) return verdict.find("on ") == 0;
  if (ends(" disable") || ends("=0")) return verdict.find("off ") == 0;
  return verdict.find("exit") == std::string::npos && verdict.substr(verdict.find(' ') + 1) != rule;
}

/// Gets advice from what a command says, and follows each in a home of its own; returns it.
std::vector<std::string> follow(const Situation& situation, const std::string& command) {
  std::vector<std::string> followed;
  for (std::size_t i = 0;; ++i) {
    const auto shell = in(situation);
    const std::string before = shell->verdict_after();
    const std::string text = shell->type(command).out;
    const std::vector<Advice> all = advice_in(text, ours);
    CAPTURE(command);
    CAPTURE(text);
    CHECK(before.substr(before.find(' ') + 1) == situation.rule);
    if (i >= all.size()) return followed;
    CAPTURE(all[i].script);
    const std::string after = shell->verdict_after(all[i].script);
    CHECK_MESSAGE(is_done(all[i].words, after, situation.rule), after);
    std::string words = all[i].words;
    for (const auto& [path, name] :
         {std::pair{shell->sandbox.config_file("tool"), "CONFIG"}, std::pair{shell->policy(), "POLICY"}})
      if (const std::size_t at = words.find(path.string()); at != words.npos)
        words.replace(at, path.string().size(), name);
    followed.push_back(words);
  }
}

}  // namespace

TEST_CASE("advice commands: what `status` says to change it changes it") {
  for (const auto& list : {by_the_environment(), by_files_and_runs()})
    for (const Situation& situation : list) CHECK(follow(situation, ours + " status") == situation.advice);
}

TEST_CASE("advice commands: variables that no shell can unset are taken away by what starts the program") {
  const std::vector<std::map<std::string, std::string>> all{
      {{"7TOOL_NO_TELEMETRY", "1"}},
      {{"7TOOL_USAGE_STATS_ENABLED", "0"}},
      {{"7TOOL_NO_TELEMETRY", "1"}, {"7TOOL_DISABLE_TELEMETRY", "1"}},
      {{"_7TOOL_NO_TELEMETRY", "1"}, {"7TOOL_NO_TELEMETRY", "1"}},
      {{"_7TOOL_USAGE_STATS_ENABLED", "1"}, {"7TOOL_USAGE_STATS_ENABLED", "0"}}};
  for (const auto& variables : all) {
    Tool tool;
    tool.set("APP", "7tool");
    for (const auto& [name, value] : variables) tool.sandbox.environment[name] = value;
    CHECK(tool.run({}).out.find("verdict=off") == 0);
    std::string text = unwrapped(tool.run({"usage-stats", "status"}).out);
    CAPTURE(text);
    const std::size_t at = text.find("env -u ");
    REQUIRE(at != std::string::npos);
    if (variables.count("_7TOOL_NO_TELEMETRY") != 0) {
      CHECK(text.find("unset _7TOOL_NO_TELEMETRY, and start it with env") != std::string::npos);
      tool.sandbox.environment.erase("_7TOOL_NO_TELEMETRY");
    }
    Command command = tool.command({});
    std::istringstream words(text.substr(at + 4, text.find(" in front") - at - 4));
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    arguments.push_back(command.program.string());
    command.program = "/usr/bin/env";
    command.arguments = arguments;
    CHECK(run(command).out.find("verdict=off") == std::string::npos);
  }
}

TEST_CASE("advice commands: what `status` says at a terminal before and after the question") {
  for (int asked = 0; asked < 2; ++asked) {
    Shell shell;
    shell.set("URL", "http://127.0.0.1:9/");
    shell.set("CONSENT", "ask");
    if (asked == 1) ask_three_times(shell);
    const std::string text = shell.type_at_terminal(ours + " status");
    CHECK(text.find("(rule 12)") != std::string::npos);
    const std::vector<Advice> all = advice_in(text, ours);
    REQUIRE(all.size() == 1);
    CHECK(all[0].words == ours + " enable");
    CHECK(shell.verdict_after(all[0].script) == "on 9");
  }
}

TEST_CASE("advice commands: what `enable` and `disable` say when something stronger holds") {
  for (const char* const word : {" enable", " disable"})
    for (const Situation& situation : by_the_environment()) {
      const auto followed = follow(situation, ours + word);
      CHECK(followed.size() <= 2);
    }
  CHECK(follow({"4", variable("DO_NOT_TRACK", "1"), {}}, ours + " enable") ==
        std::vector<std::string>{"unset DO_NOT_TRACK"});
  CHECK(follow({"7", variable("TOOL_USAGE_STATS_ENABLED", "1"), {}}, ours + " enable") ==
        std::vector<std::string>{"set TOOL_USAGE_STATS_ENABLED=0"});
  CHECK(follow({"7", variable("TOOL_USAGE_STATS_ENABLED", "1"), {}}, ours + " disable") ==
        std::vector<std::string>{"set TOOL_USAGE_STATS_ENABLED=0"});
  CHECK(follow({"6", policy("{\"usage_stats\": \"local\"}"), {}}, ours + " disable") ==
        std::vector<std::string>{"set TOOL_USAGE_STATS_ENABLED=0"});
}

TEST_CASE("advice commands: `enable` says how to stop it, and what holds where nobody is there to send to") {
  CHECK(follow({"15", [](Shell&) {}, {}}, ours + " enable") == std::vector<std::string>{ours + " disable"});
  const Situation nobody{"15", setting("URL", ""), {}};
  CHECK(follow(nobody, ours + " enable") == std::vector<std::string>{ours + " disable"});
  const std::string text = unwrapped(in(nobody)->type(ours + " enable").out);
  CHECK(text.find("endpoint none: reports stay on this machine") != std::string::npos);
  CHECK(text.find("overridden") == std::string::npos);
}

TEST_CASE("advice commands: each command that the help lists is one") {
  for (const std::string& command : {ours, std::string("tool -t usage-stats")}) {
    Shell shell;
    if (command != ours) shell.set("COMMAND", "-t usage-stats");
    const Result help = shell.type(command + " --help");
    CHECK(help.out.find("usage: " + command + " COMMAND") == 0);
    std::istringstream lines(help.out);
    int count = 0;
    for (std::string line, word; std::getline(lines, line);) {
      if (line.compare(0, 2, "  ") != 0 || line[2] == ' ') continue;
      std::istringstream(line) >> word;
      CAPTURE(word);
      CHECK(shell.type(command + " " + word).exit_code == 0);
      CHECK(shell.type(command + " " + word + " --json").exit_code == 0);
      ++count;
    }
    CHECK(count == 9);
    CHECK(shell.type(command + " show --wire 3").exit_code == 0);
    CHECK(shell.type(command + " describe --format markdown").exit_code == 0);
  }
}

TEST_CASE("advice commands: `delete` without a server says what asks again, and that does") {
  Server server;
  Shell shell;
  shell.set("URL", server.url());
  shell.set("UNATTENDED", "on");
  shell.type("tool");
  server.wait_for(1);
  REQUIRE(shell.sandbox.wait_for_no_uploader());
  server.answer([](const ReceivedRequest&) { return Answer{503}; });
  const Result result = shell.type(ours + " delete");
  CHECK(result.exit_code == 1);
  const std::vector<Advice> all = advice_in(result.err, ours);
  REQUIRE(all.size() == 1);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  CHECK(shell.type(all[0].script).exit_code == 0);
  CHECK(server.requests().back().method == "DELETE");
  CHECK(shell.sandbox.pending("tool").empty());
}

TEST_CASE("advice commands: what a problem tells the author to do removes it") {
  const OwnHome home;
  const auto problem_with = [](const usage_stats::Options& options) {
    return std::string(usage_stats::TelemetrySession(options).problem());
  };
  usage_stats::Options options("tool", "1.0", "http://example.org/");
  CHECK(problem_with(options).find("use https, or set plain_http") != std::string::npos);
  options.endpoints[0].plain_http = true;
  CHECK(problem_with(options) == "");
  options = usage_stats::Options("tool", "1.0", "https://example.org/");
  CHECK(problem_with(options) == "");
  for (const char* const bad : {" ", "a;b", "a\tb", "$(x)", "a\"b", "stats*", "a\nb"}) {
    options.command = bad;
    CHECK(problem_with(options).find("command '") == 0);
  }
  options.command = std::string(33, 'a');
  CHECK(problem_with(options).find("at most 32 bytes") != std::string::npos);
  for (const std::string& good : {std::string(), std::string("-t usage-stats"), std::string("a:b/c=d+e.f_g")}) {
    options.command = good;
    CHECK(problem_with(options) == "");
  }
}
