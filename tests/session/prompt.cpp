// The question of ConsentMode::ask, on a real terminal.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>

#include "pty.hpp"
#include "sandbox.hpp"

namespace {

constexpr const char* question = "Do you agree?";

/// A person before a program that asks.
struct Person {
  Sandbox sandbox;

  Command command(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"--consent", "ask", "--url", "http://127.0.0.1:9/", "--purpose", "To learn."};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Command command = sandbox.command("versioned", arguments);
    command.environment["TERM"] = "xterm";
    return command;
  }
  nlohmann::json config() const { return nlohmann::json::parse(read_file(sandbox.config_file("versioned"))); }
  bool has_config() const { return std::filesystem::exists(sandbox.config_file("versioned")); }
  int unanswered() const {
    return nlohmann::json::parse(read_file(sandbox.usage_folder("versioned") / "state.json"))["unanswered_prompts"];
  }
  /// What the program says of itself after the person has typed this.
  std::string verdict_after(const std::string& keys) const {
    Terminal terminal(command());
    terminal.wait_for(question);
    terminal.type(keys);
    CHECK(terminal.wait().exit_code == 0);
    const std::string screen = terminal.screen();
    const std::size_t at = screen.find("verdict=");
    return at == screen.npos ? screen : screen.substr(at, screen.find('\n', at) - at);
  }
};

}  // namespace

TEST_CASE("prompt: yes and no, in any case, are stored and hold from now on") {
  for (const char* yes : {"y\n", "Y\n", "yes\n", "YES\r"}) {
    Person person;
    CHECK(person.verdict_after(yes) == "verdict=on rule=12");
    CHECK(person.config() == nlohmann::json({{"usage_stats", true}}));
    CHECK(person.unanswered() == 0);
    Terminal again(person.command());
    CHECK(again.wait().exit_code == 0);
    CHECK(again.screen() == "verdict=on rule=9\n");
  }
  for (const char* no : {"n\n", "N\n", "no\n", "nO\n"}) {
    Person person;
    CHECK(person.verdict_after(no) == "verdict=off rule=12");
    CHECK(person.config() == nlohmann::json({{"usage_stats", false}}));
    CHECK(person.sandbox.report_files("versioned").empty());
    Terminal again(person.command());
    CHECK(again.wait().exit_code == 0);
    CHECK(again.screen() == "verdict=off rule=9\n");
  }
}

TEST_CASE("prompt: Enter, other words and the end of file mean not now, and are counted") {
  Person person;
  int count = 0;
  for (const char* keys : {"\n", "maybe\n", "\x04"}) {
    CHECK(person.verdict_after(keys) == "verdict=off rule=12");
    CHECK(person.unanswered() == ++count);
    CHECK_FALSE(person.has_config());
  }
  // Three times is enough.
  Terminal fourth(person.command());
  CHECK(fourth.wait().exit_code == 0);
  CHECK(fourth.screen() == "verdict=off rule=12\n");
  CHECK(person.unanswered() == 3);
  CHECK(person.sandbox.report_files("versioned").empty());
}

TEST_CASE("prompt: who says nothing for 10 s is not asked longer") {
  Person person;
  const auto begin = std::chrono::steady_clock::now();
  Terminal terminal(person.command());
  CHECK(terminal.wait().exit_code == 0);
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took >= std::chrono::milliseconds(9900));
  CHECK(took < std::chrono::seconds(20));
  CHECK(terminal.screen().find("verdict=off rule=12") != std::string::npos);
  CHECK(person.unanswered() == 1);
  CHECK_FALSE(person.has_config());
}

TEST_CASE("prompt: Ctrl-C kills the program as it would without us, and is counted") {
  Person person;
  Terminal terminal(person.command());
  const std::string before = terminal.settings();
  terminal.wait_for(question);
  terminal.type("\x03");
  CHECK(terminal.wait().signal == SIGINT);
  CHECK(terminal.settings() == before);
  CHECK(person.unanswered() == 1);
  CHECK_FALSE(person.has_config());
}

TEST_CASE("prompt: what was typed ahead is not eaten, be it a line or half a line") {
  for (const char* ahead : {"first\nsecond\n", "y\n", "hal"}) {
    Person person;
    Terminal terminal(person.command({"--read"}), {80, ahead});
    const std::string before = terminal.settings();
    terminal.wait_for("verdict=");
    CHECK(terminal.settings() == before);
    terminal.type("later\n");
    terminal.wait_for("read:" + std::string(ahead).substr(0, std::string(ahead).find('\n')));
    terminal.wait_for("later");
    terminal.type("\x04");
    CHECK(terminal.wait().exit_code == 0);
    CHECK(terminal.screen().find(question) == std::string::npos);
    CHECK(terminal.screen().find("rule=15") != std::string::npos);
    CHECK_FALSE(person.has_config());
  }
}

TEST_CASE("prompt: nothing is sent from who could not be asked, whatever holds where nobody is at a terminal") {
  for (const char* unattended : {"on", "local", "off"}) {
    Person person;
    Terminal terminal(person.command({"--read", "--unattended", unattended}), {80, "y\n"});
    terminal.wait_for("verdict=");
    terminal.type("\x04");
    CHECK(terminal.wait().exit_code == 0);
    const std::string expected = unattended == std::string("off") ? "verdict=off rule=15" : "verdict=local rule=15";
    CHECK(terminal.screen().find(expected) != std::string::npos);
    CHECK_FALSE(person.has_config());
  }
}

TEST_CASE("prompt: what is typed after the answer is the program's") {
  Person person;
  Terminal terminal(person.command({"--read"}));
  terminal.wait_for(question);
  terminal.type("y\nfor the program\n");
  terminal.wait_for("read:for the program");
  terminal.type("\x04");
  CHECK(terminal.wait().exit_code == 0);
  CHECK(terminal.screen().find("read:y") == std::string::npos);
  CHECK(person.config() == nlohmann::json({{"usage_stats", true}}));
}

TEST_CASE("prompt: it is on standard error; standard output may be a pipe") {
  Person person;
  Terminal terminal(person.command(), {80, "", false, false, true, false});
  terminal.wait_for(question);
  terminal.type("n\n");
  const Result result = terminal.wait();
  CHECK(result.exit_code == 0);
  CHECK(result.out == "verdict=off rule=12\n");
}

TEST_CASE("prompt: nobody is asked where nobody can answer") {
  const auto asked = [](const TerminalSetup& setup, const std::map<std::string, std::string>& variables) {
    Person person;
    Command command = person.command();
    for (const auto& [name, value] : variables) command.environment[name] = value;
    Terminal terminal(command, setup);
    const Result result = terminal.wait();
    CHECK(result.exit_code == 0);
    const std::string all = terminal.screen() + result.out + result.err;
    CHECK(all == "verdict=local rule=15\n");
    CHECK_FALSE(person.has_config());
  };
  asked({}, {{"TERM", "dumb"}});
  asked({}, {{"CI", "true"}});
  asked({}, {{"GITHUB_ACTIONS", "true"}});
  asked({80, "", true}, {});                       // in the background
  asked({80, "", false, true}, {});                // standard input is no terminal
  asked({80, "", false, false, false, true}, {});  // standard error is a pipe
}

TEST_CASE("prompt: at most 8 lines of 80 columns, and words stay whole on 20") {
  Person person;
  Terminal terminal(person.command({"--policy-url", "https://example.org/privacy"}));
  terminal.wait_for(question);
  terminal.wait_for("not now.");
  const std::string shown = terminal.screen();
  CHECK(std::count(shown.begin(), shown.end(), '\n') <= 7);
  for (const char* part : {"versioned", "To learn.", "127.0.0.1", "versioned usage-stats disable",
                           "VERSIONED_USAGE_STATS_ENABLED=0", "https://example.org/privacy"})
    CHECK(shown.find(part) != std::string::npos);
  terminal.type("\n");
  terminal.wait();

  Terminal narrow(person.command(), {20});
  narrow.wait_for(question);
  narrow.type("\n");
  narrow.wait();
  CHECK(narrow.screen().find("collect usage\nstatistics:") != std::string::npos);
}
