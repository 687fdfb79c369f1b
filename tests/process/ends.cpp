// However the process ends: its run is reported once, as it really ended, and to everyone else the process ends as it
// would without the library.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"

namespace {

using nlohmann::json;

struct Way {
  std::string how;
  std::vector<json> outcomes;  // of the runs it makes, by the order of their ends
};

json failed(int code) { return {{"status", "failed"}, {"exit_code", code}}; }
json by_signal(const char* name) { return {{"status", "signal"}, {"signal", name}}; }
json by_exception(const char* type, const char* message) {
  json error = {{"type", type}};
  if (*message != '\0') error["message"] = message;
  return {{"status", "exception"}, {"error", error}};
}
const json ok = {{"status", "ok"}};
const json lost = {{"status", "lost"}};

/// As large as a core may be, where it is a file in the program's own folder; else none is wanted.
rlim_t core_limit() {
  struct rlimit limit {};
  const std::string pattern = read_file("/proc/sys/kernel/core_pattern");
  const bool in_folder = !pattern.empty() && pattern[0] != '|' && pattern.find('/') == pattern.npos;
  return in_folder && ::getrlimit(RLIMIT_CORE, &limit) == 0 ? limit.rlim_max : 0;
}

/// Runs the program with the library compiled out, and with it, and checks that there is no difference.
void check_same_end(const Sandbox& sandbox, const std::string& how, const std::string& url) {
  Sandbox bare;
  const auto command = [&](const Sandbox& home, const char* name) {
    Command made = home.command(name, {how, url});
    made.folder = home.root();
    made.name = "ends";
    made.environment["ENDS_USAGE_STATS_ENABLED"] = "1";  // no notice
    if (how == "global") made.environment["ENDS_GLOBAL"] = url;
    made.limits = {{RLIMIT_STACK, 1 << 20}, {RLIMIT_CORE, core_limit()}};
    return made;
  };
  const Result without = run(command(bare, "ends_disabled"));
  const Result with = run(command(sandbox, "ends"));
  CHECK(with.exit_code == without.exit_code);
  CHECK(with.signal == without.signal);
  CHECK(with.core_dumped == without.core_dumped);
  CHECK(with.out == without.out);
  CHECK(with.err == without.err);
  if (how != "daemon") CHECK_FALSE(with.streams_held);  // whose child lets go of them when it gets to it
}

std::map<std::string, json> outcomes(const std::vector<ReceivedRequest>& requests) {
  std::map<std::string, json> by_session;
  for (const ReceivedRequest& request : requests) {
    const json report = json::parse(request.body);
    CHECK(report["final"] == true);
    CHECK(by_session.emplace(report["session_id"], report["outcome"]).second);  // each session once
  }
  return by_session;
}

/// Sanitizers have handlers of their own for faults, which are nobody's to replace.
bool faults_are_ours() {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: SIGSEGV, SIGBUS, SIGFPE and SIGILL, which the sanitizer handles");
  return false;
#else
  return true;
#endif
}

/// The ends that the uploader learns of while they happen.
void check(const Way& way) {
  CAPTURE(way.how);
  Server server;
  const Sandbox sandbox;
  check_same_end(sandbox, way.how, server.url());
  server.wait_for(way.outcomes.size());
  sandbox.end_uploaders();
  std::vector<json> seen;
  for (const auto& [session, outcome] : outcomes(server.requests())) seen.push_back(outcome);
  std::vector<json> expected = way.outcomes;
  std::sort(seen.begin(), seen.end());
  std::sort(expected.begin(), expected.end());
  CHECK(json(seen) == json(expected));
  CHECK(sandbox.active("ends").empty());
}

/// The ends that leave nothing but an envelope that nobody locks: the next run's uploader finds it.
void check_found_later(const Way& way) {
  CAPTURE(way.how);
  Server server;
  const Sandbox sandbox;
  check_same_end(sandbox, way.how, server.url());
  CHECK(sandbox.active("ends").size() + sandbox.pending("ends").size() == way.outcomes.size());
  CHECK(server.requests().empty());
  sandbox.run("ends", {"return", server.url()});
  server.wait_for(way.outcomes.size() + 1);
  sandbox.end_uploaders();
  std::vector<json> seen;
  for (const auto& [session, outcome] : outcomes(server.requests()))
    if (outcome != failed(3)) seen.push_back(outcome);
  CHECK(seen == way.outcomes);
  CHECK(sandbox.active("ends").empty());
}

}  // namespace

TEST_CASE("ends: destructors, std::exit, and exceptions that nobody catches") {
  for (const Way& way :
       std::vector<Way>{{"return", {failed(3)}},
                        {"through-the-session", {{{"status", "exception"}}}},
                        {"exit", {failed(7)}},
                        {"exit-in-thread", {failed(8)}},
                        {"quick-exit", {ok}},  // the code is told to nobody
                        {"global", {failed(3)}},
                        {"static", {failed(3)}},
                        {"uncaught", {by_exception("std::runtime_error", "nobody catches this")}},
                        {"uncaught-int", {by_exception("int", "")}},
                        {"uncaught-in-thread", {by_exception("std::out_of_range", "in a thread")}},
                        {"uncaught-while-unwinding", {by_exception("std::logic_error", "while unwinding")}},
                        {"noexcept", {by_exception("std::runtime_error", "out of noexcept")}},
                        {"thread-not-joined", {by_signal("SIGABRT")}},
                        {"quick-exit-in-thread", {ok}},
                        {"cancelled", {failed(12), ok}},
                        {"session-in-a-thread", {failed(12), failed(3)}}})
    check(way);
}

TEST_CASE("ends: signals") {
  const std::map<int, const char*> signals = {{SIGINT, "SIGINT"},   {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"},
                                              {SIGQUIT, "SIGQUIT"}, {SIGPIPE, "SIGPIPE"}, {SIGABRT, "SIGABRT"},
                                              {SIGXCPU, "SIGXCPU"}, {SIGSYS, "SIGSYS"}};
  for (const auto& [number, name] : signals) check({std::to_string(number), {by_signal(name)}});
  for (const Way& way : std::vector<Way>{{"abort", {by_signal("SIGABRT")}},
                                         {"signal-in-thread", {by_signal("SIGTERM")}},
                                         {"broken-pipe", {by_signal("SIGPIPE")}},
                                         {"too-long", {by_signal("SIGXCPU")}},
                                         {"two-sessions", {by_signal("SIGTERM"), by_signal("SIGTERM")}},
                                         {"sixty-sessions", std::vector<json>(60, by_signal("SIGTERM"))},
                                         {"signal-after-the-end", {failed(3)}}})
    check(way);
}

TEST_CASE("ends: faults, caused and sent") {
  if (!faults_are_ours()) return;
  const std::map<int, const char*> signals = {
      {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}};
  for (const auto& [number, name] : signals) check({std::to_string(number), {by_signal(name)}});
  for (const char* const how : {"stack-overflow", "null-pointer"}) check({how, {by_signal("SIGSEGV")}});
  check({"divide-by-zero", {by_signal("SIGFPE")}});
  check({"illegal-instruction", {by_signal("SIGILL")}});
  check({"beyond-the-file", {by_signal("SIGBUS")}});
  check_found_later({"stack-overflow-in-thread", {lost}});  // which has no other stack for a handler
}

TEST_CASE("ends: a host's own handlers, set before or after, keep working") {
  for (const Way& way :
       std::vector<Way>{{"handler-after", {failed(3)}},
                        {"handler-exits", {failed(13)}},
                        {"handler-chains", {by_signal("SIGTERM")}},
                        {"handler-after-the-end", {failed(3)}},
                        {"terminate-after-the-end", {failed(3)}},
                        {"ignored", {failed(3)}},
                        {"ignored-before", {failed(3)}},
                        {"terminate-before", {by_exception("std::runtime_error", "nobody catches this")}},
                        {"terminate-before-in-two-threads", {by_exception("std::runtime_error", "in one thread")}},
                        {"terminate-handler-between",
                         {by_exception("std::runtime_error", "nobody catches this"),
                          by_exception("std::runtime_error", "nobody catches this")}}})
    check(way);
  check_found_later({"handler-before", {lost}});
  check_found_later({"own-terminate-handler", {lost}});
}

TEST_CASE("ends: what leaves no trace is found by the next uploader") {
  check_found_later({"vanish", {lost}});
  check_found_later({"fork-child-outlives-a-kill", {lost}});
  check_found_later({"seventy-sessions-and-a-kill", std::vector<json>(70, lost)});
  check_found_later({std::to_string(SIGKILL), {lost}});
  check_found_later({std::to_string(SIGUSR1), {lost}});
  check_found_later({"exec", {lost}});
  check_found_later({"daemon", {lost}});
}

TEST_CASE("ends: a handler that exits in the middle of the library's own work does not hang") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  sandbox.collect = false;
  Command command = sandbox.command("ends", {"exits-in-a-handler", server.url()});
  command.time_limit = std::chrono::seconds(20);
  const auto anew = [&] {  // so that the calls are the same each time
    sandbox.end_uploaders();
    std::filesystem::remove_all(sandbox.home() / "state");
  };
  const std::vector<SystemCall> calls = system_calls_of(sandbox, command, true);
  REQUIRE(calls.size() > 50);
  int exits = 0;
  for (std::size_t i = 0; i < calls.size(); i += 5) {
    CAPTURE(calls[i].name);
    CAPTURE(calls[i].number);
    anew();
    const Result result = run(with_fault(command, calls[i], "signal=ALRM"));
    const bool too_early = result.signal == SIGALRM;   // before the handler is there
    const bool no_such_call = result.exit_code == 98;  // one run in 16 looks after others, and has more calls
    CHECK((result.exit_code == 13 || too_early || no_such_call));
    exits += result.exit_code == 13 ? 1 : 0;
  }
  CHECK(exits > 10);
}

TEST_CASE("ends: where every run vanishes, none of which starts an uploader, they are reported all the same") {
  Server server;
  Sandbox sandbox;
  constexpr std::size_t runs = 300;
  std::size_t most = 0;
  for (std::size_t i = 0; i < runs; ++i) {
    sandbox.run("ends", {"vanish", server.url()});
    most = std::max(most, sandbox.active("ends").size());
  }
  CHECK(most < 250);  // one in 16 looks; that 230 one after the other do not comes once in three million times
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() + sandbox.active("ends").size() == runs);
  for (const auto& [session, outcome] : outcomes(server.requests())) CHECK(outcome == lost);
}

TEST_CASE("ends: a fork's child does not report its parent's session, nor keep it alive") {
  for (const Way& way : std::vector<Way>{{"fork-child-exits", {failed(3)}},
                                         {"fork-child-is-killed", {failed(3)}},
                                         {"fork-child-throws", {failed(3)}},
                                         {"fork-child-returns", {failed(3)}},
                                         {"fork-child-outlives", {failed(3)}},
                                         {"fork-child-execs", {failed(3)}},
                                         {"fork-child-of-a-cancelled-thread", {failed(3)}},
                                         {"fork-child-has-the-hosts-files", {failed(3)}},
                                         {"fork-child-has-a-session", {failed(11), failed(3)}}})
    check(way);
}

TEST_CASE("ends: a host that has taken other rights has its report sent by the next run, and its main runs once") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can take other rights");
    return;
  }
  check_found_later({"other-rights", {failed(12)}});
  check_found_later({"other-rights-and-a-signal", {by_signal("SIGTERM")}});
}

TEST_CASE("ends: what dumps core without the library dumps core with it") {
  if (!faults_are_ours()) return;
  if (core_limit() == 0) {
    MESSAGE("skipped: this machine writes no core into the program's folder");
    return;
  }
  const Sandbox bare;
  for (const int number : {SIGABRT, SIGSEGV, SIGQUIT}) {
    CAPTURE(number);
    Command command = bare.command("ends_disabled", {std::to_string(number), "-"});
    command.folder = bare.root();
    command.limits = {{RLIMIT_CORE, core_limit()}};
    CHECK(run(command).core_dumped);
    check({std::to_string(number),
           {by_signal(number == SIGABRT   ? "SIGABRT"
                      : number == SIGQUIT ? "SIGQUIT"
                                          : "SIGSEGV")}});
  }
}

TEST_CASE("ends: a host that closes our descriptors finds nothing of ours in its own files") {
  Server server;
  const Sandbox sandbox;
  check_same_end(sandbox, "descriptors-closed", server.url());
  CHECK(read_file(sandbox.root() / "own").empty());
}

TEST_CASE("ends: Signals::none leaves all dispositions alone") {
  Server server;
  const Sandbox sandbox;
  const Result result =
      sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--signals", "none", "--raise", "15"});
  CHECK(result.signal == SIGTERM);
  CHECK(sandbox.active().size() == 1);
  CHECK(sandbox.uploaders().empty());
}
