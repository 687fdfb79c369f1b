// The home folder's file server does not answer when a signal ends the host: the host still ends, immediately.
#include <doctest/doctest.h>

#include <signal.h>

#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace {

/// A host whose system calls of that name hang from now on, in it and in all that it starts. They hang as a process
/// does that waits for a file server: no signal is delivered meanwhile.
struct HangingHost {
  Server server;
  Sandbox sandbox;
  std::unique_ptr<Process> host;
  std::unique_ptr<Process> tracer;

  explicit HangingHost(const std::string& calls) {
    Command command = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--wait-for-input"});
    command.open_input = true;
    host = std::make_unique<Process>(command);
    host->wait_for_output("ready");
    Command trace{
        "strace",
        {"-f", "-o", "/dev/null", "-p", std::to_string(host->id()), "-e", "inject=" + calls + ":delay_enter=8000000"}};
    trace.inherit_environment = true;
    tracer = std::make_unique<Process>(trace);
    tracer->wait_for_output("attached");
  }
};

/// The system calls of each process that the command makes, up to where it becomes another program.
std::vector<std::vector<std::string>> calls_of_children(const Sandbox& sandbox, const Command& command) {
  const auto file = sandbox.root() / "calls";
  run(under_strace(command, {"-f", "-e", "signal=none", "-o", file.string()}));
  std::vector<std::vector<std::string>> all;
  std::map<std::string, std::vector<std::string>> calls;
  std::map<std::string, bool> over;
  std::string first;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const std::string process = line.substr(0, line.find(' '));
    const std::string call = line.substr(line.find_first_not_of(' ', process.size()));
    if (first.empty()) first = process;
    if (process == first || over[process] || call[0] == '<' || call[0] == '+') continue;
    calls[process].push_back(call);
    over[process] = call.compare(0, 7, "execve(") == 0;
  }
  for (auto& [process, list] : calls) all.push_back(std::move(list));
  return all;
}

}  // namespace

TEST_CASE("hanging home: a signal ends the host within a moment, whatever the noting of it waits for") {
  if (!can_trace()) return;
  // The envelope's look and note; what is closed; the null device, the lock.
  for (const std::string calls : {"write", "statx", "close_range", "openat"})
    for (const int number : {SIGTERM, SIGINT, SIGSEGV}) {
      CAPTURE(calls);
      CAPTURE(number);
      HangingHost hanging(calls);
      const auto begin = std::chrono::steady_clock::now();
      hanging.host->signal(number);
      const Result result = hanging.host->wait();
      CHECK(result.signal == number);
      CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
      // What hangs has let go of the host's streams before, though maybe after the host's end.
      if (calls != "openat") CHECK(wait_until([&] { return !hanging.host->streams_held(); }, std::chrono::seconds(4)));
    }
}

TEST_CASE("hanging home: while it is noted nothing is blocked, and every disposition is the default one") {
  if (!can_trace()) return;
  HangingHost hanging("write");
  const std::string status = "/proc/" + std::to_string(hanging.host->id()) + "/status";
  const auto set_of = [&](const std::string& text, const std::string& key) {
    const auto at = text.find(key);
    return at == text.npos ? 0ULL : std::stoull(text.substr(at + key.size()), nullptr, 16);
  };
  const auto bit = [](int number) { return 1ULL << (number - 1); };
  const unsigned long long watched = bit(SIGTERM) | bit(SIGINT) | bit(SIGHUP) | bit(SIGQUIT) | bit(SIGSEGV);
  CHECK((set_of(read_file(status), "SigCgt:") & watched) == watched);
  hanging.host->signal(SIGTERM);
  // From the first moment at which its handler has given them back, to its end.
  bool given_back = false, blocked = true;
  wait_until([&] {
    const std::string text = read_file(status);
    if (text.find("State:\tZ") != text.npos || text.empty()) return true;
    if ((set_of(text, "SigCgt:") & watched) != 0) return false;
    given_back = true;
    blocked = blocked && (set_of(text, "SigBlk:") & watched) != 0;
    return false;
  });
  CHECK(given_back);
  CHECK_FALSE(blocked);
  CHECK(hanging.host->wait().signal == SIGTERM);
}

TEST_CASE("hanging home: what is made for it has an end, and is no longer the host's, before it may hang") {
  if (!can_trace()) return;
  for (const bool by_signal : {true, false}) {
    CAPTURE(by_signal);
    Server server;
    Sandbox sandbox;
    std::vector<std::string> arguments{"--url", server.url(), "--unattended", "on"};
    if (by_signal) arguments.insert(arguments.end(), {"--raise", std::to_string(SIGTERM)});
    std::size_t looked_at = 0;
    for (const auto& calls : calls_of_children(sandbox, sandbox.command("reporter", arguments))) {
      bool unblocked = false, limited = false, apart = false;
      for (const std::string& call : calls) {
        CAPTURE(call);
        const std::string name = call.substr(0, call.find('('));
        unblocked = unblocked || call.find("rt_sigprocmask(SIG_UNBLOCK, [ALRM]") == 0;
        limited = limited || (unblocked && name == "alarm");
        apart = apart || name == "setsid";
        if (name != "openat" && name != "write" && name != "statx" && name != "close_range") continue;
        CHECK(unblocked);
        CHECK(limited);
        CHECK(apart);  // a second Ctrl-C is for the host
        ++looked_at;
        break;
      }
    }
    // One becomes the uploader; another one notes the signal.
    CHECK(looked_at == (by_signal ? 2 : 1));
    CHECK(sandbox.wait_for_no_uploader());
  }
}
