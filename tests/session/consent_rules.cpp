// The fifteen rules of consent: each alone, and each against every weaker one that says something else.
#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "pty.hpp"
#include "sandbox.hpp"
#include "tree.hpp"

namespace {

/// All that the rules look at.
struct Scene {
  std::map<std::string, std::string> variables{};
  std::vector<std::string> options{}, arguments{};
  std::string policy{}, config{};
  bool notice_shown = false, terminal = false;
  bool uses_policy = false, uses_config = false, uses_mode = false, uses_enabled = false;  // knobs that are taken
};

struct Rule {
  int number;
  const char* what;
  std::string verdict;
  bool Scene::*knob;  // two rules that need one knob cannot meet
  std::function<void(Scene&)> arrange;
};

void option(Scene& scene, const std::vector<std::string>& words) {
  scene.options.insert(scene.options.end(), words.begin(), words.end());
}

const std::vector<Rule> rules{
    {1, "a bad option", "off", nullptr,
     [](Scene& s) {
       option(s, {"--sample", "7"});
     }},
    {2, "ENABLED=0", "off", &Scene::uses_enabled, [](Scene& s) { s.variables["REPORTER_USAGE_STATS_ENABLED"] = "0"; }},
    {2, "ENABLED=maybe", "off", &Scene::uses_enabled,
     [](Scene& s) { s.variables["REPORTER_USAGE_STATS_ENABLED"] = "maybe"; }},
    {3, "NO_TELEMETRY", "off", nullptr, [](Scene& s) { s.variables["REPORTER_NO_TELEMETRY"] = ""; }},
    {3, "DISABLE_TELEMETRY", "off", nullptr, [](Scene& s) { s.variables["REPORTER_DISABLE_TELEMETRY"] = "0"; }},
    {4, "DO_NOT_TRACK", "off", nullptr, [](Scene& s) { s.variables["DO_NOT_TRACK"] = "1"; }},
    {5, "the argument", "off", nullptr, [](Scene& s) { s.arguments.push_back("--disable-usage-stats"); }},
    {6, "policy true", "on", &Scene::uses_policy, [](Scene& s) { s.policy = R"({"usage_stats": true})"; }},
    {6, "policy false", "off", &Scene::uses_policy, [](Scene& s) { s.policy = R"({"usage_stats": false})"; }},
    {6, "policy local", "local", &Scene::uses_policy, [](Scene& s) { s.policy = R"({"usage_stats": "local"})"; }},
    {10, "policy broken", "off", &Scene::uses_policy, [](Scene& s) { s.policy = "{"; }},
    {7, "ENABLED=yes", "on", &Scene::uses_enabled,
     [](Scene& s) { s.variables["REPORTER_USAGE_STATS_ENABLED"] = "Yes"; }},
    {8, "no official build", "off", nullptr,
     [](Scene& s) {
       option(s, {"--official", "no"});
     }},
    {9, "config true", "on", &Scene::uses_config, [](Scene& s) { s.config = R"({"usage_stats": true})"; }},
    {9, "config false", "off", &Scene::uses_config, [](Scene& s) { s.config = R"({"usage_stats": false})"; }},
    {9, "config local", "local", &Scene::uses_config, [](Scene& s) { s.config = R"({"usage_stats": "local"})"; }},
    {10, "config broken", "off", &Scene::uses_config, [](Scene& s) { s.config = R"({"usage_stats": 1})"; }},
    {11, "opt_in", "off", &Scene::uses_mode,
     [](Scene& s) {
       option(s, {"--consent", "opt_in"});
     }},
    {12, "asked", "off", &Scene::uses_mode,
     [](Scene& s) {
       option(s, {"--consent", "ask"});
       s.terminal = true;
     }},
    {13, "notice shown", "on", nullptr, [](Scene& s) { s.notice_shown = true; }},
    {14, "notice due", "local", nullptr, [](Scene& s) { s.terminal = true; }},
    {15, "unattended on", "on", nullptr,
     [](Scene& s) {
       option(s, {"--unattended", "on"});
     }},
    {15, "unattended off", "off", nullptr,
     [](Scene& s) {
       option(s, {"--unattended", "off"});
     }},
    {15, "unattended local", "local", nullptr, [](Scene&) {}},
};

/// The verdict and the rule of a run in the scene.
std::string decided(const Scene& scene) {
  Sandbox sandbox;
  const auto policy = sandbox.root() / "policy.json";
  std::vector<std::string> words{"--url",    "http://127.0.0.1:9/", "--delivery",
                                 "detached", "--policy-file",       policy.string()};
  words.insert(words.end(), scene.options.begin(), scene.options.end());
  words.insert(words.end(), {"--info", "--as"});
  words.insert(words.end(), scene.arguments.begin(), scene.arguments.end());
  Command command = sandbox.command("reporter", words);
  for (const auto& [name, value] : scene.variables) command.environment[name] = value;
  if (!scene.policy.empty()) write_file(policy, scene.policy);
  if (!scene.config.empty()) write_file(sandbox.config_file(), scene.config);
  if (scene.notice_shown) {
    write_file(sandbox.usage_folder() / "state.json", R"({"schema": "usage-stats-state/1", "notice_shown": true})");
    std::filesystem::permissions(sandbox.usage_folder(), std::filesystem::perms::owner_all);
  }
  const auto before = tree(sandbox.root());
  std::string said;
  if (scene.terminal) {
    command.environment["TERM"] = "xterm";
    Terminal terminal(command);
    if (terminal.wait_for_any({"why=", "Do you agree?"}) == 1) terminal.type("\n");
    CHECK(terminal.wait().exit_code == 0);
    said = terminal.screen();
  } else {
    const Result result = run(command);
    CHECK(result.exit_code == 0);
    said = result.out;
  }
  // A broken file is nobody's to mend.
  if (!scene.config.empty()) CHECK(read_file(sandbox.config_file()) == scene.config);
  if (!scene.policy.empty()) CHECK(read_file(policy) == scene.policy);
  // Off is off; an unanswered question is remembered, though.
  if (said.find("verdict=off") != said.npos && said.find("rule=12") == said.npos) {
    CHECK(tree(sandbox.root()) == before);
    CHECK(sandbox.uploaders().empty());
  }
  const std::size_t verdict = said.find("verdict="), rule = said.find("rule=");
  return said.substr(verdict + 8, said.find('\n', verdict) - verdict - 8) + " " +
         said.substr(rule + 5, said.find('\n', rule) - rule - 5);
}

/// The order in which the rules are asked: 10 stands where its file stands.
bool can_meet(const Rule& stronger, const Rule& weaker) {
  if (stronger.knob != nullptr && stronger.knob == weaker.knob) return false;
  return stronger.number != 15 && stronger.verdict != weaker.verdict;
}

}  // namespace

TEST_CASE("consent rules: each rule alone") {
  for (const Rule& rule : rules) {
    Scene scene;
    rule.arrange(scene);
    CHECK_MESSAGE(decided(scene) == rule.verdict + " " + std::to_string(rule.number), rule.what);
  }
}

TEST_CASE("consent rules: each rule against every weaker one that contradicts it") {
  int pairs = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = i + 1; j < rules.size(); ++j) {
      const Rule &stronger = rules[i], &weaker = rules[j];
      if (!can_meet(stronger, weaker)) continue;
      Scene scene;
      weaker.arrange(scene);
      stronger.arrange(scene);
      CHECK_MESSAGE(decided(scene) == stronger.verdict + " " + std::to_string(stronger.number),
                    stronger.what << " against " << weaker.what);
      ++pairs;
    }
  }
  CHECK(pairs > 100);
}

TEST_CASE("consent rules: words of the environment") {
  const auto with = [](const std::string& name, const std::string& value) {
    Scene scene;
    scene.variables[name] = value;
    return decided(scene);
  };
  for (const char* off : {"0", "false", "FALSE", "no", "Off", "nein", " "})
    CHECK(with("REPORTER_USAGE_STATS_ENABLED", off) == "off 2");
  for (const char* on : {"1", "true", "TRUE", "yes", "On"}) CHECK(with("REPORTER_USAGE_STATS_ENABLED", on) == "on 7");
  CHECK(with("REPORTER_USAGE_STATS_ENABLED", "") == "local 15");
  CHECK(with("DO_NOT_TRACK", "0") == "local 15");
  CHECK(with("DO_NOT_TRACK", "") == "local 15");
  CHECK(with("DO_NOT_TRACK", "false") == "off 4");
}

TEST_CASE("consent rules: of an app that begins with a digit, variables without the `_` say no, too") {
  const auto with = [](const std::map<std::string, std::string>& variables, const std::string& app = "7tool") {
    Scene scene;
    scene.variables = variables;
    scene.options = {"--app", app};
    return decided(scene);
  };
  CHECK(with({{"7TOOL_NO_TELEMETRY", ""}}) == "off 3");
  CHECK(with({{"7TOOL_DISABLE_TELEMETRY", "1"}}) == "off 3");
  for (const char* const no : {"0", "no", "maybe"}) CHECK(with({{"7TOOL_USAGE_STATS_ENABLED", no}}) == "off 2");
  CHECK(with({{"_7TOOL_USAGE_STATS_ENABLED", "1"}, {"7TOOL_USAGE_STATS_ENABLED", "0"}}) == "off 2");
  CHECK(with({{"_7TOOL_USAGE_STATS_ENABLED", "0"}, {"7TOOL_USAGE_STATS_ENABLED", "1"}}) == "off 2");
  CHECK(with({{"7TOOL_USAGE_STATS_ENABLED", "1"}}) == "local 15");  // a yes is not what somebody may have meant so
  CHECK(with({{"7TOOL_USAGE_STATS_ENABLED", ""}}) == "local 15");
  CHECK(with({{"OOL_NO_TELEMETRY", "1"}}, "tool") == "local 15");
}

TEST_CASE("consent rules: where the environment says off, no file is read and no process, thread or socket made") {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"REPORTER_USAGE_STATS_ENABLED", "0"},
                                                                      {"REPORTER_NO_TELEMETRY", "1"},
                                                                      {"REPORTER_DISABLE_TELEMETRY", "1"},
                                                                      {"DO_NOT_TRACK", "1"}}) {
    Sandbox sandbox;
    const std::string trace = (sandbox.root() / "trace").string();
    Command command =
        sandbox.command("reporter", {"--url", "http://127.0.0.1:9/", "--unattended", "on", "--info", "--as"});
    command.arguments.insert(command.arguments.begin(),
                             {"-f", "-o", trace, "-e", "trace=%file,%network,%process", command.program.string()});
    command.program = "/usr/bin/strace";
    command.environment[name] = value;
    command.environment["LSAN_OPTIONS"] = "detect_leaks=0";  // it cannot work under strace
    const Result result = run(command);
    CHECK(result.out.find("verdict=off") != std::string::npos);
    const std::string calls = read_file(trace);
    CHECK(calls.find(sandbox.home().string()) == std::string::npos);
    CHECK(calls.find("/etc/reporter") == std::string::npos);
    for (const char* call : {"socket(", "clone(", "clone3(", "fork(", "connect("})
      CHECK_MESSAGE(calls.find(call) == std::string::npos, call);
  }
}
