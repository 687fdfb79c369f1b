// usage-stats-collector as a server of the json protocol (docs/protocol.md).
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "collector.hpp"
#include "sandbox.hpp"
#include "schema.hpp"

namespace {

using nlohmann::ordered_json;

std::vector<std::string> exported(const CollectorProcess& collector) {
  const Result result = run_collector(collector.database.parent_path(), {"export"});
  REQUIRE(result.exit_code == 0);
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = result.out.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(result.out.substr(begin, end - begin));
  return lines;
}

/// A real report, of a run that kept it local.
ordered_json report_of(Sandbox& sandbox) {
  CHECK(sandbox.run("reporter", {"--unattended", "local", "--field", "--exit", "3"}).exit_code == 3);
  return ordered_json::parse(sandbox.report().dump());
}

}  // namespace

TEST_CASE("collector ingest: keeps each report once, byte for byte what it says, also when it is started again") {
  Sandbox sandbox;
  ordered_json report = report_of(sandbox);
  {
    CollectorProcess collector(sandbox.root(), {"--verbose"});
    CHECK(collector.url.find("http://127.0.0.1:") == 0);  // loopback, unless told otherwise
    CHECK(collector.post(report.dump()).status == 201);
    CHECK(collector.post(report.dump(2)).status == 200);
    REQUIRE(exported(collector).size() == 1);
    CHECK(exported(collector)[0] == report.dump());
    CHECK(collector.said().find("stored: reporter 1.2.3: failed, exit code 3") != std::string::npos);
    CHECK(collector.said().find("known already: reporter 1.2.3") != std::string::npos);
    CHECK(collector.said().find("127.0.0.1", collector.said().find("stored")) == std::string::npos);
    CHECK(collector.stop() == 0);
  }
  CollectorProcess again(sandbox.root());
  CHECK(again.post(report).status == 200);
  report["session_id"] = std::string(32, 'f');
  CHECK(again.post(report).status == 201);
  CHECK(exported(again).size() == 2);
  CHECK(again.said().find("stored") == std::string::npos);  // a line each only if it is asked to
}

TEST_CASE("collector ingest: of a session the highest sequence holds, in whatever order they come") {
  Sandbox sandbox;
  CollectorProcess collector(sandbox.root());
  const auto interim = [](int sequence) {
    ordered_json report = report_number(1);
    report["sequence"] = sequence;
    report["final"] = false;
    report["outcome"] = {{"status", "running"}};
    report.erase("ended_at");
    return report;
  };
  ordered_json last = report_number(1);
  last["sequence"] = 4;
  CHECK(collector.post(interim(2)).status == 201);
  CHECK(collector.post(interim(1)).status == 200);
  CHECK(collector.post(interim(3)).status == 201);
  CHECK(collector.post(last).status == 201);
  CHECK(collector.post(interim(3)).status == 200);
  REQUIRE(exported(collector).size() == 1);
  CHECK(exported(collector)[0] == last.dump());
}

TEST_CASE("collector ingest: refuses what is not report v1, as the schema does, and says why") {
  Sandbox sandbox;
  const ordered_json report = report_of(sandbox);
  const CollectorProcess collector(sandbox.root());
  const auto refused = [&](const ordered_json& wrong, const std::string& key) {
    CAPTURE(key);
    const Reply reply = collector.post(wrong.dump());
    CHECK((reply.status == 422) == !schema_problem(wrong.dump()).empty());
    if (reply.status == 422) CHECK(reply.body["error"].get<std::string>().find(key) != std::string::npos);
    return reply.status == 422;
  };
  std::size_t count = 0;
  for (const auto& [key, value] : report.items()) {
    ordered_json without = report, other = report;
    without.erase(key);
    other[key] = value.is_array() ? ordered_json("text") : ordered_json::array({1});
    count += refused(without, key) ? 1 : 0;
    count += refused(other, key) ? 1 : 0;
  }
  CHECK(count > report.size());
  ordered_json more = report, thirteenth = report;
  more["address_of_its_user"] = "somewhere";
  CHECK(refused(more, "address_of_its_user"));
  thirteenth["started_at"] = "2026-13-01T00:00:00.000Z";
  CHECK(refused(thirteenth, "started_at"));
  for (const std::string& text : {std::string("no JSON"), std::string("[]"), std::string(), std::string(60000, '['),
                                  std::string("{\"a\": 1e999}"), std::string("\"\xff\"")})
    CHECK(collector.post(text).status == 422);
}

TEST_CASE("collector ingest: other requests, other types and too large ones are not reports") {
  Sandbox sandbox;
  const std::string text = report_number(1).dump();
  const CollectorProcess collector(sandbox.root());
  const std::map<std::string, std::string> json = {{"Content-Type", "application/json"}};
  CHECK(collector.ask("GET", "/v1/usage").status == 405);
  CHECK(collector.ask("GET", "/v1/usage").headers["allow"] == "POST, DELETE");
  CHECK(collector.ask("PUT", "/v1/usage", text, json).status == 405);
  CHECK(collector.ask("POST", "/v1/usage", text, {{"Content-Type", "text/plain"}}).status == 415);
  CHECK(collector.ask("POST", "/v1/usage/more", text, json).status == 404);
  CHECK(collector.ask("GET", "/").status == 404);
  CHECK(collector.post(std::string(70000, ' ') + text).status == 413);
  CHECK(collector.post(std::string(3000000, ' ') + text).status == 413);
  CHECK(collector.ask("DELETE", "/v1/usage?client_id=*").status == 422);
  CHECK(collector.ask("DELETE", "/v1/usage").status == 422);
  CHECK(exported(collector).empty());
  CHECK(collector.post(text).status == 201);
}

TEST_CASE("collector ingest: deletes all of a client, and drops what comes of it later") {
  Sandbox sandbox;
  const CollectorProcess collector(sandbox.root());
  for (std::size_t i = 0; i < 3; ++i) CHECK(collector.post(report_number(i, i < 2 ? 1 : 2)).status == 201);
  Reply reply = collector.remove(client_number(1));
  CHECK(reply.status == 200);
  CHECK(reply.body["deleted"] == 2);
  REQUIRE(exported(collector).size() == 1);
  CHECK(exported(collector)[0].find(client_number(1)) == std::string::npos);
  CHECK(collector.remove(client_number(1)).body["deleted"] == 0);
  reply = collector.post(report_number(7, 1));
  CHECK(reply.status == 200);  // and never 410
  CHECK(exported(collector).size() == 1);
  CHECK(collector.remove(client_number(99)).body["deleted"] == 0);  // the wish of one that was never here, too
  CHECK(collector.post(report_number(8, 99)).status == 200);
  CHECK(exported(collector).size() == 1);
}

TEST_CASE("collector ingest: a program of ours, from its run to its deletion") {
  Sandbox sandbox;
  CollectorProcess collector(sandbox.root(), {"--verbose"});
  const std::vector<std::string> options = {"--unattended", "on", "--delivery", "wait", "--url", collector.url};
  CHECK(sandbox.run("reporter", options).exit_code == 0);
  REQUIRE(wait_until([&] { return exported(collector).size() == 1; }));
  CHECK(nlohmann::json::parse(exported(collector)[0]) == sandbox.report());
  std::vector<std::string> words = options;
  words.insert(words.end(), {"--as", "usage-stats", "delete"});
  CHECK(sandbox.run("reporter", words).exit_code == 0);
  CHECK(exported(collector).empty());
}

TEST_CASE("collector ingest: ends within five seconds, though a sender never does") {
  Sandbox sandbox;
  CollectorProcess collector(sandbox.root());
  // A head without an end, a byte now and then: httplib's time-out never comes.
  const int socket = connected_to(collector.port);
  CHECK(collector.post(report_number(1)).status == 201);  // so that the connection before it has been taken
  std::promise<void> end;
  std::thread sender([&, ended = end.get_future()] {
    std::string_view text = "POST /v1/usage HTTP/1.1\r\nX: y";
    do {
      ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
      text = "y";
    } while (ended.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready);
  });
  const auto began = std::chrono::steady_clock::now();
  CHECK(collector.stop() == 0);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(5500));
  end.set_value();
  sender.join();
  ::close(socket);
  CollectorProcess again(sandbox.root());
  CHECK(exported(again).size() == 1);
}
