// What is remembered from run to run has an end, and the newest stays.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

std::string numbered_id(int number) {
  std::string digits = std::to_string(number);
  return std::string(32 - digits.size(), 'a') + digits;
}

}  // namespace

TEST_CASE("remembered: a thousand ids and 32 servers of each kind, the newest") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  json state = state_of(sandbox);
  const std::string own = state["client_id"];
  state["sent_ids"] = json::array();
  for (const char* const list : {"sent_to", "stopped"}) state[list] = json::array();
  for (int i = 0; i < 1000; ++i) state["sent_ids"].push_back(numbered_id(i));
  for (int i = 0; i < 32; ++i) {
    const std::string url = "https://" + std::to_string(100 + i) + ".example/";
    state["sent_to"].push_back(url);
    state["stopped"].push_back("1.2.3 " + url);
    state["backoff"][url] = {{"failures", 1}, {"not_before", 1}};
  }
  set_state(sandbox, state);
  server.answer([](const ReceivedRequest&) { return Answer{503}; });
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());

  CHECK(state_of(sandbox)["backoff"].size() == 32);
  make_due(sandbox);
  server.answer([](const ReceivedRequest&) { return Answer{410}; });
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);

  const json after = state_of(sandbox);
  REQUIRE(after["sent_ids"].size() == 1000);
  CHECK(after["sent_ids"][0] == numbered_id(1));
  CHECK(after["sent_ids"][999] == own);
  REQUIRE(after["sent_to"].size() == 32);
  CHECK(after["sent_to"][31] == server.url());
  REQUIRE(after["stopped"].size() == 32);
  CHECK(after["stopped"][31].get<std::string>().find(server.url()) != std::string::npos);
}

TEST_CASE("remembered: of a report's tries the last fifty, however many there were") {
  Sandbox sandbox;
  sandbox.collect = false;
  std::error_code error;
  auto storage = usage_stats::detail::Storage::open(sandbox.usage_folder(), "reporter", true, error);
  REQUIRE(storage);
  usage_stats::detail::Envelope envelope;
  envelope.session_id = envelope.client_id = std::string(32, 'a');
  CHECK(!storage->archive.write_report(envelope.client_id, envelope.session_id, "{}"));
  usage_stats::detail::DeliveryRecord record;
  record.url = "https://stats.example/";
  for (record.attempts = 1; record.attempts <= 60; ++record.attempts)
    CHECK(!storage->archive.record_delivery(envelope, record));
  const json deliveries =
      json::parse(storage->archive.delivery_text(envelope.client_id, envelope.session_id))["deliveries"];
  REQUIRE(deliveries.size() == 50);
  CHECK(deliveries[0]["attempts"] == 11);
  CHECK(deliveries[49]["attempts"] == 60);
}

TEST_CASE("remembered: uploader.log begins anew beyond 1 MiB") {
  Server server;
  Sandbox sandbox;
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto log = sandbox.usage_folder() / "uploader.log";
  const std::string line(1023, 'x');
  std::string long_one;
  for (int i = 0; i < 1024; ++i) long_one += line + "\n";
  write_file(log, long_one);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(read_file(log).compare(0, long_one.size(), long_one) == 0);  // 1 MiB, and something behind it
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(read_file(log).size() < long_one.size() / 2);
  CHECK(read_file(log).find("xxx") == std::string::npos);
}
