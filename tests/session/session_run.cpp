#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "own_home.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Counter steps{"session_run.steps", "steps taken"};

struct Foreign {};  // not a std::exception

struct Precious : std::runtime_error {
  using std::runtime_error::runtime_error;
  std::string more;
};

json outcome_of(const std::function<void(Session&)>& body) {
  return OwnHome().report_of([&](Session& session) {
    try {
      body(session);
    } catch (...) {
    }
  })["outcome"];
}

[[noreturn]] void throw_nested(int depth) {
  if (depth == 0) throw std::invalid_argument("the first reason");
  try {
    throw_nested(depth - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error("a later failure"));
  }
}

/// The name without the namespaces that the test's own file may stand in.
json own_name(const json& type) {
  const auto name = type.get<std::string>();
  return name.substr(name.rfind("::") == name.npos ? 0 : name.rfind("::") + 2);
}

}  // namespace

TEST_CASE("session run: the result of run comes back, and an int is the exit code") {
  CHECK(outcome_of([](Session& s) { CHECK(s.run([] { return 0; }) == 0); }) ==
        json{{"status", "ok"}, {"exit_code", 0}});
  CHECK(outcome_of([](Session& s) { CHECK(s.run([] { return 3; }) == 3); }) ==
        json{{"status", "failed"}, {"exit_code", 3}});
  CHECK(outcome_of([](Session& s) { CHECK(s.exit_code(-1) == -1); }) == json{{"status", "failed"}, {"exit_code", 255}});
}

TEST_CASE("session run: a reference to an int comes back as the same one, and is the exit code") {
  int code = 5;
  CHECK(outcome_of([&](Session& s) { CHECK(&s.run([&]() -> int& { return code; }) == &code); }) ==
        json{{"status", "failed"}, {"exit_code", 5}});
}

TEST_CASE("session run: any other result is no exit code") {
  const json ok{{"status", "ok"}};
  CHECK(outcome_of([](Session& s) { s.run([] {}); }) == ok);
  CHECK(outcome_of([](Session& s) { CHECK(s.run([] { return true; })); }) == ok);
  CHECK(outcome_of([](Session& s) { CHECK(s.run([] { return std::string("text"); }) == "text"); }) == ok);
  CHECK(outcome_of([](Session& s) { CHECK(*s.run([] { return std::make_unique<int>(4); }) == 4); }) == ok);
}

TEST_CASE("session run: a move-only body is called once") {
  int calls = 0;
  auto body = [&calls, owned = std::make_unique<int>(1)] { calls += *owned; };
  outcome_of([&](Session& s) { s.run(std::move(body)); });
  CHECK(calls == 1);
}

TEST_CASE("session run: an exception through run is reported with its type and message") {
  CHECK(outcome_of([](Session& s) { s.run([]() -> int { throw std::out_of_range("no such record"); }); }) ==
        json{{"status", "exception"}, {"error", {{"type", "std::out_of_range"}, {"message", "no such record"}}}});
}

TEST_CASE("session run: an exception that is no std::exception has a type and no message") {
  CHECK(outcome_of([](Session& s) { s.run([] { throw 42; }); }) ==
        json{{"status", "exception"}, {"error", {{"type", "int"}}}});
  const json foreign = outcome_of([](Session& s) { s.run([] { throw Foreign(); }); });
  CHECK(foreign["status"] == "exception");
  CHECK(own_name(foreign["error"]["type"]) == "Foreign");
  CHECK_FALSE(foreign["error"].contains("message"));
  CHECK(outcome_of([](Session& s) { s.run([] { throw "text"; }); })["error"] == json{{"type", "char const*"}});
}

TEST_CASE("session run: causes follow, the nearest first") {
  const json error = outcome_of([](Session& s) { s.run([] { throw_nested(1); }); })["error"];
  CHECK(error["type"] == "std::runtime_error");
  CHECK(error["message"] == "a later failure");
  CHECK(error["causes"] == json::array({{{"type", "std::invalid_argument"}, {"message", "the first reason"}}}));
}

TEST_CASE("session run: seven causes at most") {
  CHECK(outcome_of([](Session& s) { s.run([] { throw_nested(7); }); })["error"]["causes"].size() == 7);
  CHECK(outcome_of([](Session& s) { s.run([] { throw_nested(20); }); })["error"]["causes"].size() == 7);
}

TEST_CASE("session run: a foreign exception can have a cause") {
  const json error = outcome_of([](Session& s) {
    s.run([] {
      try {
        throw std::logic_error("the reason");
      } catch (...) {
        std::throw_with_nested(Foreign());
      }
    });
  })["error"];
  CHECK(own_name(error["type"]) == "Foreign");
  CHECK(error["causes"] == json::array({{{"type", "std::logic_error"}, {"message", "the reason"}}}));
}

TEST_CASE("session run: the very exception object is thrown on") {
  const OwnHome home;
  Session session(OwnHome::options());
  const Precious* thrown = nullptr;
  try {
    session.run([&] {
      try {
        throw Precious("kept");
      } catch (Precious& error) {
        error.more = "this too";
        thrown = &error;
        throw;
      }
    });
    FAIL("nothing was thrown");
  } catch (const std::exception& error) {
    CHECK(&error == thrown);
    CHECK(dynamic_cast<const Precious&>(error).more == "this too");
  }
}

TEST_CASE("session run: with ErrorDetail::type there is no message") {
  const OwnHome home;
  us::Options options = OwnHome::options();
  options.errors = us::ErrorDetail::type;
  const json report = home.report_of(
      [](Session& session) {
        try {
          session.run([] { throw_nested(1); });
        } catch (...) {
        }
      },
      options);
  CHECK(report["outcome"]["error"] ==
        json{{"type", "std::runtime_error"}, {"causes", json::array({{{"type", "std::invalid_argument"}}})}});
}

TEST_CASE("session run: fail makes the run a failed one, with or without an exception") {
  CHECK(outcome_of([](Session& s) { s.fail(); }) == json{{"status", "failed"}});
  CHECK(outcome_of([](Session& s) { s.fail(std::runtime_error("too bad")); }) ==
        json{{"status", "failed"}, {"error", {{"type", "std::runtime_error"}, {"message", "too bad"}}}});
  CHECK(outcome_of([](Session& s) {
          try {
            throw_nested(1);
          } catch (...) {
            s.fail();
          }
          s.exit_code(0);
        })["error"]["causes"][0]["type"] == "std::invalid_argument");
}

TEST_CASE("session run: fail with an exception object finds its own type and its causes") {
  const json outcome = outcome_of([](Session& s) {
    try {
      throw_nested(2);
    } catch (const std::exception& error) {
      s.fail(error);
    }
  });
  CHECK(outcome["error"]["type"] == "std::runtime_error");
  CHECK(outcome["error"]["causes"].size() == 2);
}

TEST_CASE("session run: an exception that leaves its scope without run is reported without a type") {
  const OwnHome home;
  try {
    const Session session(OwnHome::options());
    throw std::runtime_error("nobody told the session");
  } catch (const std::exception&) {
  }
  CHECK(home.report()["outcome"] == json{{"status", "exception"}});
}

TEST_CASE("session run: one that is made and ends while an exception is on its way has not failed by it") {
  const OwnHome home;
  struct CleaningUp {
    ~CleaningUp() { Session(OwnHome::options()).exit_code(0); }
  };
  try {
    const CleaningUp cleaning_up;
    throw std::runtime_error("another matter");
  } catch (const std::exception&) {
  }
  CHECK(home.report()["outcome"] == json{{"status", "ok"}, {"exit_code", 0}});
}

TEST_CASE("session run: finish writes the report, once, and nothing after it counts") {
  const OwnHome home;
  std::string first;
  {
    Session session(OwnHome::options());
    CHECK(home.sandbox.report_files().empty());
    CHECK(home.sandbox.active().size() == 1);
    session.add(steps, 2);
    session.finish();
    CHECK(home.sandbox.active().empty());
    first = read_file(session.report_path());
    session.add(steps, 40);
    session.fail(std::runtime_error("too late"));
    CHECK(session.exit_code(9) == 9);
    session.finish();
  }
  CHECK(home.report()["counters"] == json{{"session_run.steps", 2}});
  CHECK(home.report()["outcome"] == json{{"status", "ok"}});
  CHECK(read_file(home.sandbox.report_files().at(0)) == first);
}

TEST_CASE("session run: its name and the place of its report are known from the start") {
  const OwnHome home;
  Session session(OwnHome::options());
  CHECK(session.enabled());
  CHECK(session.session_id().size() == 32);
  CHECK(session.report_path() ==
        home.sandbox.usage_folder() / "local" / std::string(session.session_id()) / "usage_stats.json");
  session.finish();
  CHECK(home.report()["session_id"] == session.session_id());
}

TEST_CASE("session run: current is the youngest that is alive") {
  const OwnHome home;
  CHECK(Session::current() == nullptr);
  auto first = std::make_unique<Session>(OwnHome::options());
  CHECK(Session::current() == first.get());
  auto second = std::make_unique<Session>(OwnHome::options());
  const auto third = std::make_unique<Session>(OwnHome::options());
  CHECK(Session::current() == third.get());
  second.reset();
  CHECK(Session::current() == third.get());
  third->finish();
  CHECK(Session::current() == third.get());
  first.reset();
  CHECK(Session::current() == third.get());
}

TEST_CASE("session run: one that is off does as it is told, and leaves nothing") {
  const OwnHome home;
  us::Options options = OwnHome::options();
  options.consent = us::ConsentMode::opt_in;
  {
    Session session(options);
    CHECK_FALSE(session.enabled());
    CHECK(session.decision().verdict == us::Verdict::off);
    CHECK(session.decision().rule == 11);
    CHECK(session.session_id().empty());
    CHECK(session.report_path().empty());
    CHECK(session.problem().empty());
    CHECK(Session::current() == &session);
    session.add(steps);
    CHECK(session.run([] { return 3; }) == 3);
    CHECK_THROWS_AS(session.run([] { throw Foreign(); }), Foreign);
    session.finish();
  }
  CHECK(names_in(home.sandbox.home()).empty());
}
