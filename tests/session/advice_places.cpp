// If the usage folder or the config file cannot be where it should be, status says so, and its advice helps.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "advice.hpp"
#include "tree.hpp"

namespace fs = std::filesystem;

namespace {

constexpr unsigned nobody = 65534;

/// A shell of a user to whom modes mean something, with the platform's own places.
struct Home : Shell {
  Home() {
    for (const char* const place : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"}) sandbox.environment.erase(place);
    const fs::path tool = sandbox.root() / "bin" / "tool";
    fs::remove(tool);
    fs::copy_file(::program("tool"), tool);
    set("URL", "http://127.0.0.1:9/");
    ::chmod(sandbox.root().c_str(), 0755);
    for (const fs::path& folder : {sandbox.home(), sandbox.root() / "tmp"}) give(folder);
  }
  ~Home() { ::chmod(sandbox.home().c_str(), 0700); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  static void give(const fs::path& folder) {
    fs::create_directories(folder);
    if (::geteuid() == 0) REQUIRE(::chown(folder.c_str(), nobody, nobody) == 0);
  }
  /// A folder of that user's in which it can make nothing.
  std::string closed() const {
    const fs::path folder = sandbox.root() / "closed";
    give(folder);
    ::chmod(folder.c_str(), 0500);
    return folder.string();
  }
  Result type(const std::string& text) const {
    Command command = script(text);
    command.folder = "/";
    if (::geteuid() == 0) {
      command.arguments.insert(command.arguments.begin(), {"--reuid", std::to_string(nobody), "--regid",
                                                           std::to_string(nobody), "--clear-groups", "/bin/sh"});
      command.program = "setpriv";
    }
    return ::run(command);
  }
  std::string said(const std::string& text) const { return unwrapped(type(text).out); }
};

struct Situation {
  std::string what;
  std::function<void(Home&)> make;
  std::string problem;              // what status says
  std::vector<std::string> advice;  // and what it advises
};

std::function<void(Home&)> variable(const std::string& name, const std::string& value) {
  return [=](Home& home) { home.sandbox.environment[name] = value; };
}

std::vector<Situation> without_folder() {
  const std::string elsewhere = " to a folder that you can write to";
  return {
      {"no HOME",
       [](Home& home) { home.sandbox.environment.erase("HOME"); },
       "no home folder",
       {"set HOME to your home folder"}},
      {"no HOME, but a place for the config",
       [](Home& home) {
         home.sandbox.environment.erase("HOME");
         home.sandbox.environment["XDG_CONFIG_HOME"] = (home.sandbox.root() / "tmp").string();
       },
       "there is no place for reports (no home folder)",
       {"set HOME to your home folder"}},
      {"a HOME that is no absolute path", variable("HOME", "home"), "no home folder", {"set HOME to your home folder"}},
      {"a HOME that does not exist",
       variable("HOME", "/nonexistent"),
       "the home folder does not exist",
       {"set HOME" + elsewhere}},
      {"a HOME below a file", variable("HOME", "/dev/null"), "Not a directory", {"set HOME" + elsewhere}},
      {"a HOME that is the root",
       variable("HOME", "/"),
       "HOME is the root of the file system",
       {"set HOME" + elsewhere}},
      {"a HOME that cannot be written",
       [](Home& home) { ::chmod(home.sandbox.home().c_str(), 0500); },
       "Permission denied",
       {"set HOME" + elsewhere}},
      {"an XDG_STATE_HOME that cannot be made",
       [](Home& home) { home.sandbox.environment["XDG_STATE_HOME"] = home.closed() + "/state"; },
       "Permission denied",
       {"set XDG_STATE_HOME" + elsewhere}},
      {"a place that is a file",
       variable("XDG_STATE_HOME", "/dev/null"),
       "Not a directory",
       {"set XDG_STATE_HOME" + elsewhere}},
  };
}

std::vector<std::string> words_of(const std::vector<Advice>& all) {
  std::vector<std::string> words;
  for (const Advice& advice : all) words.push_back(advice.words);
  return words;
}

}  // namespace

TEST_CASE("advice places: where nothing can be recorded, status says so, knows nothing of what waits, and is helpful") {
  for (const Situation& situation : without_folder()) {
    CAPTURE(situation.what);
    Home home;
    situation.make(home);
    const auto before = tree(home.sandbox.root());
    const std::string text = home.said("tool usage-stats status");
    CAPTURE(text);
    CHECK(text.find("usage statistics are off because ") != std::string::npos);
    CHECK(text.find(situation.problem) != std::string::npos);
    CHECK(text.find("waiting unknown: ") != std::string::npos);
    CHECK(text.find("client id unknown: ") != std::string::npos);
    CHECK(text.find("last sent") == std::string::npos);
    const auto json = nlohmann::json::parse(home.type("tool usage-stats status --json").out);
    CHECK(json["verdict"] == "off");
    CHECK(json["waiting"]["reports"].is_null());
    CHECK(json["sent"].is_null());
    CHECK(home.said("tool").find("verdict=off") == 0);  // status and a run agree
    CHECK(tree(home.sandbox.root()) == before);
    const std::vector<Advice> all = advice_in(text, "tool usage-stats");
    CHECK(words_of(all) == situation.advice);
    for (const Advice& advice : all) {
      CHECK(home.said(advice.script + "; tool").find("verdict=local") == 0);
      for (const char* const word : {"enable", "disable"})
        CHECK(home.type(advice.script + "; tool usage-stats " + word).exit_code == 0);
    }
  }
}

TEST_CASE("advice places: a command that fails there says what is missing, and what comes to the same") {
  for (const Situation& situation : without_folder()) {
    CAPTURE(situation.what);
    Home home;
    situation.make(home);
    for (const char* const word : {"enable", "disable"}) {
      const Result result = home.type(std::string("tool usage-stats ") + word);
      CAPTURE(result.err);
      CHECK(result.err.find(": :") == std::string::npos);
      if (result.exit_code == 0) continue;  // the config file has its place
      const std::vector<Advice> all = advice_in(result.err, "tool usage-stats");
      CHECK_FALSE(all.empty());
      CHECK(result.err.find("try again later") == std::string::npos);
      for (const Advice& advice : all) {
        if (advice.script.find("=0") != std::string::npos)
          CHECK(home.said(advice.script + "; tool").find("verdict=off rule=2") == 0);
        else
          CHECK(home.type(advice.script + "; tool usage-stats " + word).exit_code == 0);
      }
    }
  }
}

TEST_CASE("advice places: nothing is there to be deleted where no folder is, nor can be") {
  for (const bool missing : {true, false}) {
    CAPTURE(missing);
    const Home home;
    ::chmod(home.sandbox.home().c_str(), missing ? 0500 : 0700);
    const Result result = home.type((missing ? "" : "HOME=/nonexistent ") + std::string("tool usage-stats delete"));
    CHECK(result.exit_code == 0);
    CHECK(result.out == "There is nothing to delete.\n");
  }
}

TEST_CASE("advice places: a folder that is not there yet but can be made is no problem, and status makes nothing") {
  const Home home;
  const auto before = tree(home.sandbox.root());
  const std::string text = home.said("tool usage-stats status");
  CAPTURE(text);
  CHECK(text.find("usage statistics are local") != std::string::npos);
  CHECK(text.find("waiting nothing") != std::string::npos);
  CHECK(text.find("problem") == std::string::npos);
  CHECK(words_of(advice_in(text, "tool usage-stats")) ==
        std::vector<std::string>{"tool usage-stats enable", "tool usage-stats disable"});
  CHECK(tree(home.sandbox.root()) == before);
}

TEST_CASE(
    "advice places: of a folder that can no longer be written, status says what is in it, and that nothing is added") {
  const Home home;
  CHECK(home.said("TOOL_USAGE_STATS_ENABLED=1 tool").find("verdict=on") == 0);
  const fs::path usage = home.sandbox.home() / ".local" / "state" / "tool" / "usage";
  REQUIRE(fs::exists(usage / "state.json"));
  ::chmod(usage.c_str(), 0500);
  const std::string text = home.said("tool usage-stats status");
  CAPTURE(text);
  CHECK(text.find("usage statistics are off because " + usage.string() + ": Permission denied") != std::string::npos);
  CHECK(text.find("waiting 1 report") != std::string::npos);
  CHECK(text.find("unknown") == std::string::npos);
  const std::vector<Advice> all = advice_in(text, "tool usage-stats");
  REQUIRE(words_of(all) == std::vector<std::string>{"set HOME to a folder that you can write to"});
  CHECK(home.said(all[0].script + "; tool").find("verdict=local") == 0);
  ::chmod(usage.c_str(), 0700);
}

TEST_CASE("advice places: where the config file cannot be written, the variable is named instead of the commands") {
  Home home;
  home.sandbox.environment["XDG_CONFIG_HOME"] = home.closed();
  const std::string text = home.said("tool usage-stats status");
  const std::vector<Advice> all = advice_in(text, "tool usage-stats");
  REQUIRE(words_of(all) ==
          std::vector<std::string>{"set TOOL_USAGE_STATS_ENABLED=1", "set TOOL_USAGE_STATS_ENABLED=0"});
  CHECK(home.said(all[0].script + "; tool").find("verdict=on") == 0);
  CHECK(home.said(all[1].script + "; tool").find("verdict=off") == 0);
}

TEST_CASE("advice places: what switches it off before any folder is looked at stays the reason") {
  Home home;
  home.sandbox.environment["HOME"] = "/nonexistent";
  home.sandbox.environment["DO_NOT_TRACK"] = "1";
  const std::string text = home.said("tool usage-stats status");
  CHECK(text.find("because DO_NOT_TRACK=1 (rule 4) to change unset DO_NOT_TRACK ") != std::string::npos);
}

TEST_CASE("advice places: root, too, makes nothing in the root of the file system where that is HOME") {
  const std::vector<std::string> before = names_in("/");
  Shell shell;
  for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"}) shell.sandbox.environment.erase(name);
  shell.sandbox.environment["HOME"] = "/";
  CHECK(shell.type("tool").out.find("verdict=off") == 0);
  for (const char* const word : {"enable", "disable"}) {
    const Result result = shell.type(std::string("tool usage-stats ") + word);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("HOME is the root of the file system") != std::string::npos);
  }
  CHECK(names_in("/") == before);
}
