// Whoever has switched it on may take that back: a report is sent only while the yes is still where it was.
#include <doctest/doctest.h>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace {

/// A run that lives long enough for its consent to change.
struct Run {
  Server server;
  Sandbox sandbox;
  std::filesystem::path config = sandbox.home() / "own.json", policy = sandbox.home() / "policy.json";

  Command command(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"--url",         server.url(),    "--delivery",    "wait",  "--config-file",
                                       config.string(), "--policy-file", policy.string(), "--read"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Command command = sandbox.command("versioned", arguments);
    command.open_input = true;
    command.environment["TERM"] = "xterm";
    return command;
  }
  /// Runs, and in the middle does this.
  void meanwhile(const std::vector<std::string>& more, const std::function<void()>& deed) const {
    Process running(command(more));
    running.wait_for_output("verdict=on");
    deed();
    running.close_input();
    running.wait();
    CHECK(sandbox.wait_for_no_uploader());
  }
  std::size_t sent() const { return server.requests().size(); }
  std::size_t waiting() const { return sandbox.pending("versioned").size(); }
  nlohmann::json status(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = more;
    arguments.insert(arguments.end(), {"--as", "usage-stats", "status", "--json"});
    return nlohmann::json::parse(::run(command(arguments)).out);
  }
};

const std::vector<std::string> opt_in{"--consent", "opt_in"};

}  // namespace

TEST_CASE("yes still there: it is still there, and the report is sent") {
  Run run;
  write_file(run.config, "{\"usage_stats\": true}");
  run.meanwhile(opt_in, [] {});
  CHECK(run.sent() == 1);
}

TEST_CASE("yes still there: the config's is gone, says local, or is another word") {
  for (const char* const left : {"", "{}", "{\"usage_stats\": \"local\"}", "{\"usage_stats\": false}"}) {
    CAPTURE(left);
    Run run;
    write_file(run.config, "{\"usage_stats\": true}");
    run.meanwhile(opt_in, [&] {
      std::filesystem::remove(run.config);
      if (*left != '\0') write_file(run.config, left);
    });
    CHECK(run.sent() == 0);
    CHECK(run.waiting() == 0);
    CHECK(run.sandbox.report_files("versioned").size() == 1);  // it is still the user's to look at
  }
}

TEST_CASE("yes still there: the machine's policy is gone, even if the config would allow it") {
  for (const bool config : {false, true}) {
    CAPTURE(config);
    Run run;
    write_file(run.policy, "{\"usage_stats\": true}");
    if (config) write_file(run.config, "{\"usage_stats\": true}");
    run.meanwhile(opt_in, [&] { std::filesystem::remove(run.policy); });
    CHECK(run.sent() == 0);
    CHECK(run.waiting() == 0);
  }
}

TEST_CASE("yes still there: the answer at the question, when its file is gone before the report leaves") {
  Run run;
  Command command = run.command({"--consent", "ask"});
  command.open_input = false;
  Terminal terminal(command);
  terminal.wait_for("Do you agree?");
  terminal.type("y\n");
  terminal.wait_for("verdict=on rule=12");
  std::filesystem::remove(run.config);
  terminal.type("\x04");
  terminal.wait();
  CHECK(run.sandbox.wait_for_no_uploader());
  CHECK(run.sent() == 0);
}

TEST_CASE("yes still there: an answer that cannot be stored keeps the reports local") {
  Run run;
  write_file(run.sandbox.home() / "file", "");
  Command command =
      run.command({"--consent", "ask", "--config-file", (run.sandbox.home() / "folder" / "x.json").string()});
  command.open_input = false;
  std::filesystem::create_directories(run.sandbox.home() / "elsewhere");
  std::filesystem::create_symlink("file", run.sandbox.home() / "folder");
  Terminal terminal(command);
  terminal.wait_for("Do you agree?");
  terminal.type("y\n");
  terminal.wait_for("verdict=");
  CHECK(terminal.screen().find("verdict=local rule=12") != std::string::npos);
  terminal.type("\x04");
  terminal.wait();
  CHECK(run.sent() == 0);
}

TEST_CASE("yes still there: where a notice was enough, no file needs to say anything") {
  Run run;
  write_file(run.config, "{}");
  run.meanwhile({"--unattended", "on"}, [&] { std::filesystem::remove(run.config); });
  CHECK(run.sent() == 1);
}

TEST_CASE("yes still there: a file that is broken now is no answer; the report waits, and status says why") {
  for (const bool policy : {false, true}) {
    CAPTURE(policy);
    Run run;
    const auto& file = policy ? run.policy : run.config;
    write_file(file, "{\"usage_stats\": true}");
    run.meanwhile(opt_in, [&] { write_file(file, "{\"usage_stats\": tr"); });
    CHECK(run.sent() == 0);
    CHECK(run.waiting() == 1);
    const std::string held = run.status(opt_in)["waiting"]["held"];
    CHECK(held.find(file.string()) != std::string::npos);

    write_file(file, "{\"usage_stats\": true}");
    CHECK_FALSE(run.status(opt_in)["waiting"].contains("held"));
    std::vector<std::string> arguments = opt_in;
    arguments.insert(arguments.end(), {"--as", "usage-stats", "send"});
    CHECK(::run(run.command(arguments)).exit_code == 0);
    CHECK(run.sent() == 1);
  }
}
