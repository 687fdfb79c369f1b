// The notice of ConsentMode::opt_out, on a real terminal.
#include <doctest/doctest.h>

#include <algorithm>

#include "pty.hpp"

#include "sandbox.hpp"
#include "server.hpp"

namespace {

Command command_at_terminal(const Sandbox& sandbox, const std::string& url, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--url", url, "--delivery", "wait"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  Command command = sandbox.command("versioned", arguments);
  command.environment["TERM"] = "xterm";
  return command;
}

nlohmann::json state(const Sandbox& sandbox) {
  return nlohmann::json::parse(read_file(sandbox.usage_folder("versioned") / "state.json"));
}

/// What a run at a terminal shows.
std::string shown_by(const Command& command, TerminalSetup setup = {}) {
  Terminal terminal(command, setup);
  CHECK(terminal.wait().exit_code == 0);
  return terminal.screen();
}

}  // namespace

TEST_CASE("notice: shown once; that run stays local for good, later ones are sent") {
  Server server;
  Sandbox sandbox;
  const Command command = command_at_terminal(sandbox, server.url(), {"--declare", "speed"});
  const std::string first = shown_by(command);
  CHECK(first.find("versioned collects usage statistics") != std::string::npos);
  CHECK(first.find("verdict=local rule=14") != std::string::npos);
  CHECK(state(sandbox)["notice_shown"] == true);
  CHECK(state(sandbox)["disclosed"]["fields"]["speed"]["kind"] == "integer");
  CHECK_FALSE(state(sandbox).contains("client_id"));
  const std::string local = sandbox.report("versioned")["session_id"];

  CHECK(shown_by(command) == "verdict=on rule=13\n");
  const auto requests = server.wait_for(1);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 1);
  const auto sent = nlohmann::json::parse(requests[0].body);
  CHECK(sent["session_id"] != local);
  CHECK(sent["fields"] == nlohmann::json({{"speed", 1}}));
}

TEST_CASE("notice: it says what, why, where to, where it is kept and how to stop it, in 8 lines of 80 columns") {
  Sandbox sandbox;
  const std::string long_purpose = [] {
    std::string text = "It tells us";
    for (int i = 0; i < 200; ++i) text += " very";
    return text + " much.";
  }();
  for (const std::string& purpose : {std::string("It tells us what to mend."), long_purpose}) {
    std::filesystem::remove_all(sandbox.usage_folder("versioned"));
    std::string text =
        shown_by(command_at_terminal(sandbox, "https://stats.example.org/v1/usage",
                                     {"--purpose", purpose, "--policy-url", "https://example.org/privacy"}));
    text.erase(text.find("verdict="));
    CHECK(std::count(text.begin(), text.end(), '\n') <= 8);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      CHECK(end - begin <= 80);
      begin = end + 1;
    }
    for (const char* part : {"It tells us", "stats.example.org", "/versioned/usage", "versioned usage-stats disable",
                             "VERSIONED_USAGE_STATS_ENABLED=0", "https://example.org/privacy"})
      CHECK_MESSAGE(text.find(part) != std::string::npos, part << " in " << text);
  }
}

TEST_CASE("notice: on a terminal of 20 columns words stay whole where they can") {
  Sandbox sandbox;
  std::string text =
      shown_by(command_at_terminal(sandbox, "https://stats.example.org/", {"--purpose", "To learn."}), {20});
  text.erase(text.find("verdict="));
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    const bool to_copy =
        line.find("usage-stats") != line.npos || line.find("ENABLED") != line.npos || line[0] == '/' || line[0] == '~';
    CHECK_MESSAGE((line.size() <= 20 || to_copy), line);
    begin = end + 1;
  }
}

TEST_CASE("notice: an author's text brings no control characters to the terminal") {
  Sandbox sandbox;
  const std::string text = shown_by(command_at_terminal(sandbox, "https://stats.example.org/",
                                                        {"--purpose",
                                                         "\x1b[2J\x1b]0;title\aHello\r\n\tto \xc2\x9b"
                                                         "31mall \x1b(Bof\x07 you\x7f",
                                                         "--policy-url", "https://example.org/\x1b[8m"}));
  CHECK(text.find("Hello to all of you\n") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  CHECK(text.find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("notice: not shown where nobody sees it, and then not counted as shown") {
  const auto unseen = [](const TerminalSetup& setup, const std::string& term, bool ci) {
    Sandbox sandbox;
    Command command = command_at_terminal(sandbox, "https://stats.example.org/");
    command.environment["TERM"] = term;
    if (ci) command.environment["CI"] = "1";
    Terminal terminal(command, setup);
    const Result result = terminal.wait();
    CHECK(terminal.screen() + result.out + result.err == "verdict=local rule=15\n");
    CHECK(state(sandbox)["notice_shown"] == false);
  };
  unseen({}, "dumb", false);
  unseen({}, "xterm", true);
  unseen({80, "", true}, "xterm", false);
  unseen({80, "", false, true}, "xterm", false);
  unseen({80, "", false, false, false, true}, "xterm", false);
}

TEST_CASE("notice: standard output never gets it") {
  Sandbox sandbox;
  Terminal terminal(command_at_terminal(sandbox, "https://stats.example.org/"), {80, "", false, false, true});
  const Result result = terminal.wait();
  CHECK(result.out == "verdict=local rule=14\n");
  CHECK(terminal.screen().find("usage statistics") != std::string::npos);
}

TEST_CASE("notice: Unattended::on shows it on standard error, once, and sends at once") {
  Server server;
  Sandbox sandbox;
  const std::vector<std::string> arguments{"--url", server.url(), "--delivery", "wait", "--unattended", "on"};
  const Result first = sandbox.run("versioned", arguments);
  CHECK(first.out == "verdict=on rule=15\n");
  CHECK(first.err.find("versioned collects usage statistics") == 0);
  CHECK(first.err.find("next run") == std::string::npos);
  server.wait_for(1);
  const Result second = sandbox.run("versioned", arguments);
  CHECK(second.err == "");
  CHECK(second.out == "verdict=on rule=13\n");
}

TEST_CASE("notice: one that could not be written has informed nobody; nothing is sent") {
  Server server;
  Sandbox sandbox;
  Command command = sandbox.command("versioned", {"--url", server.url(), "--delivery", "wait", "--unattended", "on"});
  command.closed_streams = {2};
  CHECK(run(command).out == "verdict=local rule=15\n");
  CHECK(server.requests().empty());
  command.closed_streams.clear();
  CHECK(run(command).out == "verdict=on rule=15\n");
}

TEST_CASE("notice: a file of the host that has the number of standard error does not get it") {
  Server server;
  Sandbox sandbox;
  const std::string file = sandbox.root() / "file";
  Command command = sandbox.command(
      "versioned", {"--own-file", file, "--url", server.url(), "--delivery", "wait", "--unattended", "on"});
  command.closed_streams = {2};
  CHECK(run(command).out == "verdict=local rule=15\n");
  CHECK(read_file(file) == "");
  CHECK(server.requests().empty());
}

TEST_CASE("notice: where it could not be remembered it is not shown, or each run would show it") {
  Server server;
  Sandbox sandbox;
  Command command = sandbox.command("versioned", {"--url", server.url(), "--delivery", "wait", "--unattended", "on"});
  command.limits = {{RLIMIT_FSIZE, 1}};
  for (int again = 0; again < 2; ++again) CHECK(run(command).err == "");
  CHECK(server.requests().empty());
  command.limits.clear();
  CHECK(run(command).err.find("versioned collects usage statistics") == 0);
  CHECK(run(command).err == "");
}
