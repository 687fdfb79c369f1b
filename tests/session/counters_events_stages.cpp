#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <type_traits>

#include "own_home.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Counter hits{"ces.hits", "how often"};
const us::Counter misses{"ces.misses", "how often not"};
const us::Event sent{"ces.sent", "something was sent"};
const us::Event received{"ces.received", "something was received"};
const us::Stage outer{"ces.outer", "all of it"};
const us::Stage inner{"ces.inner", "a part of it"};
const us::Field<std::int64_t> size{"ces.size", "a size, bytes"};
const us::Field<us::Choice> kind{"ces.kind", "a kind", {"small", "large"}};
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

static_assert(!std::is_copy_constructible_v<us::StageScope>);

template <class Body>
json report_of(Body body) {
  return OwnHome().report_of(body);
}

/// The names and states of the stages; times are checked where they matter.
json states(const json& report) {
  json list = json::array();
  for (const json& stage : report["stages"]) list.push_back({stage["name"], stage["status"]});
  return list;
}

}  // namespace

TEST_CASE("counters events stages: counters: they add up, each on its own") {
  const json report = report_of([](Session& session) {
    session.add(hits);
    session.add(misses, 0);
    session.add(hits, 41);
  });
  CHECK(report["counters"] == json{{"ces.hits", 42}, {"ces.misses", 0}});
}

TEST_CASE("counters events stages: counters: what one session has met is another's to meet for itself") {
  json reports[2];
  const us::Counter same_name{"ces.hits", "how often"};
  for (json& report : reports)
    report = report_of([&](Session& session) {
      for (int i = 0; i < 3; ++i) session.add(hits);
      session.add(same_name, 4);
      session.add(misses, largest);
      for (int i = 0; i < 3; ++i) session.add(misses, largest);
    });
  for (const json& report : reports) CHECK(report["counters"] == json{{"ces.hits", 7}, {"ces.misses", largest}});
}

TEST_CASE("counters events stages: counters: they never fall") {
  const json report = report_of([](Session& session) {
    session.add(hits, 5);
    session.add(hits, -3);
    session.add(hits, std::numeric_limits<std::int64_t>::min());
    session.add(misses, -1);
  });
  CHECK(report["counters"] == json{{"ces.hits", 5}});
}

TEST_CASE("counters events stages: counters: they stop at the largest number") {
  const json report = report_of([](Session& session) {
    session.add(hits, largest - 1);
    session.add(hits, 1);
    session.add(misses, largest);
    session.add(misses, largest);
    session.add(misses);
  });
  CHECK(report["counters"] == json{{"ces.hits", largest}, {"ces.misses", largest}});
}

TEST_CASE("counters events stages: events: in the order in which they happen, with their values and times") {
  const json report = report_of([](Session& session) {
    session.record(sent, {{size, 1048576}, {kind, "large"}});
    session.record(received);
    session.record(sent, {size(1), size(2)});
  });
  const json& events = report["events"];
  REQUIRE(events.size() == 3);
  CHECK(events[0]["name"] == "ces.sent");
  CHECK(events[0]["fields"] == json{{"ces.size", 1048576}, {"ces.kind", "large"}});
  CHECK(events[1]["name"] == "ces.received");
  CHECK(events[1]["fields"] == json::object());
  CHECK(events[2]["fields"] == json{{"ces.size", 2}});
  CHECK(events[0]["at_s"] <= events[1]["at_s"]);
  CHECK(events[1]["at_s"] <= events[2]["at_s"]);
  CHECK(events[2]["at_s"] <= report["duration_s"]);
  CHECK(report["fields"] == json::object());
}

TEST_CASE("counters events stages: stages: one within another, each with its own values") {
  const json report = report_of([](Session& session) {
    us::StageScope all = session.enter(outer);
    {
      us::StageScope part = session.enter(inner);
      part.set(size, 7);
      all.set(kind, "small");
    }
    const us::StageScope again = session.enter(inner);
  });
  CHECK(states(report) == json::array({{"ces.outer", "ok"}, {"ces.inner", "ok"}, {"ces.inner", "ok"}}));
  const json& stages = report["stages"];
  CHECK(stages[0]["fields"] == json{{"ces.kind", "small"}});
  CHECK(stages[1]["fields"] == json{{"ces.size", 7}});
  CHECK(stages[2]["fields"] == json::object());
  CHECK(stages[0]["at_s"] <= stages[1]["at_s"]);
  CHECK(stages[1]["duration_s"] <= stages[0]["duration_s"]);
  CHECK(stages[0]["duration_s"] <= report["duration_s"]);
}

TEST_CASE("counters events stages: stages: one that an exception leaves has failed, and so have those around it") {
  const json report = report_of([](Session& session) {
    try {
      const us::StageScope all = session.enter(outer);
      { const us::StageScope before = session.enter(inner); }
      const us::StageScope part = session.enter(inner);
      throw std::runtime_error("an error");
    } catch (const std::exception&) {
    }
    const us::StageScope after = session.enter(inner);
  });
  CHECK(states(report) ==
        json::array({{"ces.outer", "failed"}, {"ces.inner", "ok"}, {"ces.inner", "failed"}, {"ces.inner", "ok"}}));
}

TEST_CASE(
    "counters events stages: stages: one that begins and ends while an exception is on its way has not failed by it") {
  const json report = report_of([](Session& session) {
    struct CleaningUp {
      Session& session;
      ~CleaningUp() { const us::StageScope stage = session.enter(inner); }
    };
    try {
      const CleaningUp cleaning_up{session};
      throw std::runtime_error("another matter");
    } catch (const std::exception&) {
    }
  });
  CHECK(states(report) == json::array({json{"ces.inner", "ok"}}));
}

TEST_CASE("counters events stages: stages: end and fail, early") {
  const json report = report_of([](Session& session) {
    us::StageScope failed = session.enter(outer);
    failed.fail();
    us::StageScope ended = session.enter(inner);
    ended.end();
    ended.end();
    ended.fail();
    ended.set(size, 1);
  });
  CHECK(states(report) == json::array({{"ces.outer", "failed"}, {"ces.inner", "ok"}}));
  CHECK(report["stages"][1]["fields"] == json::object());
}

TEST_CASE(
    "counters events stages: stages: one that goes on when the session ends has no duration, and may outlive it") {
  const OwnHome home;
  std::optional<Session> session(std::in_place, OwnHome::options());
  {
    us::StageScope stage = session->enter(outer);
    session.reset();
    stage.set(size, 1);
    stage.fail();
  }
  const json report = home.report();
  CHECK(states(report) == json::array({json{"ces.outer", "running"}}));
  CHECK_FALSE(report["stages"][0].contains("duration_s"));
  CHECK(report["stages"][0]["fields"] == json::object());
}

TEST_CASE("counters events stages: events and stages: times are those of the run, not of the program") {
  const OwnHome home;
  {
    const Session before(OwnHome::options());
    while (home.sandbox.active().empty()) {
    }
    Session session(OwnHome::options());
    session.record(sent);
    session.finish();
    CHECK(nlohmann::json::parse(read_file(session.report_path()))["events"][0]["at_s"] <=
          nlohmann::json::parse(read_file(session.report_path()))["duration_s"]);
  }
  CHECK(home.sandbox.reports().size() == 2);
}
