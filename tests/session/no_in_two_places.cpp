// A "no" is kept in the config file and in the state: either is enough, whatever a shell's variables say.
#include <doctest/doctest.h>

#include "held_state.hpp"
#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

/// A user who has one shell with a config folder of its own, and a cron without.
struct User {
  Server server;
  Sandbox sandbox;

  Command command(std::vector<std::string> more, bool own_config_folder) const {
    std::vector<std::string> arguments{"--url", server.url(), "--unattended", "on", "--delivery", "wait"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Command command = sandbox.command("versioned", arguments);
    command.environment["TERM"] = "xterm";
    command.environment["XDG_CONFIG_HOME"] = (sandbox.home() / (own_config_folder ? "mine" : "config")).string();
    return command;
  }
  Result in_shell(std::vector<std::string> more) const { return run(command(std::move(more), true)); }
  Result in_cron(std::vector<std::string> more = {}) const { return run(command(std::move(more), false)); }
  nlohmann::json status_in_cron() const {
    return nlohmann::json::parse(in_cron({"--as", "usage-stats", "status", "--json"}).out);
  }
  std::string state_file() const { return (sandbox.usage_folder("versioned") / "state.json").string(); }
};

}  // namespace

TEST_CASE("no in two places: `disable` in one shell holds in another that finds another config file") {
  User user;
  CHECK(user.in_shell({"--as", "usage-stats", "disable"}).exit_code == 0);
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
  CHECK(user.in_shell({}).out == "verdict=off rule=9\n");
  const auto status = user.status_in_cron();
  CHECK(status["rule"] == 9);
  CHECK(status["why"].get<std::string>().find(user.state_file()) != std::string::npos);
  CHECK(status["change"].get<std::string>().find("versioned usage-stats enable") != std::string::npos);
  CHECK(user.server.requests().empty());

  // Also where that config file says yes.
  write_file(user.sandbox.home() / "config" / "versioned" / "config.json", "{\"usage_stats\": true}");
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
  CHECK(user.server.requests().empty());
}

TEST_CASE("no in two places: the config's alone is enough") {
  User user;
  user.in_cron({"--as", "usage-stats", "disable"});
  std::filesystem::remove_all(user.sandbox.usage_folder("versioned"));
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
}

TEST_CASE("no in two places: `enable` takes back what it finds, and says what still overrides it") {
  User user;
  user.in_cron({"--as", "usage-stats", "disable"});
  CHECK(user.in_shell({"--as", "usage-stats", "enable"}).exit_code == 0);
  CHECK(user.in_shell({}).out == "verdict=on rule=9\n");
  CHECK(user.in_cron().out == "verdict=off rule=9\n");  // whose config still says so
  const Result enabled = user.in_cron({"--as", "usage-stats", "enable"});
  CHECK(enabled.out.find("overridden") == std::string::npos);
  CHECK(user.in_cron().out == "verdict=on rule=9\n");
}

TEST_CASE("no in two places: the answer at the question, too") {
  User user;
  Terminal terminal(user.command({"--consent", "ask"}, true));
  terminal.wait_for("Do you agree?");
  terminal.type("n\n");
  terminal.wait();
  CHECK(user.in_cron({"--consent", "ask"}).out == "verdict=off rule=9\n");
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
}

TEST_CASE("no in two places: ... also where another process holds state.json at that moment") {
  User user;
  Terminal terminal(user.command({"--consent", "ask"}, true));
  terminal.wait_for("Do you agree?");
  HeldState held(user.sandbox.usage_folder("versioned"));
  terminal.type("n\n");
  CHECK(
      wait_until([&] { return std::filesystem::exists(user.sandbox.home() / "mine" / "versioned" / "config.json"); }));
  held.wait_for_tries(100);
  held.let_go();
  terminal.wait();
  CHECK(nlohmann::json::parse(read_file(user.state_file()))["said_no"] == true);
}

TEST_CASE("no in two places: `disable` holds also where the config file cannot be written, which it says") {
  User user;
  write_file(user.sandbox.home() / "mine" / "versioned" / "config.json", "{");
  const Result disabled = user.in_shell({"--as", "usage-stats", "disable"});
  CHECK(disabled.exit_code == 1);
  CHECK(disabled.err.find("config.json") != std::string::npos);
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
}

TEST_CASE("no in two places: `delete` and `reset` do not take it back") {
  User user;
  user.in_cron();
  user.in_shell({"--as", "usage-stats", "disable"});
  user.in_cron({"--as", "usage-stats", "reset"});
  user.in_cron({"--as", "usage-stats", "delete"});
  CHECK(user.in_cron().out == "verdict=off rule=9\n");
}

TEST_CASE("no in two places: what is stronger than the config is stronger than the state") {
  User user;
  user.in_shell({"--as", "usage-stats", "disable"});
  Command command = user.command({}, false);
  command.environment["VERSIONED_USAGE_STATS_ENABLED"] = "1";
  CHECK(run(command).out == "verdict=on rule=7\n");
}

TEST_CASE("no in two places: a run that lives through `disable` in another shell is not sent") {
  User user;
  user.in_cron();
  REQUIRE(user.server.wait_for(1).size() == 1);
  Command command = user.command({"--read"}, false);
  command.open_input = true;
  Process running(command);
  running.wait_for_output("verdict=on");
  user.in_shell({"--as", "usage-stats", "disable"});
  running.close_input();
  running.wait();
  CHECK(user.sandbox.wait_for_no_uploader());
  CHECK(user.server.requests().size() == 1);
  CHECK(user.sandbox.pending("versioned").empty());
}
