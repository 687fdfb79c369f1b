// Programs without exceptions: fail(type, message) where the error is reported, and then exit(), which destroys no
// session.
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "own_home.hpp"
#include "server.hpp"
#include "tool.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

json error_of(const std::string& type, const std::string& message, us::Options options = OwnHome::options()) {
  const json outcome =
      OwnHome().report_of([&](Session& session) { session.fail(type, message); }, std::move(options))["outcome"];
  CHECK(outcome["status"] == "failed");
  return outcome["error"];
}

}  // namespace

TEST_CASE("fail and exit: fail, exit: a session that is never destroyed reports the error and the exit code") {
  for (const char* const place : {"here", "thread"})
    for (const char* const session : {"main", "constant"}) {
      CAPTURE(std::string(place));
      const Server server;
      Tool tool(session);
      tool.set("URL", server.url());
      tool.set("UNATTENDED", "on");
      tool.set("FATAL", place);
      const Result result = tool.run({"/srv/data/private.txt"});
      CHECK(result.exit_code == 1);
      CHECK(result.err.find("tool: cannot open /srv/data/private.txt\n") != std::string::npos);
      const auto requests = server.wait_for(1);
      json outcome = json::parse(requests[0].body)["outcome"];
      CHECK(outcome["status"] == "failed");
      CHECK(outcome["exit_code"] == 1);
      CHECK(outcome["error"]["type"] == "io_error");
      CHECK(outcome["error"]["message"].get<std::string>().find("cannot open <") == 0);
      CHECK(requests[0].body.find("private") == std::string::npos);
      CHECK(tool.sandbox.wait_for_no_uploader());
      CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("fail and exit: fail, exit: with statistics off nothing is reported, and the exit code is the program's") {
  Tool tool;
  tool.set("FATAL", "here");
  CHECK(tool.run({"file", "--disable-usage-stats"}).exit_code == 1);
  tool.program = "tool_disabled";
  CHECK(tool.run({"file"}).exit_code == 1);
  CHECK(names_in(tool.sandbox.home()).empty());
}

TEST_CASE("fail and exit: fail: type and message, as they were given") {
  CHECK(error_of("io_error", "cannot open the file") ==
        json{{"type", "io_error"}, {"message", "cannot open the file"}});
  CHECK(error_of("usage", "") == json{{"type", "usage"}});
  CHECK(error_of("", "no such command")["message"] == "no such command");
  CHECK(error_of("", "").contains("type"));
}

TEST_CASE(
    "fail and exit: fail: neither of the two is a way out for paths, for bytes that are no text, or for more than the "
    "limits") {
  // Backwards, lest this program contains what must not leave.
  const std::string name = "qehtnax", user(name.rbegin(), name.rend());
  const json error = error_of("/home/" + user + "/x", "cannot read /home/" + user + "/notes.txt");
  CHECK(error.dump().find(user) == std::string::npos);
  const json bytes = error_of("bad\xff\xfe", std::string("a\0b\xc3", 4));
  CHECK(bytes["type"].get<std::string>().find('\xff') == std::string::npos);
  CHECK_NOTHROW(static_cast<void>(bytes.dump()));  // which throws for what is no UTF-8
  std::string words;
  while (words.size() < 100000) words += "word ";
  const json longest = error_of(words, words);
  CHECK(longest["type"].get<std::string>().size() <= 256);
  CHECK(longest["message"].get<std::string>().size() <= 1024);
  us::Options options = OwnHome::options();
  options.errors = us::ErrorDetail::type;
  CHECK(error_of("io_error", "cannot open the file", options) == json{{"type", "io_error"}});
}

TEST_CASE("fail and exit: fail: the last one holds, from any thread; an exception or a code that follows adds to it") {
  const OwnHome home;
  const json outcome = home.report_of([](Session& session) {
    session.fail("first", "the first error");
    std::thread([&] { session.fail("second", "the second error"); }).join();
    session.exit_code(4);
  })["outcome"];
  CHECK(outcome ==
        json{{"status", "failed"}, {"exit_code", 4}, {"error", {{"type", "second"}, {"message", "the second error"}}}});
  json thrown = OwnHome().report_of([](Session& session) {
    try {
      session.run([&]() -> int {
        session.fail("first", "the first error");
        throw std::runtime_error("the second error");
      });
    } catch (const std::exception&) {
    }
  })["outcome"];
  CHECK(thrown["status"] == "exception");
  CHECK(thrown["error"]["message"] == "the second error");
}

TEST_CASE("fail and exit: fail: after the end nothing changes") {
  const OwnHome home;
  const json outcome = home.report_of([](Session& session) {
    session.exit_code(0);
    session.finish();
    session.fail("late", "too late");
  })["outcome"];
  CHECK(outcome == json{{"status", "ok"}, {"exit_code", 0}});
}
