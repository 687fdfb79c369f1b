#pragma once
// What a text tells its reader to type, set or write, as a shell script that does just that.

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "tool.hpp"

struct Advice {
  std::string words;   // as the text has them
  std::string script;  // for sh
};

/// The text in one line: a terminal's lines are wrapped.
inline std::string unwrapped(const std::string& text) { return std::regex_replace(text, std::regex("[ \n]+"), " "); }

/// All advice in a text, in its order. `command`: what is typed before a subcommand, "tool usage-stats".
inline std::vector<Advice> advice_in(const std::string& text, const std::string& command) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {command + " ([a-z]+)", "$&"},
      {"unset ([A-Za-z0-9_]+) and ([A-Za-z0-9_]+)", "unset $1 $2"},
      {"unset ([A-Za-z0-9_]+)(?! and )(?![A-Za-z0-9_])", "unset $1"},
      {"set ([A-Za-z0-9_]+=[01])", "export $1"},
      {"set ([A-Z_]+) to (?:your home folder|a folder that you can write to)", "export $1=$$(mktemp -d)"},
      {"put (\\{[^}]*\\}) into (\\S+)", "mkdir -p $$(dirname $2) && echo '$1' >$2"},
      {"repair or remove (\\S+)", "rm $1"},
  };
  const std::string line = unwrapped(text);
  std::vector<std::pair<std::ptrdiff_t, Advice>> found;
  for (const auto& [pattern, script] : kinds) {
    const std::regex expression("(^|[^A-Za-z])" + ("(?:" + pattern + ")"));
    for (auto it = std::sregex_iterator(line.begin(), line.end(), expression); it != std::sregex_iterator(); ++it) {
      const std::string words = it->str().substr(static_cast<std::size_t>(it->length(1)));
      found.push_back(
          {it->position() + it->length(1), {words, std::regex_replace(words, std::regex(pattern), script)}});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Advice> all;
  for (auto& [place, advice] : found) all.push_back(std::move(advice));
  return all;
}

/// The tool under a name that can be typed, with a shell before it.
struct Shell : Tool {
  std::string name;

  explicit Shell(std::string called = "tool", const std::string& session = "main")
      : Tool(session), name(std::move(called)) {
    const auto folder = sandbox.root() / "bin";
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink(::program("tool"), folder / name);
    sandbox.environment["PATH"] = folder.string() + ":/usr/bin:/bin";
    set("APP", name);
    set("POLICY_FILE", policy().string());
  }

  std::filesystem::path policy() const { return sandbox.root() / "policy.json"; }

  Command script(const std::string& text) const {
    Command command{"/bin/sh", {"-c", text}};
    command.environment = sandbox.environment;
    command.environment["TERM"] = "xterm";
    command.folder = sandbox.home();
    return command;
  }
  Result type(const std::string& text) const { return ::run(script(text)); }
  /// The same at a terminal: what it shows.
  std::string type_at_terminal(const std::string& text, const std::string& answer = {}) const {
    Terminal terminal(script(text));
    if (!answer.empty()) {
      terminal.wait_for("Do you agree?");
      terminal.type(answer);
    }
    terminal.wait();
    return terminal.screen();
  }
  /// "off 9": verdict and rule of the tool's next run in this shell, without a terminal.
  std::string verdict_after(const std::string& text = ":") const {
    const Result result = type("{ " + text + "; } >/dev/null || exit 99; " + name);
    std::smatch match;
    if (!std::regex_search(result.out, match, std::regex("verdict=(\\w+) rule=(\\d+)")))
      return "exit code " + std::to_string(result.exit_code) + ": " + result.out + result.err;
    return match[1].str() + " " + match[2].str();
  }
};
