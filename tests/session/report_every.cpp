// Options::report_every: a program that runs for long reports while it runs.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <signal.h>

#include <atomic>
#include <list>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "own_home.hpp"
#include "sandbox.hpp"
#include "schema.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

Command long_run(const Sandbox& sandbox, const std::string& url, const std::string& every,
                 std::vector<std::string> more = {"--event-per-line"}) {
  std::vector<std::string> arguments{"--url", url, "--unattended", "on", "--report-every", every};
  arguments.insert(arguments.end(), more.begin(), more.end());
  Command command = sandbox.command("reporter", arguments);
  command.open_input = true;
  return command;
}

std::vector<json> reports_of(const std::vector<ReceivedRequest>& requests) {
  std::vector<json> reports;
  for (const ReceivedRequest& request : requests) reports.push_back(json::parse(request.body));
  return reports;
}

}  // namespace

TEST_CASE("report every: interim reports when something has changed, and a last one") {
  Server server;
  Sandbox sandbox;
  Process process(long_run(sandbox, server.url(), "100"));
  process.wait_for_output("ready");
  server.wait_for(1);  // it has begun
  process.write("a\n");
  server.wait_for(2);
  process.write("bcd\n");
  server.wait_for(3);
  process.close_input();
  CHECK(process.wait().exit_code == 0);
  const std::vector<json> reports = reports_of(server.wait_for(4));
  CHECK(wait_until([&] { return sandbox.pending().empty(); }));  // the uploader has read the answer
  sandbox.end_uploaders();

  REQUIRE(reports.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(schema_problem(reports[i].dump()) == "");
    CHECK(server.requests()[i].header("Idempotency-Key") ==
          reports[0]["session_id"].get<std::string>() + "/" + std::to_string(i + 1));
    CHECK(reports[i]["sequence"] == i + 1);
    CHECK(reports[i]["final"] == (i == 3));
    CHECK(reports[i]["outcome"]["status"] == (i == 3 ? "ok" : "running"));
    CHECK(reports[i]["events"].size() == std::min<std::size_t>(i, 2));
    CHECK(reports[i].contains("ended_at") == (i == 3));
  }
  CHECK(reports[1]["duration_s"] <= reports[2]["duration_s"]);
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.active().empty());
}

TEST_CASE("report every: a command or an argument is something new, and the outcome is told at the end only") {
  const OwnHome home;
  usage_stats::Options options = OwnHome::options();
  options.report_every = std::chrono::milliseconds(50);
  options.subcommands = {"align"};
  usage_stats::TelemetrySession session(options);
  const auto report = [&] { return json::parse(read_file(session.report_path())); };
  REQUIRE(wait_until([&] { return std::filesystem::exists(session.report_path()); }));
  session.fail("std::domain_error", "no such chromosome");
  session.exit_code(3);
  session.command("align");
  CHECK(wait_until([&] { return report()["command"].value("name", "") == "align"; }));
  session.argument("--threads", "8");
  CHECK(wait_until([&] { return report()["command"]["arguments"] == json{"--threads=<int>"}; }));
  CHECK(report()["final"] == false);
  CHECK(report()["outcome"] == json{{"status", "running"}});
  session.finish();
  CHECK(report()["final"] == true);
  CHECK(report()["outcome"]["status"] == "failed");
  CHECK(report()["outcome"]["exit_code"] == 3);
  CHECK(report()["command"] == json{{"name", "align"}, {"arguments", {"--threads=<int>"}}});
}

TEST_CASE("report every: a run that is shorter than the interval reports once") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url(), {"--report-every", "3600000", "--exit", "3"}));
  const std::vector<json> reports = reports_of(server.requests());
  REQUIRE(reports.size() == 1);
  CHECK(reports[0]["sequence"] == 1);
  CHECK(reports[0]["outcome"] == json({{"status", "failed"}, {"exit_code", 3}}));
}

TEST_CASE("report every: what a run had recorded when it was killed, or died of a signal, is kept") {
  for (const int number : {SIGKILL, SIGTERM}) {
    CAPTURE(number);
    Server server;
    Sandbox sandbox;
    Process process(long_run(sandbox, server.url(), "100"));
    process.wait_for_output("ready");
    process.write("a\n");
    REQUIRE(wait_until([&] {
      const std::vector<json> reports = reports_of(server.requests());
      return !reports.empty() && reports.back()["events"].size() == 1;
    }));
    const auto before = reports_of(server.requests());
    process.signal(number);
    CHECK(process.wait().signal == number);
    const json last = reports_of(server.wait_for(before.size() + 1)).back();  // the uploader that stayed has seen it
    sandbox.end_uploaders();
    CHECK(last["sequence"] == before.back()["sequence"].get<int>() + 1);
    CHECK(last["final"] == true);
    CHECK(last["events"].size() == 1);
    CHECK(last["outcome"]["status"] == (number == SIGKILL ? "lost" : "signal"));
    CHECK(schema_problem(last.dump()) == "");
    CHECK(sandbox.active().empty());
  }
}

TEST_CASE("report every: the last report of a run that was killed is no larger than any other") {
  for (const int number : {SIGKILL, SIGTERM}) {
    CAPTURE(number);
    Server server;
    Sandbox sandbox;
    Process process(long_run(sandbox, server.url(), "100", {"--events", "1000", "--wait-for-input"}));
    CHECK(server.wait_for(1)[0].body.size() > 60000);
    process.signal(number);
    CHECK(process.wait().signal == number);
    const auto requests = server.wait_for(2);
    CHECK(json::parse(requests.back().body)["final"] == true);
    CHECK(requests.back().body.size() <= 64 * 1024);
  }
}

TEST_CASE("report every: beside runs that always have something new the others get their turn, and none comes twice") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, std::chrono::milliseconds(300)}; });
  const Sandbox sandbox;
  std::list<Process> living;
  for (int i = 0; i < 3; ++i) living.emplace_back(long_run(sandbox, server.url(), "50")).wait_for_output("ready");
  std::atomic<bool> over{false};
  std::thread busy([&] {  // at their own pace, which is faster than the server's
    while (!over)
      for (Process& process : living) process.write("a line\n"), process.wait_for_output("recorded a line\n");
  });
  server.wait_for(3);
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--exit", "3"});
  const auto ended = [&] {
    std::size_t count = 0;
    for (const json& report : reports_of(server.requests())) count += report["final"] == true ? 1 : 0;
    return count;
  };
  CHECK(wait_until([&] { return ended() == 3; }));
  over = true;
  busy.join();
  for (Process& process : living) process.close_input(), process.wait();
  CHECK(wait_until([&] { return ended() == 6 && sandbox.pending().empty(); }));
  CHECK(sandbox.wait_for_no_uploader());
  std::set<std::string> keys;
  for (const ReceivedRequest& request : server.requests()) {
    const json report = json::parse(request.body);
    const std::string key = request.header("Idempotency-Key");
    CHECK(key == report["session_id"].get<std::string>() + "/" + report["sequence"].dump());
    CHECK_MESSAGE(keys.insert(key).second, key);
  }
}

TEST_CASE("report every: forbidden while it runs, nothing more is sent, and no uploader stays for it") {
  Server server;
  Sandbox sandbox;
  Process process(long_run(sandbox, server.url(), "100"));
  process.wait_for_output("ready");
  server.wait_for(1);
  CHECK(sandbox.run("reporter", {"--as", "usage-stats", "disable"}).exit_code == 0);
  process.write("a\n");
  CHECK(wait_until([&] { return sandbox.report()["sequence"] == 2; }));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(process.running());
  CHECK(server.requests().size() == 1);
  process.close_input();
  CHECK(process.wait().exit_code == 0);
}

TEST_CASE("report every: one thread more, and none without it") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer has threads of its own");
#else
  Server server;
  Sandbox sandbox;
  const auto threads = [&](const std::string& every) {
    Process process(long_run(sandbox, server.url(), every));
    process.wait_for_output("ready");
    if (every != "0") server.wait_for(1);
    const std::size_t count = names_in("/proc/" + std::to_string(process.id()) + "/task").size();
    process.close_input();
    CHECK(process.wait().exit_code == 0);
    return count;
  };
  CHECK(threads("0") == 1);
  CHECK(threads("100") == 2);
#endif
}

TEST_CASE("report every: a failed interim report is made good by the next one") {
  Server server(500);
  Sandbox sandbox;
  Process process(long_run(sandbox, server.url(), "100"));
  process.wait_for_output("ready");
  server.wait_for(1);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  process.write("a\n");
  const std::vector<json> reports = reports_of(server.wait_for(2));
  CHECK(reports[1]["sequence"] == 2);
  CHECK(reports[1]["events"].size() == 1);
  process.close_input();
  process.wait();
  CHECK(reports_of(server.wait_for(3)).back()["final"] == true);
  sandbox.end_uploaders();
}

TEST_CASE("report every: with in_process, and where the verdict is local") {
  Server server;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  Process process(long_run(sandbox, server.url(), "100", {"--delivery", "in_process", "--event-per-line"}));
  process.wait_for_output("ready");
  server.wait_for(1);
  CHECK(sandbox.uploaders().empty());
  process.close_input();
  CHECK(process.wait().exit_code == 0);
  CHECK(reports_of(server.wait_for(2)).back()["final"] == true);

  Sandbox local;
  Process quiet(long_run(local, server.url(), "100", {"--delivery", "local", "--event-per-line"}));
  quiet.wait_for_output("ready");
  CHECK(wait_until([&] { return !local.report_files().empty(); }));
  CHECK(local.report()["outcome"]["status"] == "running");
  quiet.close_input();
  quiet.wait();
  CHECK(local.report()["final"] == true);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("report every: a fork's child ends as ever, and std::exit does not wait for the next tick") {
  Server server;
  for (const std::vector<std::string>& end : {std::vector<std::string>{"--fork"}, {"--std-exit", "7"}}) {
    Sandbox sandbox;
    std::vector<std::string> arguments = sending_to(server.url(), {"--report-every", "1000000"});
    arguments.insert(arguments.end(), end.begin(), end.end());
    const std::size_t before = server.requests().size();
    CHECK(sandbox.run("reporter", arguments).exit_code == (end.size() == 1 ? 0 : 7));
    CHECK(server.requests().size() == before + 1);
  }
}

TEST_CASE("report every: intervals that make no sense are the author's mistake") {
  for (const char* const every : {"-1", "9", "99999999999"}) {
    Sandbox sandbox;
    const Result result = sandbox.run("reporter", {"--report-every", every, "--info"});
    CHECK(result.out.find("problem=report_every") != std::string::npos);
  }
}
