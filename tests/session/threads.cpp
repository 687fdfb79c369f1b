// Any thread may record at any time. ThreadSanitizer (.ci/run tsan) sees what these checks cannot.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "own_home.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Counter calls{"threads.calls", "calls of all threads"};
const us::Field<std::int64_t> last{"threads.last", "the last number"};
const us::Field<us::Text> word{"threads.word", "a word"};
const us::Event event{"threads.event", "something happened"};
const us::Stage stage{"threads.stage", "some work"};
constexpr int thread_count = 8;

void in_threads(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

std::int64_t truncated(const json& report, const char* part) {
  return report.contains("truncated") ? report["truncated"].value(part, std::int64_t{0}) : 0;
}

}  // namespace

TEST_CASE("threads: all is counted, and what is over the limits too") {
  constexpr int rounds = 200;  // 1,600 events and stages
  const json report = OwnHome().report_of([](Session& session) {
    in_threads([&](int thread) {
      for (int i = 0; i < rounds; ++i) {
        session.add(calls);
        session.set(last, thread);
        session.record(event);
        us::StageScope scope = session.enter(stage);
        scope.set(last, i);
      }
    });
  });
  constexpr int all = thread_count * rounds;
  CHECK(report["counters"] == json{{"threads.calls", all}});
  CHECK(report["fields"].size() == 1);
  CHECK(static_cast<std::int64_t>(report["events"].size()) + truncated(report, "events") == all);
  CHECK(static_cast<std::int64_t>(report["stages"].size()) + truncated(report, "stages") == all);
  CHECK(report["events"].size() > 100);
  for (const json& one : report["stages"]) CHECK(one["status"] == "ok");
}

TEST_CASE("threads: each call counts that was over before the end began, none that began after it") {
  const OwnHome home;
  std::atomic<int> begun{0}, over{0};
  std::atomic<bool> stop{false};
  int over_before = 0, begun_after = 0;
  {
    Session session(OwnHome::options());
    std::thread ending([&] {
      while (over < 2000) std::this_thread::yield();
      over_before = over;
      session.finish();
      begun_after = begun;
      stop = true;
    });
    in_threads([&](int thread) {
      while (!stop) {
        ++begun;
        session.add(calls);
        ++over;
        session.set(word, "plain");
        session.record(event, {{last, thread}});
        us::StageScope scope = session.enter(stage);
        scope.set(last, thread);
        session.command("work");
        session.exit_code(0);
        CHECK(Session::current() == &session);
      }
    });
    ending.join();
  }
  const json report = home.report();
  CHECK(report["counters"]["threads.calls"] >= over_before);
  CHECK(report["counters"]["threads.calls"] <= begun_after);
  CHECK(report["outcome"] == json{{"status", "ok"}, {"exit_code", 0}});
}

TEST_CASE("threads: however many end it, there is one report") {
  const OwnHome home;
  {
    Session session(OwnHome::options());
    in_threads([&](int) { session.finish(); });
  }
  CHECK(home.sandbox.reports().size() == 1);
}

TEST_CASE("threads: sessions of several threads are reported each") {
  const OwnHome home;
  in_threads([](int thread) {
    Session session(OwnHome::options());
    session.set(last, thread);
  });
  std::array<int, thread_count> seen{};
  for (const json& report : home.sandbox.reports()) ++seen.at(report["fields"]["threads.last"].get<std::size_t>());
  for (const int count : seen) CHECK(count == 1);
  CHECK(Session::current() == nullptr);
}
