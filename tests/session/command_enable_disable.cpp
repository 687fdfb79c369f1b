// `usage-stats enable` and `disable`. (What they do to the config file: consent_files.cpp.)
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "held_state.hpp"
#include "programs.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace {

bool said_no(const Sandbox& sandbox) {
  return read_file(sandbox.usage_folder() / "state.json").find("\"said_no\": true") != std::string::npos;
}

/// A usage folder that has been used, or one of a first run that was killed at its beginning.
void prepare_state(const Sandbox& sandbox, bool used) {
  if (used) {
    run_usage_stats(sandbox, {"enable"});
    return;
  }
  write_file(sandbox.usage_folder() / "state.json", "");
  ::chmod(sandbox.usage_folder().c_str(), 0700);
  ::chmod((sandbox.usage_folder() / "state.json").c_str(), 0600);
}

}  // namespace

TEST_CASE("command enable disable: reports are sent from the next run on, without a notice") {
  Server server;
  Sandbox sandbox;
  const Result result = run_usage_stats(sandbox, {"enable"}, {"--url", server.url()});
  CHECK(result.exit_code == 0);
  CHECK(result.err == "");
  CHECK(result.out.find("switched on") != std::string::npos);
  CHECK(result.out.find(server.url()) != std::string::npos);
  CHECK(result.out.find("reporter usage-stats disable") != std::string::npos);
  CHECK(server.requests().empty());
  const Result run = sandbox.run("reporter", {"--url", server.url(), "--delivery", "wait", "--field"});
  CHECK(run.err == "");
  CHECK(nlohmann::json::parse(server.wait_for(1)[0].body)["fields"].size() == 6);
}

TEST_CASE("command enable disable: both say so when something stronger holds") {
  Sandbox sandbox;
  sandbox.environment["DO_NOT_TRACK"] = "1";
  Result result = run_usage_stats(sandbox, {"enable"}, {"--url", "http://127.0.0.1:9/"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("DO_NOT_TRACK=1") != std::string::npos);
  CHECK(result.out.find("unset DO_NOT_TRACK") != std::string::npos);
  auto json =
      nlohmann::json::parse(run_usage_stats(sandbox, {"enable", "--json"}, {"--url", "http://127.0.0.1:9/"}).out);
  CHECK(json["usage_stats"] == true);
  CHECK(json["verdict"] == "off");
  CHECK(json["rule"] == 4);

  sandbox.environment.erase("DO_NOT_TRACK");
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  result = run_usage_stats(sandbox, {"disable"}, {"--url", "http://127.0.0.1:9/"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("REPORTER_USAGE_STATS_ENABLED=1") != std::string::npos);
  json = nlohmann::json::parse(run_usage_stats(sandbox, {"disable", "--json"}, {"--url", "http://127.0.0.1:9/"}).out);
  CHECK(json["usage_stats"] == false);
  CHECK(json["verdict"] == "on");
  CHECK(json["dropped"] == 0);
}

TEST_CASE("command enable disable: what waits is dropped, and from then on the program writes nothing at all") {
  Server server(503);
  Sandbox sandbox;
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(server.url()));
  REQUIRE(sandbox.pending().size() == 3);
  Process killed(sandbox.command("reporter", {"--url", server.url(), "--wait-for-input"}));
  killed.wait_for_output("ready");
  killed.signal(SIGKILL);
  killed.wait();

  const Result result = run_usage_stats(sandbox, {"disable"}, {"--url", server.url()});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("4 reports that were waiting") != std::string::npos);
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.active().empty());

  server.answer([](const ReceivedRequest&) { return Answer{}; });
  const std::size_t requests = server.requests().size();
  const auto before = tree(sandbox.home());
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(server.url()));
  CHECK(tree(sandbox.home()) == before);
  CHECK(sandbox.uploaders().empty());
  CHECK(server.requests().size() == requests);

  // Also after switching it on again: what was dropped is gone.
  run_usage_stats(sandbox, {"enable"}, {"--url", server.url()});
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(run_usage_stats(sandbox, {"send"}, {"--url", server.url()}).exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == requests + 1);
}

TEST_CASE("command enable disable: on a machine where nothing was ever written, only the no is, in its two places") {
  Sandbox sandbox;
  CHECK(run_usage_stats(sandbox, {"disable"}).exit_code == 0);
  CHECK(names_in(sandbox.usage_folder()) == std::vector<std::string>{"state.json"});
  CHECK(state_of(sandbox)["said_no"] == true);
  CHECK(nlohmann::json::parse(read_file(sandbox.config_file())) == nlohmann::json({{"usage_stats", false}}));
}

TEST_CASE("command enable disable: a process that holds state.json for a while is waited for") {
  for (const bool used : {true, false})
    for (const std::string word : {"disable", "enable"}) {
      CAPTURE(used);
      CAPTURE(word);
      const Sandbox sandbox;
      prepare_state(sandbox, used);
      if (word == "enable" && used) run_usage_stats(sandbox, {"disable"});
      HeldState held(sandbox.usage_folder());
      std::thread other([&] {
        held.wait_for_tries(1000);  // twice in a millisecond: longer than a run waits
        held.let_go();
      });
      const Result result = run_usage_stats(sandbox, {word});
      other.join();
      CHECK(result.exit_code == 0);
      CHECK(result.err == "");
      CHECK(said_no(sandbox) == (word == "disable"));
    }
}

TEST_CASE("command enable disable: a no that did not get into state.json is a failure, and is reported") {
  for (const bool used : {true, false}) {
    CAPTURE(used);
    const Sandbox sandbox;
    prepare_state(sandbox, used);
    HeldState held(sandbox.usage_folder());
    const Result result = run_usage_stats(sandbox, {"disable"});
    CHECK(result.exit_code == 1);
    const std::string told = "the no is not in " + (sandbox.usage_folder() / "state.json").string() + " yet: another";
    CHECK_MESSAGE(result.err.find(told) != std::string::npos, result.err);
    CHECK_FALSE(said_no(sandbox));
    CHECK(nlohmann::json::parse(read_file(sandbox.config_file())) == nlohmann::json({{"usage_stats", false}}));
    CHECK(run_usage_stats(sandbox, {"disable", "--json"}).exit_code == 1);
    held.let_go();
    CHECK(run_usage_stats(sandbox, {"disable"}).exit_code == 0);
    CHECK(said_no(sandbox));
  }
}

TEST_CASE("command enable disable: a yes that did not get into state.json is one, too") {
  const Sandbox sandbox;
  run_usage_stats(sandbox, {"disable"});
  HeldState held(sandbox.usage_folder());
  const Result result = run_usage_stats(sandbox, {"enable"});
  CHECK(result.exit_code == 1);
  CHECK_MESSAGE(result.err.find("the yes is not in ") != std::string::npos, result.err);
  CHECK(said_no(sandbox));
}

TEST_CASE("command enable disable: when `disable` returns, no report is on its way, nor leaves after it") {
  for (const char* const reporter : {"reporter", "reporter_curl"}) {
    CAPTURE(reporter);
    Server server(503);
    Sandbox sandbox;
    for (int i = 0; i < 4; ++i) sandbox.run(reporter, sending_to(server.url()));
    REQUIRE(sandbox.pending().size() == 4);
    make_due(sandbox);
    // The first one is answered when the "no" is there, and the next would leave at once.
    std::atomic<bool> arrived{false};
    server.answer([&](const ReceivedRequest&) {
      arrived = true;
      wait_until([&] { return said_no(sandbox); });
      return Answer{};
    });
    Command command = sandbox.uploader("reporter");
    command.program = program(reporter);
    Process uploader(command);
    REQUIRE(wait_until([&] { return arrived.load(); }));
    CHECK(run_usage_stats(sandbox, {"disable"}, {"--url", server.url()}).exit_code == 0);
    const std::size_t at_return = server.requests().size();
    CHECK(uploader.wait().exit_code == 0);  // it may still be ending, but sends nothing more
    CHECK(sandbox.wait_for_no_uploader());
    CHECK(server.requests().size() == at_return);
    CHECK(sandbox.pending().empty());
  }
}
