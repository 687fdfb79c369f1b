// Nobody waits for standard error: what does not fit there counts as not shown, and the program starts anyway.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

namespace {

/// Two ends of a pipe or a pair of sockets, of which the writing one is full.
struct Full {
  int reading = -1, writing = -1;

  explicit Full(bool sockets) {
    int ends[2];
    REQUIRE((sockets ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : ::pipe(ends)) == 0);
    reading = ends[0];
    writing = ends[1];
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(writing, F_SETFL, ::fcntl(writing, F_GETFL) | O_NONBLOCK);
    const std::array<char, 1024> block{};
    while (::write(writing, block.data(), block.size()) > 0) continue;
    while (::write(writing, block.data(), 1) > 0) continue;
    ::fcntl(writing, F_SETFL, ::fcntl(writing, F_GETFL) & ~O_NONBLOCK);
  }
  ~Full() {
    ::close(reading);
    ::close(writing);
  }
  bool waits() const { return (::fcntl(writing, F_GETFL) & O_NONBLOCK) == 0; }
};

/// Runs with this standard error; its exit code, or -1 if it does not end.
int run_with(const Command& command, int errors) {
  std::vector<std::string> texts{command.program.string()}, variables;
  texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments, environment;
  for (std::string& text : texts) arguments.push_back(text.data());
  for (std::string& text : variables) environment.push_back(text.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
  pid_t id = 0;
  REQUIRE(::posix_spawn(&id, texts[0].c_str(), &actions, nullptr, arguments.data(), environment.data()) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  const bool ended = wait_until([&] { return ::waitpid(id, &status, WNOHANG) == id; });
  if (!ended) {
    ::kill(id, SIGKILL);
    ::waitpid(id, &status, 0);
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("full stderr: the start does not wait for it, nothing is sent, and the next notice is the first") {
  for (const bool sockets : {false, true}) {
    CAPTURE(sockets);
    Server server;
    Sandbox sandbox;
    const Command command =
        sandbox.command("versioned", {"--url", server.url(), "--delivery", "wait", "--unattended", "on"});
    const Full full(sockets);
    CHECK(run_with(command, full.writing) == 0);
    CHECK(full.waits());  // the flags of an open file are shared with everybody who has it
    CHECK(sandbox.wait_for_no_uploader());
    CHECK(server.requests().empty());
    CHECK(sandbox.reports("versioned").size() == 1);

    const Result next = run(command);
    CHECK(next.out == "verdict=on rule=15\n");
    CHECK(next.err.find("versioned collects usage statistics") == 0);
  }
}

TEST_CASE("full stderr: nor for the lines of USAGE_STATS_DEBUG") {
  Sandbox sandbox;
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  const Full full(false);
  CHECK(run_with(sandbox.command("versioned", {"--delivery", "wait"}), full.writing) == 0);
}

TEST_CASE("full stderr: a pipe that has room for the notice gets it whole") {
  Server server;
  Sandbox sandbox;
  const Full full(false);
  std::array<char, 8192> some{};
  REQUIRE(::read(full.reading, some.data(), some.size()) == static_cast<ssize_t>(some.size()));
  const Command command =
      sandbox.command("versioned", {"--url", server.url(), "--delivery", "wait", "--unattended", "on"});
  CHECK(run_with(command, full.writing) == 0);
  CHECK(server.wait_for(1).size() == 1);
}

TEST_CASE("full stderr: a stopped terminal (^S) keeps nobody waiting, for a notice or a question") {
  for (const char* const mode : {"opt_out", "ask"}) {
    CAPTURE(mode);
    Sandbox sandbox;
    Command command =
        sandbox.command("versioned", {"--url", "http://127.0.0.1:9/", "--delivery", "wait", "--consent", mode});
    command.environment["TERM"] = "xterm";
    Terminal terminal(command, {80, "\x13", false, false, true});
    const Result result = terminal.wait();
    CHECK(result.exit_code == 0);
    CHECK(result.out.find("verdict=") == 0);
    CHECK(terminal.screen().find("usage statistics") == std::string::npos);
    const auto state = nlohmann::json::parse(read_file(sandbox.usage_folder("versioned") / "state.json"));
    CHECK(state["notice_shown"] == false);
    CHECK(state["unanswered_prompts"] == 0);
  }
}
