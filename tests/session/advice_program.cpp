// Advice names the program in a way that starts this very program, however it was started.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "advice.hpp"

namespace fs = std::filesystem;

namespace {

struct Start {
  std::string what, before, typed, advice;  // `before`: what has been typed in that shell
};

/// A shell in the folder `own`, in which there are copies of the tool: other programs than the one in PATH.
struct Copies : Shell {
  fs::path own = sandbox.root() / "own";

  Copies() {
    fs::create_directories(own / "inner");
    for (const char* const copy : {"tool", "other", "my 'tool'", "-x"}) fs::copy_file(::program("tool"), own / copy);
    fs::create_symlink(own / "tool", own / "link");
    fs::create_symlink("tool", own.parent_path() / "bin" / "second");
    fs::create_directories(own / "folders" / "tool");
    write_file(own / "texts" / "tool", "no program");
    set("URL", "http://127.0.0.1:9/");
    set("UNATTENDED", "on");
  }
  std::string start(const Start& start) const { return "cd '" + own.string() + "'; " + start.before + "\n"; }
  std::string path(const std::string& file) const { return (own / file).string(); }
};

std::vector<Start> starts() {
  const std::string bin = "$HOME/../bin", own = "$HOME/../own";
  return {
      {"by its name, found in PATH", "", "tool", "tool"},
      {"by the path of what PATH leads to", "", bin + "/tool", "tool"},
      {"by a link in PATH that has another name", "", "second", "second"},
      {"in its folder, while PATH has another of that name", "", "./tool", "./tool"},
      {"in its folder, while PATH has none of that name", "", "./other", "./other"},
      {"in its folder, without any PATH", "unset PATH", "./other", "./other"},
      {"by a way through other folders", "cd inner", "../../own/tool", "../../own/tool"},
      {"by a link", "", "./link", "./link"},
      {"by its name, first in PATH", "PATH=" + own + ":$PATH", "tool", "tool"},
      {"in a folder that PATH names by a dot", "PATH=.:$PATH", "./tool", "tool"},
      {"in a folder that PATH names by nothing", "PATH=:$PATH", "./tool", "tool"},
      {"by its name, behind a folder of that name", "PATH=" + own + "/folders:$PATH", "tool", "tool"},
      {"by its name, behind a text of that name", "PATH=" + own + "/texts:$PATH", "tool", "tool"},
      {"by a name with a blank and quotes", "", "./my\\ \\'tool\\'", "'./my '\\''tool'\\'''"},
      {"by a name that looks like an option", "", "./-x", "./-x"},
  };
}

}  // namespace

TEST_CASE("advice program: what status, the notice and messages name is this program, and does what it says") {
  for (const Start& start : starts()) {
    CAPTURE(start.what);
    const std::string command = start.advice + " usage-stats";
    {
      const Copies shell;
      const std::string text = shell.type(shell.start(start) + start.typed + " usage-stats status").out;
      CHECK_MESSAGE(unwrapped(text).find("to change " + command + " disable ") != std::string::npos, text);
      CHECK(text.find(command + " disable\n") != std::string::npos);  // in one piece
      const Result wrong = shell.type(shell.start(start) + start.typed + " usage-stats nonsense");
      CHECK_MESSAGE(wrong.err.find(command + ": unknown command") == 0, wrong.err);
      CHECK(wrong.err.find("usage: " + command + " COMMAND") != std::string::npos);
    }
    const Copies shell;
    const std::string notice = shell.type_at_terminal(shell.start(start) + start.typed);
    CHECK_MESSAGE(unwrapped(notice).find("To stop it: " + command + " disable") != std::string::npos, notice);
    CHECK(shell.type(shell.start(start) + start.typed).out.find("verdict=on rule=13") == 0);
    const Result followed = shell.type(shell.start(start) + command + " disable");
    CHECK_MESSAGE(followed.exit_code == 0, followed.err);
    CHECK(shell.type(shell.start(start) + start.typed).out.find("verdict=off rule=9") == 0);
  }
}

TEST_CASE("advice program: started under a name that does not lead to it, its path is named") {
  const Copies shell;
  Command command{shell.own / "other", {"usage-stats", "status"}};
  command.environment = shell.sandbox.environment;
  command.folder = shell.sandbox.home();
  const std::vector<std::pair<std::string, std::string>> names{
      {"tool", shell.path("other")},     // PATH has another program of that name
      {"nothing", shell.path("other")},  // and none of this one
      {"-tool", shell.path("other")},    // as of a login shell
      {"./tool", shell.path("other")},   // from another working folder
      {shell.path("tool"), shell.path("other")},
      {"", shell.path("other")},
      {shell.path("other"), shell.path("other")},
  };
  for (const auto& [name, wanted] : names) {
    CAPTURE(name);
    command.name = name;
    const std::string text = unwrapped(run(command).out);
    CHECK_MESSAGE(text.find("to change " + wanted + " usage-stats disable ") != std::string::npos, text);
  }
}

TEST_CASE("advice program: where the path cannot be shown as it is, the program's name is") {
  const Copies shell;
  for (const std::string& name : {std::string("to\x1b[31mol"), std::string("to\nol"), std::string("to\xffol")}) {
    fs::copy_file(program("tool"), shell.own / name);
    Command command{shell.own / name, {"usage-stats", "status"}};
    command.environment = shell.sandbox.environment;
    CHECK(unwrapped(run(command).out).find("to change tool usage-stats disable ") != std::string::npos);
  }
}

TEST_CASE("advice program: a path that a notice has no room for leaves it at 8 lines, and the variable is named") {
  const Copies shell;
  const fs::path deep = shell.own / std::string(120, 'd') / std::string(120, 'e');
  fs::create_directories(deep);
  fs::copy_file(program("tool"), deep / "tool");
  const Result result = shell.type("'" + (deep / "tool").string() + "'");
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') <= 8);
  CHECK(unwrapped(result.err).find("set TOOL_USAGE_STATS_ENABLED=0") != std::string::npos);
  CHECK(result.err.find("usage-stats disable") == std::string::npos);
}
