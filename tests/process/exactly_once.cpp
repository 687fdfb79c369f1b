// Each run reaches the receiver once, whatever fails in between. USAGE_STATS_STRESS=1 makes it 12,800 runs and 2,000
// kills (some fifteen minutes).
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

bool in_full() { return std::getenv("USAGE_STATS_STRESS") != nullptr; }

/// A receiver that fails a third of its answers, in every way that means "again later"; what it has taken counts, also
/// when its answer was lost.
class FlakyReceiver {
 public:
  std::string url() const { return server_.url(); }

  /// The reports by session; checks that a session that came again had the same text.
  std::map<std::string, json> sessions() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    CHECK(different_ == 0);
    std::map<std::string, json> parsed;
    for (const auto& [key, body] : taken_) parsed[key.substr(0, key.find('/'))] = json::parse(body);
    CHECK(parsed.size() == taken_.size());
    return parsed;
  }
  int failures() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return failed_;
  }
  /// How often a report came although it had got the whole of its 200.
  int again() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return again_;
  }

 private:
  RawAnswer answer(const std::string& request) {
    using std::chrono::milliseconds;
    const std::lock_guard<std::mutex> guard(mutex_);
    const std::size_t name = request.find("Idempotency-Key: ");
    if (name == request.npos) return "";  // the client was killed
    const std::string key = request.substr(name + 17, request.find('\r', name) - name - 17);
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    again_ += static_cast<int>(acknowledged_.count(key));
    int& failures = failures_of_[key];
    if (random_() % 3 != 0 || failures >= 3) {
      acknowledged_.insert(key);
      return take(key, body), RawAnswer{accepted, milliseconds(random_() % 64 == 0 ? 10 : 0)};  // some of them slowly
    }
    ++failures;
    ++failed_;
    switch (random_() % 11) {
      case 0:
        return "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
      case 1:
        return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n";
      case 2:
        return "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow";
      case 3:
        return "HTTP/1.1 302 Found\r\nLocation: http://example.invalid/\r\nContent-Length: 0\r\n\r\n";
      case 4:
        return std::string("\0\xff\r\n\r\n garbage", 13);
      case 5:
        return "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
      case 6:
        take(key, body);
        return "";  // the answer is lost
      case 7:
        take(key, body);
        return "HTTP/1.1 2";
      case 8:
        return "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n";
      case 9:  // takes a client's whole time: not for each of thousands
        take(key, body);
        if (drips_++ % 20 == 0) return {accepted, std::chrono::seconds(1)};
        return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";  // who reads it may take that for a 200, or not
      default:
        return "HTTP/1.1 200 OK\r\n" + std::string(200000, 'x');  // headers without end
    }
  }
  void take(const std::string& key, const std::string& body) {
    const auto [known, fresh] = taken_.emplace(key, body);
    if (!fresh && known->second != body) ++different_;
  }

  static constexpr const char* accepted = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

  mutable std::mutex mutex_;
  std::mt19937 random_{1};
  std::map<std::string, std::string> taken_;
  std::map<std::string, int> failures_of_;
  std::set<std::string> acknowledged_;
  int different_ = 0, failed_ = 0, again_ = 0, drips_ = 0;
  RawServer server_{[this](const std::string& request) { return answer(request); }};
};

/// On the fast clock a minute of back-off passes in a second.
Command fast(const Sandbox& sandbox, const FlakyReceiver& receiver) {
  Command command = sandbox.command("fast_clock", {receiver.url()});
  command.environment["FAST_CLOCK_USAGE_STATS_ENABLED"] = "1";
  command.environment["FAST_CLOCK_ANCHOR"] = std::to_string(std::time(nullptr));
  command.time_limit = std::chrono::minutes(20);
  return command;
}

/// A command of fast() as its own uploader, by hand.
Command fast_uploader(const Sandbox& sandbox, const Command& program) {
  Command command = sandbox.uploader("fast_clock");
  command.arguments = program.arguments;
  command.environment.insert(program.environment.begin(), program.environment.end());
  command.time_limit = program.time_limit;
  return command;
}

/// Starts uploaders that do not stay until nothing waits.
void drain(const Sandbox& sandbox, const Command& uploader) {
  sandbox.end_uploaders();
  const auto done = [&] {
    run(uploader);
    return sandbox.pending("fast_clock").empty() && sandbox.active("fast_clock").empty();
  };
  CHECK(wait_until(done, std::chrono::minutes(5)));
}

void check_nothing_dropped(const Sandbox& sandbox, const std::string& app) {
  CHECK(json::parse(read_file(sandbox.usage_folder(app) / "state.json"))["dropped"] == 0);
}

}  // namespace

TEST_CASE("exactly once: 64 processes at a time, and a receiver that fails a third of its answers") {
  const int runs = in_full() ? 200 : 1;
  FlakyReceiver receiver;
  Sandbox sandbox;
  sandbox.collect = false;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  const Command load = sandbox.command("reporter", {"--url", receiver.url(), "--exit", "3"});
  Command send = sandbox.command("reporter", {"--url", receiver.url(), "--as", "usage-stats", "send"});
  send.time_limit = std::chrono::minutes(20);
  // A person who will not wait for the back-off: what failed is sent again while new runs come.
  std::atomic<bool> over{false};
  std::thread sender([&] {
    while (!over) run(send);
  });
  std::mutex gate;
  std::atomic<int> harmed{0};
  const auto run_often = [&] {
    for (int i = 0; i < runs; ++i) {
      {
        // A hundred may wait: there is room for all that run now.
        const std::lock_guard<std::mutex> guard(gate);
        wait_until([&] { return sandbox.pending().size() <= 100 - 64; }, std::chrono::minutes(10));
      }
      const Result result = run(load);
      if (result.exit_code != 3 || result.out != "" || result.err != "") ++harmed;
    }
  };
  std::vector<std::thread> processes;
  for (int i = 0; i < 64; ++i) processes.emplace_back(run_often);
  for (std::thread& process : processes) process.join();
  const bool sent =
      wait_until([&] { return sandbox.pending().empty() && sandbox.active().empty(); }, std::chrono::minutes(5));
  over = true;
  sender.join();
  sandbox.end_uploaders();
  CHECK(sent);
  CHECK(harmed == 0);

  const auto sessions = receiver.sessions();
  CHECK(sessions.size() == static_cast<std::size_t>(64 * runs));
  CHECK(receiver.failures() > 64 * runs / 8);
  CHECK(receiver.again() == 0);
  for (const auto& [session, report] : sessions)
    if (report["outcome"] != json({{"status", "failed"}, {"exit_code", 3}})) FAIL_CHECK(report["outcome"].dump());
  check_nothing_dropped(sandbox, "reporter");
}

TEST_CASE(
    "exactly once: host and uploader are killed at any system call; each run that wrote its envelope is reported") {
  if (!can_trace()) return;
  const int rounds = in_full() ? 1010 : 40;  // of two kills each, nearly
  FlakyReceiver receiver;
  Sandbox sandbox;
  sandbox.collect = false;
  const Command host = fast(sandbox, receiver), uploader = fast_uploader(sandbox, host);
  run(host);
  sandbox.end_uploaders();
  const std::vector<SystemCall> of_host = system_calls_of(sandbox, host),
                                of_uploader = system_calls_of(sandbox, uploader);
  REQUIRE(of_host.size() > 60);
  REQUIRE(of_uploader.size() > 60);
  std::mt19937 random(2);
  const auto killed_at_any = [&](const Command& command, const std::vector<SystemCall>& calls) {
    return run(with_fault(command, calls[random() % calls.size()], "signal=KILL"));
  };
  std::map<std::string, bool> ended;  // by session: whether it ended before the kill
  int kills = 0;
  for (int i = 0; i < rounds; ++i) {
    const Result result = killed_at_any(host, of_host);
    kills += result.signal == SIGKILL ? 1 : 0;
    const std::size_t begun = result.out.find("begun ");
    if (begun != result.out.npos) ended[result.out.substr(begun + 6, 32)] = result.out.find("ended") != result.out.npos;
    for (const std::string& envelope : sandbox.active("fast_clock")) {
      std::ostringstream text;  // empty, if an uploader has moved it meanwhile
      text << std::ifstream(sandbox.usage_folder("fast_clock") / "active" / envelope).rdbuf();
      if (json::accept(text.str())) ended.emplace(envelope, false);
    }
    if (random() % 2 == 0) sandbox.end_uploaders();
    kills += killed_at_any(uploader, of_uploader).signal == SIGKILL ? 1 : 0;
    while (sandbox.pending("fast_clock").size() > 50) {  // of more than a hundred the oldest would be dropped
      sandbox.end_uploaders();
      make_due(sandbox, "fast_clock");
      run(uploader);
    }
  }
  CHECK(kills > rounds);
  drain(sandbox, uploader);

  check_nothing_dropped(sandbox, "fast_clock");
  const auto sessions = receiver.sessions();
  for (const auto& run : ended) {
    CAPTURE(run.first);
    CAPTURE(run.second);
    const auto found = sessions.find(run.first);
    CHECK(found != sessions.end());
    if (found == sessions.end()) continue;
    const std::string status = found->second["outcome"]["status"];
    CHECK((status == "failed" || (!run.second && status == "lost")));
  }
  CHECK(ended.size() > static_cast<std::size_t>(rounds) / 10);
  MESSAGE(rounds << " rounds, " << kills << " kills, " << ended.size() << " runs that had begun");
}

TEST_CASE("exactly once: a clock that was set back a year in between") {
  Server server(503);
  Sandbox sandbox;
  const auto at = [&](std::time_t anchor) {
    Command command = sandbox.command("fast_clock", {server.url()});
    command.environment["FAST_CLOCK_USAGE_STATS_ENABLED"] = "1";
    command.environment["FAST_CLOCK_ANCHOR"] = std::to_string(anchor);
    return command;
  };
  const std::time_t now = std::time(nullptr);
  run(at(now));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending("fast_clock").size() == 1);
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  Command before = sandbox.command("fast_clock", {server.url()});
  before.environment = at(now).environment;
  // The anchor is where both clocks agree: behind one a year ahead, the time is sixty years ago.
  before.environment["FAST_CLOCK_ANCHOR"] = std::to_string(now + 365 * 24 * 3600 / 59);
  run(before);
  server.wait_for(3);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 3);  // the one that failed, it again, and the new one
  CHECK(sandbox.pending("fast_clock").empty());
}

TEST_CASE("exactly once: two versions of the program share a folder, and each run comes with its own") {
  Server server(503);
  Sandbox sandbox;
  const auto run_version = [&](const char* version) {
    CHECK(sandbox.run("reporter", sending_to(server.url(), {"--version", version})).exit_code == 0);
  };
  for (int i = 0; i < 3; ++i)
    for (const char* const version : {"1.0.0", "2.0.0"}) run_version(version);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 6);
  make_due(sandbox);
  const std::size_t refused = server.requests().size();
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  run_version("1.0.0");
  CHECK(sandbox.wait_for_no_uploader());

  std::map<std::string, std::string> versions;
  const std::vector<ReceivedRequest> requests = server.requests();
  for (std::size_t i = refused; i < requests.size(); ++i) {
    const ReceivedRequest& request = requests[i];
    const json report = json::parse(request.body);
    const std::string version = report["app"]["version"];
    CHECK(versions.emplace(report["session_id"], version).second);
    CHECK(request.header("User-Agent").find("reporter/" + version + " usage_stats/") == 0);
  }
  CHECK(versions.size() == 7);
  CHECK(std::count_if(versions.begin(), versions.end(), [](const auto& one) { return one.second == "2.0.0"; }) == 3);
}
