// Many reports for one server go over one connection; by curl, which cannot be told to wait between two, one by one.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "programs.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace us = usage_stats::detail;

namespace {

constexpr int many = 8;

std::string number(int i) {
  const std::string digits = std::to_string(i);
  return std::string(32 - digits.size(), '0') + digits;
}

/// A folder in which so many reports wait.
struct Waiting {
  Sandbox sandbox{};

  Waiting(const std::string& url, int count) {
    sandbox.collect = false;
    std::error_code error;
    auto storage = us::Storage::open(sandbox.usage_folder(), "reporter", true, error);
    REQUIRE(storage);
    us::Envelope envelope;
    envelope.app = "reporter";
    envelope.version = "1.2.3";
    envelope.client_id = std::string(32, 'c');
    envelope.config_file = envelope.policy_file = "/nonexistent/usage_stats.json";  // says neither yes nor no
    envelope.destinations.push_back({usage_stats::Endpoint{url}, 0, 0});
    for (int i = 1; i <= count; ++i) {
      envelope.session_id = number(i);
      envelope.created = us::now_seconds() - 1000 + i;
      CHECK(!storage->archive.write_report(
          envelope.client_id, envelope.session_id,
          "{\"app\": {\"name\": \"reporter\", \"version\": \"1.2.3\"}, \"session_id\": \"" + envelope.session_id +
              "\"}"));
      const auto lock = storage->outbox.begin(envelope, error);
      CHECK(!storage->outbox.enqueue(envelope));
    }
  }
  /// Makes that file the one that says whether they may leave.
  void ask(const std::filesystem::path& config) const {
    std::error_code error;
    auto storage = us::Storage::open(sandbox.usage_folder(), "reporter", false, error);
    REQUIRE(storage);
    for (const std::string& name : sandbox.pending())
      CHECK(!storage->outbox.update(name, [&](us::Envelope& envelope) { envelope.config_file = config; }));
  }
  void upload(const std::string& program) const {
    Command command = sandbox.uploader("reporter");
    command.program = ::program(program);
    CHECK(run(command).exit_code == 0);
  }
  nlohmann::json envelope(int i) const {
    const std::string text = read_file(sandbox.usage_folder() / "pending" / number(i));
    return nlohmann::json::parse(text.substr(0, text.find('\n')))["destinations"][0];
  }
};

std::set<int> connections(const std::vector<ReceivedRequest>& requests) {
  std::set<int> ports;
  for (const ReceivedRequest& request : requests) ports.insert(request.client_port);
  return ports;
}

std::set<std::string> keys(const std::vector<ReceivedRequest>& requests) {
  std::set<std::string> all;
  for (const ReceivedRequest& request : requests) all.insert(request.header("Idempotency-Key"));
  return all;
}

}  // namespace

TEST_CASE("one connection: for all that waits, and each is sent once and counted") {
  Server server;
  server.keep_connections();
  const Waiting waiting(server.url(), 100);
  waiting.upload("reporter");
  CHECK(server.requests().size() == 100);
  CHECK(keys(server.requests()).size() == 100);
  CHECK(connections(server.requests()).size() == 1);
  CHECK(waiting.sandbox.pending().empty());
  CHECK(state_of(waiting.sandbox)["sent"] == 100);
}

TEST_CASE("one connection: also where the answers have no body, and say nothing of its length") {
  const RawServer server([](const std::string&) {
    RawAnswer answer("HTTP/1.1 204 No Content\r\n\r\n");
    answer.keep = true;
    return answer;
  });
  const Waiting waiting(server.url(), 20);
  waiting.upload("reporter");
  CHECK(waiting.sandbox.pending().empty());
  CHECK(state_of(waiting.sandbox)["sent"] == 20);
  CHECK(server.connections() == 1);
}

TEST_CASE("one connection: curl sends many in their order, each once") {
  Server server;
  const Waiting waiting(server.url(), many);
  waiting.upload("reporter_curl");
  const auto requests = server.requests();
  CHECK(requests.size() == many);
  for (std::size_t i = 0; i < requests.size(); ++i)
    CHECK(requests[i].header("Idempotency-Key") == number(static_cast<int>(i) + 1) + "/1");
  CHECK(waiting.sandbox.pending().empty());
  CHECK(state_of(waiting.sandbox)["sent"] == many);
}

TEST_CASE("one connection: one report that is refused holds up none of the others") {
  Server server;
  server.keep_connections();
  server.answer([](const ReceivedRequest& request) {
    return Answer{request.header("Idempotency-Key") == number(3) + "/1" ? 400 : 200};
  });
  const Waiting waiting(server.url(), 8);
  waiting.upload("reporter_curl");
  CHECK(server.requests().size() == 8);
  CHECK(waiting.sandbox.pending().empty());
  CHECK(state_of(waiting.sandbox)["sent"] == 7);
  CHECK(state_of(waiting.sandbox)["dropped"] == 1);
}

TEST_CASE("one connection: where the server asks to wait, curl sends no more, and what it has not sent is no try") {
  Server server;
  server.keep_connections();
  server.answer([](const ReceivedRequest& request) {
    Answer answer;
    if (request.header("Idempotency-Key") == number(3) + "/1") answer = {429, {{"Retry-After", "3600"}}};
    return answer;
  });
  const Waiting waiting(server.url(), 8);
  waiting.upload("reporter_curl");
  CHECK(server.requests().size() == 3);
  CHECK(waiting.sandbox.pending().size() == 6);
  CHECK(waiting.envelope(3)["attempts"] == 1);
  for (int i = 4; i <= 8; ++i) CHECK(waiting.envelope(i)["attempts"] == 0);
}

TEST_CASE("one connection: a server that hangs up in the middle costs the others no try either") {
  int count = 0;
  const RawServer server([&](const std::string&) -> RawAnswer {
    if (++count > 2) return "HTT";
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  });
  const Waiting waiting(server.url(), 6);
  waiting.upload("reporter_curl");
  CHECK(count == 3);
  CHECK(waiting.sandbox.pending().size() == 4);
  CHECK(waiting.envelope(3)["attempts"] == 1);
  for (int i = 4; i <= 6; ++i) CHECK(waiting.envelope(i)["attempts"] == 0);
}

TEST_CASE("one connection: a curl that is killed leaves its try counted, what was acknowledged is not sent again") {
  Server server;
  server.keep_connections();
  Waiting waiting(server.url(), 5);
  // A curl that dies while the third is on its way.
  const auto path = waiting.sandbox.home() / "bin";
  std::filesystem::create_directories(path);
  write_file(path / "curl", "#!/bin/sh\necho $$ >" + (path / "process").string() + "\nexec /usr/bin/curl \"$@\"\n");
  std::filesystem::permissions(path / "curl", std::filesystem::perms::owner_all);
  waiting.sandbox.environment["PATH"] = path.string() + ":/usr/bin:/bin";
  bool killed = false;
  server.answer([&](const ReceivedRequest& request) {
    if (request.header("Idempotency-Key") == number(3) + "/1" && !std::exchange(killed, true))
      ::kill(std::stoi(read_file(path / "process")), SIGKILL);
    return Answer{};
  });
  waiting.upload("reporter_curl");
  CHECK(server.requests().size() == 3);
  REQUIRE(waiting.sandbox.pending() == std::vector<std::string>{number(3), number(4), number(5)});
  CHECK(waiting.envelope(3)["attempts"] == 1);
  CHECK(waiting.envelope(4)["attempts"] == 0);
  make_due(waiting.sandbox);
  waiting.upload("reporter_curl");
  CHECK(server.requests().size() == 6);
  CHECK(keys(server.requests()).size() == 5);
  CHECK(waiting.sandbox.pending().empty());
}

TEST_CASE("one connection: a no while others are on their way holds from the next one on") {
  for (const char* const reporter : {"reporter", "reporter_curl"}) {
    CAPTURE(reporter);
    Server server;
    server.keep_connections();
    const Waiting waiting(server.url(), many);
    const auto config = waiting.sandbox.home() / "says_no.json";
    waiting.ask(config);
    server.answer([&](const ReceivedRequest& request) {
      if (request.header("Idempotency-Key") == number(4) + "/1") write_file(config, "{\"usage_stats\": false}");
      return Answer{};
    });
    waiting.upload(reporter);
    CHECK(server.requests().size() == 4);
    CHECK(waiting.sandbox.pending().empty());
  }
}

TEST_CASE("one connection: when a server has said 410 to one, the others are not sent") {
  for (const char* const reporter : {"reporter", "reporter_curl"}) {
    CAPTURE(reporter);
    Server server(410);
    const Waiting waiting(server.url(), 3);
    waiting.upload(reporter);
    CHECK(server.requests().size() == 1);
    CHECK(waiting.sandbox.pending().empty());
  }
}

TEST_CASE("one connection: what is taken away while others are on their way is not sent") {
  for (const char* const reporter : {"reporter", "reporter_curl"}) {
    CAPTURE(reporter);
    Server server;
    const Waiting waiting(server.url(), 3);
    server.answer([&](const ReceivedRequest&) {
      for (const int i : {2, 3}) std::filesystem::remove(waiting.sandbox.usage_folder() / "pending" / number(i));
      return Answer{};
    });
    waiting.upload(reporter);
    CHECK(server.requests().size() == 1);
    CHECK(waiting.sandbox.pending().empty());
  }
}

TEST_CASE("one connection: each report is sent by itself where all are redirected") {
  Server server;
  server.keep_connections();
  server.answer([](const ReceivedRequest& request) {
    return request.target == "/v1/usage" ? Answer{308, {{"Location", "/elsewhere"}}} : Answer{};
  });
  const Waiting waiting(server.url(), 3);
  waiting.upload("reporter_curl");
  const auto requests = server.requests();
  std::set<std::string> arrived;
  for (const ReceivedRequest& request : requests)
    if (request.target == "/elsewhere") CHECK(arrived.insert(request.header("Idempotency-Key")).second);
  CHECK(arrived.size() == 3);
  CHECK(waiting.sandbox.pending().empty());
}

TEST_CASE("one connection: one that the server ends a moment after it has said so costs no report") {
  const RawServer server([&](const std::string&) -> RawAnswer {
    return {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", std::chrono::milliseconds(5)};
  });
  const Waiting waiting(server.url(), 4);
  waiting.upload("reporter");
  CHECK(waiting.sandbox.pending().empty());
  CHECK(server.connections() == 4);
  CHECK(state_of(waiting.sandbox)["sent"] == 4);
  CHECK(state_of(waiting.sandbox)["failed"] == 0);
}
