// Whatever goes beyond the notice (a recipient, a detail, an id, a choice) is withheld until a short notice has named
// it; what was disclosed continues as before. (Fields that are new: new_data.cpp.)
#include <doctest/doctest.h>

#include <set>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include <usage_stats.hpp>

namespace us = usage_stats;

namespace {

using Words = std::vector<std::string>;

/// Versions of a program that ask for more and more, and two servers.
struct Versions {
  Server old_server, new_server;
  Sandbox sandbox;

  Command command(const Words& options, const Words& arguments = {"--customer=jane", "--threads=8"}) const {
    Words all{"--delivery", "wait", "--wait-limit", "20000"};
    all.insert(all.end(), options.begin(), options.end());
    all.emplace_back("--as");
    all.insert(all.end(), arguments.begin(), arguments.end());
    Command command = sandbox.command("versioned", all);
    command.environment["TERM"] = "xterm";
    return command;
  }
  /// The options of a version that reports to the old server.
  Words old(const Words& more = {}) const { return with({"--url", old_server.url()}, more); }
  static Words with(Words options, const Words& more) {
    options.insert(options.end(), more.begin(), more.end());
    return options;
  }
  std::string at_terminal(const Words& options) const {
    Terminal terminal(command(options));
    CHECK(terminal.wait().exit_code == 0);
    return terminal.screen();
  }
  std::string in_cron(const Words& options) const {
    const Result result = run(command(options));
    CHECK(result.err == "");
    return result.out;
  }
  nlohmann::json status(const Words& options) const {
    return nlohmann::json::parse(run(command(options, {"usage-stats", "status", "--json"})).out);
  }
  nlohmann::json preview(const Words& options) const {
    return nlohmann::json::parse(run(command(options, {"usage-stats", "preview", "--json"})).out);
  }
  /// The newest report that a server has, which must be its `count`th.
  static nlohmann::json last(const Server& server, std::size_t count) {
    const auto requests = server.wait_for(count);
    CHECK(requests.size() == count);
    return nlohmann::json::parse(requests.back().body);
  }
  static std::string arguments(const nlohmann::json& report) { return report["command"]["arguments"].dump(); }
};

}  // namespace

TEST_CASE("disclosed more: a new recipient gets nothing until it was named; the old one gets what it got") {
  Versions versions;
  versions.at_terminal(versions.old());
  const Words second = versions.old({"--url", versions.new_server.url(), "--arguments", "values", "--version", "2.0"});
  for (std::size_t count : {1U, 2U}) {
    CHECK(versions.in_cron(second) == "verdict=on rule=13\n");
    CHECK(Versions::arguments(Versions::last(versions.old_server, count)) ==
          R"(["--customer=<text>","--threads=<int>"])");
  }
  const auto status = versions.status(second);
  CHECK(status["verdict"] == "on");
  CHECK(status["withheld"].size() == 2);
  CHECK(status["endpoints"].size() == 1);
  CHECK(versions.preview(second)["requests"].size() == 1);
  CHECK(versions.new_server.requests().empty());

  const std::string shown = versions.at_terminal(second);
  const std::string port = std::to_string(versions.new_server.port());
  CHECK(shown.find("versioned 2.0 also reports, from the next run on:") != std::string::npos);
  CHECK(shown.find("- to http://127.0.0.1:" + port + " (json)") != std::string::npos);
  CHECK(shown.find("- the values of options and arguments") != std::string::npos);
  CHECK(shown.find("versioned usage-stats disable") != std::string::npos);
  CHECK(std::count(shown.begin(), shown.end(), '\n') <= 9);  // and the program's own line
  CHECK(versions.new_server.requests().empty());             // not by the run that names it

  CHECK(versions.at_terminal(second) == "verdict=on rule=13\n");
  CHECK(Versions::arguments(Versions::last(versions.new_server, 1)).find("--threads=8") != std::string::npos);
  CHECK(versions.status(second)["withheld"].empty());
  CHECK(versions.at_terminal(versions.old()) == "verdict=on rule=13\n");  // an older version has nothing new
}

TEST_CASE("disclosed more: where every recipient is new the report stays local for good, and status says why") {
  Versions versions;
  versions.at_terminal(versions.old());
  const Words second{"--url", versions.new_server.url()};
  CHECK(versions.in_cron(second) == "verdict=local rule=13\n");
  CHECK(versions.sandbox.pending("versioned").empty());
  const auto status = versions.status(second);
  CHECK(status["verdict"] == "local");
  CHECK(status["why"].get<std::string>().find("no notice has named the server") != std::string::npos);
  CHECK(status["withheld"].size() == 1);
  CHECK(versions.preview(second)["would_be_sent"] == false);
  CHECK(run(versions.command(second, {"usage-stats", "enable"})).exit_code == 0);  // which names it
  CHECK(versions.in_cron(second) == "verdict=on rule=9\n");
  CHECK(Versions::last(versions.new_server, 1)["client_id"].get<std::string>().size() == 32);
  CHECK(versions.old_server.requests().empty());
}

TEST_CASE("disclosed more: another protocol is another recipient, another path is not") {
  Versions versions;
  versions.at_terminal(versions.old());
  CHECK(versions.in_cron({"--url", versions.old_server.url("/v2/usage")}) == "verdict=on rule=13\n");
  CHECK(versions.in_cron(versions.old({"--protocol", "otlp"})) == "verdict=local rule=13\n");
  CHECK(versions.old_server.requests().size() == 1);
}

TEST_CASE("disclosed more: whom the user or the administrator names needs no notice") {
  for (const char* const by : {"environment", "config", "policy", "additional"}) {
    CAPTURE(by);
    Versions versions;
    const auto policy = (versions.sandbox.home() / "policy.json").string();
    const Words options = versions.old({"--policy-file", policy});
    versions.at_terminal(options);
    const std::string url = versions.new_server.url(), what = by;
    if (what == "environment") versions.sandbox.environment["VERSIONED_USAGE_STATS_ENDPOINT"] = url;
    if (what == "config")
      write_file(versions.sandbox.config_file("versioned"), R"({"usage_stats_endpoint": ")" + url + "\"}");
    if (what == "policy") write_file(policy, R"({"usage_stats_endpoint": ")" + url + "\"}");
    if (what == "additional")
      write_file(versions.sandbox.config_file("versioned"),
                 R"({"usage_stats_additional_endpoints": [")" + url + "\"]}");
    CHECK(versions.in_cron(options) == "verdict=on rule=13\n");
    CHECK(versions.new_server.wait_for(1).size() == 1);
    CHECK(versions.old_server.requests().size() == (what == "additional" ? 1 : 0));
  }
}

TEST_CASE("disclosed more: names of options, and the values of those that are listed") {
  Versions versions;
  versions.at_terminal(versions.old({"--arguments", "none", "--argument-value", "threads"}));
  versions.in_cron(versions.old());
  CHECK_FALSE(Versions::last(versions.old_server, 1)["command"].contains("arguments"));
  CHECK(versions.at_terminal(versions.old()).find("- the names of the options") != std::string::npos);
  const Words second = versions.old({"--argument-value", "threads", "--argument-value", "customer"});
  versions.in_cron(second);
  CHECK(Versions::arguments(Versions::last(versions.old_server, 3)) == R"(["--customer=<text>","--threads=8"])");
  // All values: what was listed goes on.
  versions.in_cron(versions.old({"--arguments", "values"}));
  CHECK(Versions::arguments(Versions::last(versions.old_server, 4)) == R"(["--customer=<text>","--threads=8"])");
  CHECK(versions.at_terminal(second).find("- the value of the option customer") != std::string::npos);
  CHECK(versions.status(second)["withheld"].empty());
}

TEST_CASE("disclosed more: ... also if the program's own parser reports them") {
  Versions versions;
  const Words none = versions.old({"--arguments", "none", "--argument-value", "threads"});
  const auto shown = [&](const Words& more) {
    return versions.old(Versions::with({"--tell", "customer=jane", "--tell", "threads=8"}, more));
  };
  versions.at_terminal(none);
  versions.in_cron(shown({}));
  CHECK_FALSE(Versions::last(versions.old_server, 1)["command"].contains("arguments"));
  versions.at_terminal(shown({}));
  const Words second = shown({"--argument-value", "threads", "--argument-value", "customer"});
  versions.in_cron(second);
  CHECK(Versions::arguments(Versions::last(versions.old_server, 3)) == R"(["--customer=<text>","--threads=8"])");
  versions.in_cron(shown({"--arguments", "values"}));
  CHECK(Versions::arguments(Versions::last(versions.old_server, 4)) == R"(["--customer=<text>","--threads=8"])");
  versions.at_terminal(second);
  versions.in_cron(second);
  CHECK(Versions::arguments(Versions::last(versions.old_server, 6)) == R"(["--customer=jane","--threads=8"])");
}

TEST_CASE("disclosed more: the messages of errors") {
  Versions versions;
  const Words first = versions.old({"--errors", "type", "--fail", "it failed"}),
              second = versions.old({"--fail", "it failed"});
  versions.at_terminal(first);
  versions.in_cron(second);
  CHECK_FALSE(Versions::last(versions.old_server, 1)["outcome"]["error"].contains("message"));
  const Command preview = versions.command(second, {"usage-stats", "preview", "--message", "it failed"});
  CHECK(run(preview).err.find("withheld until a notice has named them") != std::string::npos);
  CHECK(versions.at_terminal(second).find("- error messages") != std::string::npos);
  versions.in_cron(second);
  CHECK(Versions::last(versions.old_server, 3)["outcome"]["error"].contains("message"));
}

TEST_CASE("disclosed more: an id that lives longer, or shows more of itself") {
  Versions versions;
  const auto id = [&](std::size_t count) -> std::string {
    return Versions::last(versions.old_server, count)["client_id"];
  };
  versions.at_terminal(versions.old({"--client-id", "session", "--hash-client-id", "yes"}));
  const Words hashed = versions.old({"--hash-client-id", "yes"});
  versions.in_cron(hashed);
  const std::string one = id(1);
  versions.in_cron(hashed);
  CHECK(id(2) != one);  // as before: each run has one of its own
  CHECK_FALSE(nlohmann::json::parse(read_file(versions.sandbox.usage_folder("versioned") / "state.json"))
                  .contains("client_id"));
  CHECK_FALSE(versions.status(hashed).contains("client_id"));
  CHECK(versions.at_terminal(hashed).find("stays the same for this installation") != std::string::npos);
  versions.in_cron(hashed);
  const std::string lasting = id(4);
  CHECK(lasting.size() == 64);
  versions.in_cron(versions.old());
  CHECK(id(5) == lasting);
  CHECK(versions.status(versions.old())["client_id"] == lasting);
  CHECK(versions.at_terminal(versions.old()).find("- the random id itself") != std::string::npos);
  versions.in_cron(versions.old());
  CHECK(id(7).size() == 32);
}

TEST_CASE("disclosed more: a field's new choice is `other`, and one of another kind is withheld") {
  Versions versions;
  versions.at_terminal(versions.old({"--choice", "format=cool,mcool", "--declare", "size"}));
  const Words second = versions.old({"--choice", "format=cool,hic", "--text", "size"});
  versions.in_cron(second);
  CHECK(Versions::last(versions.old_server, 1)["fields"] == nlohmann::json({{"format", "other"}}));
  CHECK(run(versions.command(second, {"usage-stats", "describe"})).out.find("size (text; withheld") !=
        std::string::npos);
  const std::string shown = versions.at_terminal(second);
  CHECK(shown.find("- format: what format is; new: hic") != std::string::npos);
  CHECK(shown.find("- size: what size is (now text)") != std::string::npos);
  versions.in_cron(second);
  CHECK(Versions::last(versions.old_server, 3)["fields"] == nlohmann::json({{"format", "hic"}, {"size", "a word"}}));
  versions.in_cron(versions.old({"--choice", "format=cool,mcool"}));  // what was known stays known
  CHECK(Versions::last(versions.old_server, 4)["fields"] == nlohmann::json({{"format", "mcool"}}));
}

TEST_CASE("disclosed more: a description alone is shown, and holds nothing back") {
  Versions versions;
  versions.at_terminal(versions.old({"--declare", "size"}));
  const Words second = versions.old({"--declare", "size", "--description", "size=bytes that were copied"});
  CHECK(versions.in_cron(second) == "verdict=on rule=13\n");
  CHECK(Versions::last(versions.old_server, 1)["fields"] == nlohmann::json({{"size", 1}}));
  CHECK(versions.status(second)["withheld"].empty());
  CHECK(versions.at_terminal(second).find("- size: bytes that were copied") != std::string::npos);
  CHECK(versions.at_terminal(second) == "verdict=on rule=13\n");
}

TEST_CASE("disclosed more: who switched it on by hand knows what that version asked for, and no more") {
  Versions versions;
  write_file(versions.sandbox.config_file("versioned"), "{\"usage_stats\": true}");
  CHECK(versions.in_cron(versions.old()) == "verdict=on rule=9\n");
  CHECK(versions.in_cron(versions.old({"--arguments", "values"})) == "verdict=on rule=9\n");
  CHECK(Versions::arguments(Versions::last(versions.old_server, 2)).find("jane") == std::string::npos);
  CHECK(versions.in_cron({"--url", versions.new_server.url()}) == "verdict=local rule=9\n");
  CHECK(versions.new_server.requests().empty());
}

TEST_CASE("disclosed more: a state that remembers names alone takes the rest from what runs first, once") {
  Versions versions;
  versions.at_terminal(versions.old({"--declare", "size"}));
  const auto file = versions.sandbox.usage_folder("versioned") / "state.json";
  nlohmann::json state = nlohmann::json::parse(read_file(file));
  state.erase("disclosed");
  state["told"] = true;
  state["announced"] = {"size"};
  write_file(file, state.dump());
  versions.in_cron(versions.old({"--declare", "size", "--declare", "speed"}));
  CHECK(Versions::last(versions.old_server, 1)["fields"] == nlohmann::json({{"size", 1}}));
  CHECK(versions.in_cron({"--url", versions.new_server.url()}) == "verdict=local rule=13\n");
  versions.in_cron(versions.old({"--arguments", "values"}));
  CHECK(Versions::arguments(Versions::last(versions.old_server, 2)).find("jane") == std::string::npos);
}

TEST_CASE("disclosed more: what waits for an old recipient is sent by `send` though all of now are new") {
  Versions versions;
  versions.at_terminal(versions.old());
  versions.old_server.answer([](const ReceivedRequest&) { return Answer{503}; });
  versions.in_cron(versions.old());
  REQUIRE(versions.sandbox.pending("versioned").size() == 1);
  versions.old_server.answer([](const ReceivedRequest&) { return Answer{}; });
  CHECK(run(versions.command({"--url", versions.new_server.url()}, {"usage-stats", "send"})).exit_code == 0);
  CHECK(versions.old_server.requests().size() == 2);
  CHECK(versions.new_server.requests().empty());
}
