#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

/// A server that had no time for the first report; it waits, and may be tried again.
struct Waiting {
  Server server{503};
  Sandbox sandbox{};
  std::string session{};

  Waiting() {
    sandbox.run("reporter", sending_to(server.url()));
    session = sandbox.pending().at(0);
    make_due(sandbox);
    server.answer([](const ReceivedRequest&) { return Answer{}; });
  }
  /// Another run, allowed by its environment whatever the config says, whose uploader looks at all that waits.
  void run_another() {
    sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.wait_for_no_uploader());
  }
  std::size_t times_sent() const {
    std::size_t times = 0;
    for (const ReceivedRequest& request : server.requests())
      if (request.header("Idempotency-Key") == session + "/1") ++times;
    return times;
  }
};

}  // namespace

TEST_CASE("consent later: nobody has said anything in between, and what waits is sent") {
  Waiting waiting;
  waiting.run_another();
  CHECK(waiting.times_sent() == 2);
  CHECK(waiting.sandbox.pending().empty());
}

TEST_CASE("consent later: what waits is not sent after the user has said no or local") {
  for (const char* const word : {"false", "\"local\""}) {
    CAPTURE(word);
    Waiting waiting;
    write_file(waiting.sandbox.config_file(), "{\"usage_stats\": " + std::string(word) + "}");
    waiting.run_another();
    CHECK(waiting.times_sent() == 1);
    CHECK(waiting.sandbox.pending().empty());
    CHECK(waiting.server.requests().size() == 2);  // the other run's own
  }
}

TEST_CASE("consent later: while the config is broken it waits, and is sent when the config is repaired") {
  Waiting waiting;
  write_file(waiting.sandbox.config_file(), "{\"usage_stats\": tru");
  waiting.run_another();
  CHECK(waiting.times_sent() == 1);
  CHECK(waiting.sandbox.pending() == std::vector<std::string>{waiting.session});
  CHECK(read_file(waiting.sandbox.config_file()) == "{\"usage_stats\": tru");

  write_file(waiting.sandbox.config_file(), "{\"usage_stats\": true}");
  waiting.run_another();
  CHECK(waiting.times_sent() == 2);
  CHECK(waiting.sandbox.pending().empty());
}

TEST_CASE("consent later: a config file that the author chose is the one that is asked, also below ~") {
  for (const bool below_home : {false, true}) {
    CAPTURE(below_home);
    Server server(503);
    Sandbox sandbox;
    const auto config = sandbox.home() / "own.json";
    const std::vector<std::string> option{"--config-file", below_home ? "~/own.json" : config.string()};
    sandbox.run("reporter", sending_to(server.url(), option));
    make_due(sandbox);
    server.answer([](const ReceivedRequest&) { return Answer{}; });
    write_file(config, "{\"usage_stats\": false}");
    sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    sandbox.run("reporter", sending_to(server.url(), option));
    CHECK(sandbox.wait_for_no_uploader());  // the run waits for its own report alone, not for the one withdrawn
    CHECK(server.requests().size() == 2);
    CHECK(sandbox.pending().empty());
  }
}

TEST_CASE("consent later: the environment's yes is for the run it was said to, the machine's no for all") {
  Server server(503);
  Sandbox sandbox;
  const std::string policy = (sandbox.home() / "policy.json").string();
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  sandbox.run("reporter", sending_to(server.url(), {"--policy-file", policy}));
  make_due(sandbox);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  write_file(policy, "{\"usage_stats\": false}");
  sandbox.run("reporter", sending_to(server.url()));  // without a policy of its own, so that it may send
  CHECK(wait_until([&] { return sandbox.pending().empty(); }));
  CHECK(server.requests().size() == 2);
}

namespace {

/// Whether some process has a new file in that folder that has no name yet, or a temporary one.
bool is_being_written(const fs::path& folder) {
  for (const std::string& name : names_in(folder))
    if (name.compare(0, 5, ".tmp-") == 0) return true;
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error))
    for (fs::directory_iterator file(process.path() / "fd", error), end; !error && file != end; file.increment(error)) {
      const std::string target = fs::read_symlink(file->path(), error).string();
      if (target.compare(0, folder.string().size() + 2, folder.string() + "/#") == 0) return true;
    }
  return false;
}

}  // namespace

TEST_CASE("consent later: a no that comes while the disk takes its time is heard before the first byte leaves") {
  if (!can_trace()) return;
  for (const bool by_command : {false, true}) {
    CAPTURE(by_command);
    Waiting waiting;
    const Sandbox& sandbox = waiting.sandbox;
    const Command sending = sandbox.command(
        "reporter", {"--url", waiting.server.url(), "--unattended", "on", "--as", "usage-stats", "send"});
    Process process(under_strace(sending, {"-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:delay_enter=4000000"}));
    REQUIRE(wait_until([&] { return is_being_written(sandbox.usage_folder() / "pending"); }));  // the try is counted
    if (by_command)
      CHECK(run_usage_stats(sandbox, {"disable"}).exit_code == 0);
    else
      write_file(sandbox.config_file(), "{\"usage_stats\": false}");
    process.wait();
    CHECK(waiting.times_sent() == 1);
    CHECK(sandbox.pending().empty());
  }
}
