// `usage-stats status`, and how the command answers in general.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "sandbox.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace {

nlohmann::json status(const Sandbox& sandbox, std::vector<std::string> options = {}) {
  const Result result = run_usage_stats(sandbox, {"status", "--json"}, std::move(options));
  CHECK(result.exit_code == 0);
  CHECK(result.err == "");
  return nlohmann::json::parse(result.out);
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

/// The folder of a program that has made reports while its server refused all connections.
void fill(const Sandbox& sandbox, int runs) {
  std::vector<std::string> arguments = sending_to("http://127.0.0.1:9/");
  sandbox.run("reporter", arguments);
  const std::string report = read_file(sandbox.report_files().at(0));
  const std::string envelope = read_file(sandbox.usage_folder() / "pending" / sandbox.pending().at(0));
  const std::string session = sandbox.pending().at(0), client = nlohmann::json::parse(report)["client_id"];
  for (int i = 0; i < runs; ++i) {
    std::string number = std::to_string(i);
    number = std::string(32 - number.size(), '0') + number;
    std::string copy = envelope;
    copy.replace(copy.find(session), 32, number);
    write_file(sandbox.usage_folder() / "pending" / number, copy);
    write_file(sandbox.usage_folder() / client / number / "usage_stats.json", report);
  }
}

}  // namespace

TEST_CASE("command status: status: names the rule, the variable or file with its value, and what changes it") {
  Sandbox sandbox;
  const auto says = [&](int rule, const std::string& why, const std::string& change,
                        std::vector<std::string> options = {}) {
    const nlohmann::json now = status(sandbox, std::move(options));
    CHECK(now["rule"] == rule);
    CHECK_MESSAGE(now["why"].get<std::string>().find(why) != std::string::npos, now["why"] << " without " << why);
    CHECK_MESSAGE(now["change"].get<std::string>().find(change) != std::string::npos,
                  now["change"] << " without " << change);
  };
  const std::string config = sandbox.config_file().string(), policy = (sandbox.root() / "policy.json").string();
  says(15, "nobody at a terminal", "reporter usage-stats enable");
  says(11, "opt-in", "reporter usage-stats enable", {"--consent", "opt_in"});
  says(8, "official", "set REPORTER_USAGE_STATS_ENABLED=1", {"--official", "no"});
  write_file(config, "{\"usage_stats\": true}");
  says(9, config + " says \"usage_stats\": true", "reporter usage-stats disable", {"--url", "http://127.0.0.1:9/"});
  write_file(config, "{\"usage_stats\": false}");
  says(9, config + " says \"usage_stats\": false", "reporter usage-stats enable");
  write_file(config, "{");
  says(10, config, "repair or remove " + config);
  write_file(policy, "{\"usage_stats\": false}");
  says(6, policy + " says \"usage_stats\": false", policy, {"--policy-file", policy});
  sandbox.environment["DO_NOT_TRACK"] = "1";
  says(4, "DO_NOT_TRACK=1", "unset DO_NOT_TRACK");
  sandbox.environment["REPORTER_NO_TELEMETRY"] = "1";
  says(3, "REPORTER_NO_TELEMETRY", "unset REPORTER_NO_TELEMETRY");
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "off";
  says(2, "REPORTER_USAGE_STATS_ENABLED=off", "unset REPORTER_USAGE_STATS_ENABLED");
  says(1, "sample", "author", {"--sample", "7"});
}

TEST_CASE("command status: status: shows endpoint, id, what waits and why, and what was sent") {
  Server server;
  Sandbox sandbox;
  CHECK_FALSE(status(sandbox, {"--url", server.url()}).contains("client_id"));
  sandbox.run("reporter", sending_to(server.url()));
  nlohmann::json now = status(sandbox, {"--url", server.url(), "--contact", "me@example.org"});
  CHECK(now["verdict"] == "on");
  CHECK(now["contact"] == "me@example.org");
  CHECK(now["endpoints"] == nlohmann::json({{{"url", server.url()}, {"protocol", "json"}}}));
  CHECK(now["client_id"] == sandbox.report()["client_id"]);
  CHECK(now["sent"] == 1);
  CHECK(now.contains("last_sent"));
  CHECK(now["waiting"] == nlohmann::json({{"reports", 0}, {"deletions", 0}}));
  server.answer([](const ReceivedRequest&) { return Answer{503, {{"Retry-After", "3600"}}, "too busy"}; });
  sandbox.run("reporter", sending_to(server.url()));
  now = status(sandbox, {"--url", server.url()});
  CHECK(now["waiting"]["reports"] == 1);
  CHECK(now["waiting"].contains("not_before"));
  CHECK(now["waiting"]["last_error"].get<std::string>().find("503") != std::string::npos);
  const Result text = run_usage_stats(sandbox, {"status"},
                                      {"--url", server.url(), "--purpose", std::string(300, 'x') + " words words"});
  CHECK(text.out.find("1 report; next attempt after 20") != std::string::npos);
}

TEST_CASE("command status: status: why the last report of each endpoint was dropped") {
  const std::pair<int, const char*> rows[] = {{404, "refused (status 404: no such page)"},
                                              {410, "stopped (status 410"}};
  for (const auto& [code, why] : rows) {
    const Server server([code = code](const ReceivedRequest&) { return Answer{code, {}, "no such page"}; });
    const Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.wait_for_no_uploader());
    const nlohmann::json drops = status(sandbox, {"--url", server.url()})["last_drops"];
    REQUIRE(drops.size() == 1);
    CHECK(drops[0]["endpoint"] == server.url());
    CHECK(drops[0]["why"].get<std::string>().find(why) == 0);
    const std::string text = run_usage_stats(sandbox, {"status"}, {"--url", server.url()}).out;
    CHECK_MESSAGE(text.find("last dropped  " + server.url()) != std::string::npos, text);
  }
}

TEST_CASE("command status: status: of one it speaks in the singular, of several in the plural") {
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to("http://127.0.0.1:9/"));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string id = sandbox.pending().at(0), envelope = read_file(sandbox.usage_folder() / "pending" / id);
  const std::string host = nlohmann::json::parse(envelope.substr(0, envelope.find('\n')))["host"];
  const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  // A run that is gone, one of another machine, and a report of a newer version.
  const auto add = [&](char digit) {
    const auto put = [&](const char* folder, char second, const std::string& text) {
      const std::string name = std::string(31, digit) + second;
      write_file(sandbox.usage_folder() / folder / name, replaced(text, id, name));
    };
    put("active", 'a', replaced(envelope, "\"host\":\"" + host + "\",", ""));
    put("active", 'b', envelope);  // whose mark goes with another id
    put("pending", 'c', replaced(envelope, "usage-stats-label/1", "usage-stats-label/2"));
  };
  const auto says = [&](std::initializer_list<const char*> rows) {
    const std::string text = run_usage_stats(sandbox, {"status"}).out;
    for (const char* const row : rows) CHECK_MESSAGE(text.find(row) != std::string::npos, row << " is not in " << text);
  };
  add('1');
  says({"1 report;", "1 attempt failed,", "1 run; the next uploader will report it\n", "1 run on another machine",
        "1 report of a newer"});
  add('2');
  sandbox.run("reporter", {"--url", "http://127.0.0.1:9/", "--unattended", "on"});
  says(
      {"2 reports;", "2 runs; the next uploader will report them", "2 runs on other machines", "2 reports of a newer"});
}

TEST_CASE("command status: status: changes nothing, and asks no server") {
  RawServer server([](const std::string&) { return std::string(); });
  Sandbox sandbox;
  sandbox.collect = false;
  fill(sandbox, 99);
  const auto before = tree(sandbox.home());
  const Result result = run_usage_stats(sandbox, {"status"}, {"--url", server.url()});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("100 reports") != std::string::npos);
  CHECK(server.connections() == 0);
  CHECK(tree(sandbox.home()) == before);
}

TEST_CASE("command status: status: 80 columns, and no control characters from anywhere") {
  Sandbox sandbox;
  const Result result =
      run_usage_stats(sandbox, {"status"},
                      {"--url", "https://stats.example.org/v1/usage", "--purpose",
                       "To learn \x1b[31mwhat\x1b[0m is used, and by how many people, and how often, and so on.",
                       "--policy-url", "https://example.org/privacy", "--contact", "me@example.org"});
  CHECK(longest_line(result.out) <= 80);
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK(result.out.find("To learn what is used") != std::string::npos);
}

TEST_CASE("command status: status: says what is wrong") {
  SUBCASE("no home folder") {
    Sandbox sandbox;
    Command command = sandbox.command("reporter", {"--as", "usage-stats", "status", "--json"});
    command.environment = {{"PATH", "/usr/bin:/bin"}};
    const Result result = run(command);
    CHECK(result.exit_code == 0);
    CHECK(nlohmann::json::parse(result.out)["problems"].dump().find("no home folder") != std::string::npos);
    for (const char* word : {"enable", "disable"}) {
      command.arguments = {"--as", "usage-stats", word};
      CHECK(run(command).exit_code == 1);
    }
    for (const char* word : {"show", "preview", "send", "delete", "reset"}) {
      command.arguments = {"--as", "usage-stats", word};
      const Result other = run(command);
      CHECK(other.signal == 0);
      CHECK((other.exit_code == 0 || other.err.find("home folder") != std::string::npos));
    }
  }
  SUBCASE("a folder that others can write to") {
    Sandbox sandbox;
    std::filesystem::create_directories(sandbox.usage_folder());
    ::chmod(sandbox.usage_folder().c_str(), 0777);
    CHECK(status(sandbox)["problems"].dump().find(sandbox.usage_folder().string()) != std::string::npos);
    for (const char* word : {"show", "send", "delete", "reset"}) {
      const Result result = run_usage_stats(sandbox, {word});
      CHECK(result.exit_code == 1);
      CHECK(result.err.find(sandbox.usage_folder().string()) != std::string::npos);
    }
  }
  SUBCASE("a state that is broken") {
    for (const char* text : {"", "{", "[1", "{\"schema\": \"usage-stats-state/1\", \"sent\": \"x\", \"backoff\": 3}"}) {
      Sandbox sandbox;
      sandbox.run("reporter", {"--unattended", "local"});
      write_file(sandbox.usage_folder() / "state.json", text);
      write_file(sandbox.usage_folder() / "pending" / std::string(32, 'a'), "\xff\n");
      write_file(sandbox.usage_folder() / std::string(32, 'b') / std::string(32, 'c') / "usage_stats.json", "{");
      for (const char* word :
           {"status", "show", "preview", "describe", "send", "reset", "delete", "enable", "disable"}) {
        const Result result = run_usage_stats(sandbox, {word});
        CHECK_MESSAGE(result.exit_code == 0, word << ": " << result.err);
      }
    }
  }
}

TEST_CASE("command status: command: alone and with --help it explains its use; an unknown word is an error") {
  Sandbox sandbox;
  for (std::vector<std::string> words : {std::vector<std::string>{}, {"--help"}, {"help"}, {"status", "--help"}}) {
    const Result result = run_usage_stats(sandbox, words);
    CHECK(result.exit_code == 0);
    CHECK(result.err == "");
    CHECK(longest_line(result.out) <= 80);
    for (const char* word : {"status", "enable", "disable", "show", "preview", "describe", "send", "delete", "reset"})
      CHECK(result.out.find("\n  " + std::string(word) + " ") != std::string::npos);
  }
  for (std::vector<std::string> words : {std::vector<std::string>{"stats"},
                                         {"status", "now"},
                                         {"status", "--wire"},
                                         {"show", "0"},
                                         {"show", "-1"},
                                         {"show", "3", "4"},
                                         {"describe", "--format"},
                                         {"describe", "--format", "xml"},
                                         {"enable", "5"},
                                         {"--json"}}) {
    const Result result = run_usage_stats(sandbox, words);
    CHECK(result.exit_code == 2);
    CHECK(result.out == "");
    CHECK(result.err.find("usage: reporter usage-stats") != std::string::npos);
  }
  CHECK(tree(sandbox.home()).empty());
  // Not the first argument: not ours.
  CHECK(sandbox.run("reporter", {"--exit", "7", "--as", "x", "usage-stats", "status"}).exit_code == 7);
}
