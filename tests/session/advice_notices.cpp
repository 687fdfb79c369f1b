// Every line of advice that a notice or the question gives is followed, in programs with and without the command.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "advice.hpp"

namespace {

struct Text {
  std::string name;
  std::function<std::string(Shell&)> show;  // brings the tool to say it
  bool stronger_than_the_file = false;      // what has switched it on
};

std::string prefix_of(const std::string& name) {
  std::string prefix;
  for (const char c : name)
    prefix += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' || c == '.' ? '_' : c;
  return prefix[0] >= '0' && prefix[0] <= '9' ? "_" + prefix : prefix;
}

void declare_more(Shell& shell) {
  shell.type(shell.name);  // remembers what is declared now
  shell.set("DECLARE", "speed size");
}

/// Every text that a run itself can show; after each of them the tool's reports would be sent.
std::vector<Text> texts() {
  return {
      {"notice", [](Shell& s) { return s.type_at_terminal(s.name); }},
      {"notice without a terminal",
       [](Shell& s) {
         s.set("UNATTENDED", "on");
         return s.type(s.name).err;
       }},
      {"question",
       [](Shell& s) {
         s.set("CONSENT", "ask");
         return s.type_at_terminal(s.name, "y\n");
       }},
      {"new data after a notice",
       [](Shell& s) {
         s.type_at_terminal(s.name);
         declare_more(s);
         return s.type_at_terminal(s.name);
       }},
      {"new data, on by the config file",
       [](Shell& s) {
         write_file(s.sandbox.config_file(s.name), "{\"usage_stats\": true}");
         declare_more(s);
         return s.type_at_terminal(s.name);
       }},
      {"new data, on by the environment",
       [](Shell& s) {
         s.sandbox.environment[prefix_of(s.name) + "_USAGE_STATS_ENABLED"] = "1";
         declare_more(s);
         return s.type_at_terminal(s.name);
       },
       true},
      {"new data, on by the policy",
       [](Shell& s) {
         write_file(s.policy(), "{\"usage_stats\": true}");
         declare_more(s);
         return s.type_at_terminal(s.name);
       },
       true},
  };
}

struct Program {
  std::string name = "tool", session = "main";
  std::map<std::string, std::string> settings{};

  std::unique_ptr<Shell> in_new_home() const {
    auto shell = std::make_unique<Shell>(name, session);
    shell->set("URL", "http://127.0.0.1:9/");
    for (const auto& [setting, value] : settings) shell->set(setting, value);
    return shell;
  }
};

/// Follows each advice of the text in a home of its own, and returns what the advice was.
std::vector<std::string> follow(const Text& text, const Program& program, const std::string& command) {
  std::vector<std::string> followed;
  for (std::size_t i = 0;; ++i) {
    const auto made = program.in_new_home();
    Shell& shell = *made;
    const std::string shown = text.show(shell);
    const std::vector<Advice> all = advice_in(shown, command);
    CAPTURE(text.name);
    CAPTURE(shown);
    if (i == 0) CHECK(shell.verdict_after().find("on ") == 0);
    if (i >= all.size()) return followed;
    followed.push_back(all[i].words);
    CAPTURE(all[i].script);
    if (all[i].words == command + " describe") {
      const Result result = shell.type(all[i].script);
      CHECK(result.exit_code == 0);
      CHECK(result.out.find("In every report:") != std::string::npos);
    } else {
      CHECK(shell.verdict_after(all[i].script).find("off ") == 0);
    }
  }
}

bool has(const std::vector<std::string>& list, const std::string& part) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& words) { return words.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("advice notices: in a program that answers its command, all that the notices name works") {
  for (const Text& text : texts()) {
    CAPTURE(text.name);
    const auto followed = follow(text, Program(), "tool usage-stats");
    CHECK(has(followed, "set TOOL_USAGE_STATS_ENABLED=0"));
    CHECK(has(followed, "tool usage-stats disable") != text.stronger_than_the_file);
  }
}

TEST_CASE("advice notices: under the name and the words that are typed, whatever the app is called") {
  const Program other{"tool-2", "main", {{"APP", "tool"}, {"COMMAND", "-t usage-stats"}}};
  CHECK(follow(texts()[0], other, "tool-2 -t usage-stats") ==
        std::vector<std::string>{"tool-2 -t usage-stats disable", "set TOOL_USAGE_STATS_ENABLED=0",
                                 "tool-2 -t usage-stats describe"});
  CHECK(has(follow(texts()[0], {"tool", "handled"}, "tool usage-stats"), "tool usage-stats disable"));
}

TEST_CASE("advice notices: a program that answers no command names none, and what its texts name works") {
  for (const Program& program : {Program{"tool", "constant"},
                                 Program{"tool", "main", {{"COMMAND", ""}}},
                                 {"tool", "handled", {{"COMMAND", ""}}}})
    for (const Text& text : texts()) {
      CAPTURE(program.session);
      CAPTURE(text.name);
      const auto shell = program.in_new_home();
      shell->sandbox.environment["USAGE_STATS_DEBUG"] = "1";
      CHECK(text.show(*shell).find("usage-stats ") == std::string::npos);
      const auto followed = follow(text, program, "tool usage-stats");
      CHECK(has(followed, "set TOOL_USAGE_STATS_ENABLED=0"));
      CHECK(has(followed, "put {\"usage_stats\": false} into ~/config/tool/config.json") !=
            text.stronger_than_the_file);
    }
}

TEST_CASE("advice notices: the program's own config file, where it has one") {
  const Program program{"tool", "constant", {{"CONFIG_FILE", "~/.tool/settings.json"}}};
  CHECK(has(follow(texts()[0], program, "tool usage-stats"), "into ~/.tool/settings.json"));
}

TEST_CASE("advice notices: variables of any app can be set in a shell") {
  for (const std::string name : {"7tool", "7z", "my-tool", "a.b", "T"}) {
    CAPTURE(name);
    for (const Text& text : texts()) CHECK_FALSE(follow(text, {name}, name + " usage-stats").empty());
    CHECK(Shell(name).verdict_after("export DO_NOT_TRACK=1") == "off 4");
  }
  CHECK(Shell("7tool").verdict_after("export _7TOOL_NO_TELEMETRY=1") == "off 3");
  CHECK(Shell("my-tool").verdict_after("export MY_TOOL_DISABLE_TELEMETRY=1") == "off 3");
}
