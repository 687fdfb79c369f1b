// A version that declares more than a notice has covered.
#include <doctest/doctest.h>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace {

/// A program in several versions, each with its fields; the server gets what they send.
struct Versions {
  Server server;
  Sandbox sandbox;

  Command command(const std::vector<std::string>& fields, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"--url", server.url(), "--delivery", "wait", "--wait-limit", "20000"};
    for (const std::string& field : fields) arguments.insert(arguments.end(), {"--declare", field});
    arguments.insert(arguments.end(), more.begin(), more.end());
    Command command = sandbox.command("versioned", arguments);
    command.environment["TERM"] = "xterm";
    return command;
  }
  std::string at_terminal(const std::vector<std::string>& fields) const {
    Terminal terminal(command(fields));
    CHECK(terminal.wait().exit_code == 0);
    return terminal.screen();
  }
  std::string without_terminal(const std::vector<std::string>& fields) const {
    const Result result = run(command(fields));
    CHECK(result.err == "");
    return result.out;
  }
  /// The fields of the report that came last.
  std::string last_sent(std::size_t count) const {
    const auto requests = server.wait_for(count);
    CHECK(requests.size() == count);
    std::string names;
    const nlohmann::json report = nlohmann::json::parse(requests.back().body);
    for (const auto& field : report["fields"].items()) names += field.key() + " ";
    return names;
  }
  std::string with_config(const std::string& text) const {
    write_file(sandbox.config_file("versioned"), text);
    return text;
  }
};

}  // namespace

TEST_CASE("new data: withheld until a short notice has named it, then sent; the old goes on") {
  Versions versions;
  versions.at_terminal({"speed"});
  CHECK(versions.at_terminal({"speed"}) == "verdict=on rule=13\n");
  CHECK(versions.last_sent(1) == "speed ");

  // Without a terminal it stays withheld, silently.
  CHECK(versions.without_terminal({"speed", "size"}) == "verdict=on rule=13\n");
  CHECK(versions.last_sent(2) == "speed ");

  const std::string told = versions.at_terminal({"speed", "size"});
  CHECK(told.find("size: what size is") != std::string::npos);
  CHECK(told.find("speed") == std::string::npos);
  CHECK(told.find("versioned usage-stats disable") != std::string::npos);
  CHECK(versions.last_sent(3) == "speed ");  // not in the run that tells it

  CHECK(versions.at_terminal({"speed", "size"}) == "verdict=on rule=13\n");
  CHECK(versions.last_sent(4) == "size speed ");
}

TEST_CASE("new data: an older version after a newer one asks nothing twice") {
  Versions versions;
  versions.at_terminal({"one"});
  versions.at_terminal({"one", "two"});
  versions.at_terminal({"one"});
  CHECK(versions.at_terminal({"one", "two"}) == "verdict=on rule=13\n");
  CHECK(versions.last_sent(3) == "one two ");
}

TEST_CASE("new data: a yes at the question covers what is declared then, and not what comes later") {
  Versions versions;
  Command first = versions.command({"one"}, {"--consent", "ask"});
  Terminal terminal(first);
  terminal.wait_for("Do you agree?");
  terminal.type("y\n");
  terminal.wait();
  CHECK(versions.last_sent(1) == "one ");
  Terminal second(versions.command({"one", "two"}, {"--consent", "ask"}));
  second.wait();
  CHECK(second.screen().find("two: what two is") != std::string::npos);
  CHECK(second.screen().find("verdict=on rule=9") != std::string::npos);
  CHECK(versions.last_sent(2) == "one ");
}

TEST_CASE("new data: `enable` covers what is declared then, also if that is nothing") {
  Versions versions;
  Command enable = versions.command({}, {"--as", "usage-stats", "enable"});
  CHECK(run(enable).exit_code == 0);
  CHECK(versions.without_terminal({"late"}) == "verdict=on rule=9\n");
  CHECK(versions.last_sent(1) == "");
}

TEST_CASE("new data: who switches it on by hand is taken to know what is declared then") {
  SUBCASE("in the config file") {
    Versions versions;
    versions.with_config("{\"usage_stats\": true}");
    CHECK(versions.without_terminal({"one"}) == "verdict=on rule=9\n");
    CHECK(versions.last_sent(1) == "one ");
    versions.without_terminal({"one", "two"});
    CHECK(versions.last_sent(2) == "one ");
  }
  SUBCASE("in the environment") {
    Versions versions;
    versions.sandbox.environment["VERSIONED_USAGE_STATS_ENABLED"] = "1";
    CHECK(versions.without_terminal({"one"}) == "verdict=on rule=7\n");
    CHECK(versions.last_sent(1) == "one ");
  }
}

TEST_CASE("new data: a version that declares nothing covers nothing of the next one, however it was switched on") {
  SUBCASE("at the question") {
    Versions versions;
    Terminal terminal(versions.command({}, {"--consent", "ask"}));
    terminal.wait_for("Do you agree?");
    terminal.type("y\n");
    terminal.wait();
    versions.without_terminal({"late"});
    CHECK(versions.last_sent(2) == "");
  }
  SUBCASE("in the config file") {
    Versions versions;
    versions.with_config("{\"usage_stats\": true}");
    versions.without_terminal({});
    versions.without_terminal({"late"});
    CHECK(versions.last_sent(2) == "");
  }
  SUBCASE("in the environment") {
    Versions versions;
    versions.sandbox.environment["VERSIONED_USAGE_STATS_ENABLED"] = "1";
    versions.without_terminal({});
    versions.without_terminal({"late"});
    CHECK(versions.last_sent(2) == "");
  }
}

TEST_CASE("new data: `delete` does not make known what is new") {
  Versions versions;
  versions.with_config("{\"usage_stats\": true}");
  versions.without_terminal({"one"});
  CHECK(run(versions.command({"one"}, {"--as", "usage-stats", "delete"})).exit_code == 0);
  versions.without_terminal({"one", "two"});
  CHECK(versions.last_sent(3) == "one ");  // the deletion is a request, too
}

TEST_CASE("new data: more than a notice can name is named by several") {
  Versions versions;
  std::vector<std::string> many;
  for (int i = 0; i < 60; ++i) many.push_back("a_field_with_a_rather_long_name_" + std::to_string(i));
  versions.at_terminal({});
  std::string told = versions.at_terminal(many);
  CHECK(std::count(told.begin(), told.end(), '\n') <= 9);  // and the program's own line
  CHECK(told.find(many[0]) != std::string::npos);
  CHECK(told.find("a_field_with_a_rather_long_name_9,") == std::string::npos);
  for (int runs = 0; runs < 20 && told != "verdict=on rule=13\n"; ++runs) told = versions.at_terminal(many);
  CHECK(told == "verdict=on rule=13\n");
}
