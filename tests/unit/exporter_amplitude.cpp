// Reports as Amplitude's events, by the pure function. (amplitude_server.cpp sends them.)
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "complete_report.hpp"

using nlohmann::json;
using nlohmann::ordered_json;
using usage_stats::Endpoint;
using usage_stats::Protocol;
using usage_stats::detail::Request;
using usage_stats::detail::requests_for;

namespace {

const std::string session = "0d3b8a4ce1f04a57b1c5d93f2e6a7788";

Endpoint amplitude() {
  Endpoint endpoint{"https://api2.amplitude.com", Protocol::amplitude};
  endpoint.api_key = "public-key";
  return endpoint;
}

/// The events of all requests for a report, in order.
std::vector<json> events_of(const ordered_json& report, std::size_t already = 0) {
  std::vector<json> events;
  for (const Request& request : requests_for(amplitude(), report.dump(), already)) {
    const json body = json::parse(request.body);
    events.insert(events.end(), body["events"].begin(), body["events"].end());
  }
  return events;
}

std::vector<std::string> insert_ids(const ordered_json& report, std::size_t already = 0) {
  std::vector<std::string> ids;
  for (const json& event : events_of(report, already)) ids.push_back(event["insert_id"]);
  return ids;
}

ordered_json interim_report() {
  ordered_json report = complete_report();
  report["final"] = false;
  report["sequence"] = 1;
  report["outcome"] = {{"status", "running"}};
  report.erase("ended_at");
  return report;
}

ordered_json with_events(int count, const std::string& os_version = "Debian GNU/Linux 12") {
  ordered_json report = complete_report();
  report["system"]["os_version"] = os_version;
  report["events"] = ordered_json::array();
  for (int i = 0; i < count; ++i) report["events"].push_back({{"name", "e"}, {"at_s", i}, {"fields", {{"n", i}}}});
  return report;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("exporter amplitude: the request") {
  const auto requests = requests_for(amplitude(), complete_report().dump(2));
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://api2.amplitude.com/2/httpapi");
  CHECK(requests[0].headers.at("Content-Type") == "application/json");
  CHECK(requests[0].headers.at("Idempotency-Key") == session + "/3");
  CHECK(requests[0].headers.count("Authorization") == 0);
  const json body = json::parse(requests[0].body);
  CHECK(body["api_key"] == "public-key");
  CHECK(body["events"].size() == 4);
  CHECK(body.size() == 2);
  CHECK(requests[0].events == 3);  // `ended` goes with every final report, so it is none of the stream's
}

TEST_CASE("exporter amplitude: the path is completed where there is none") {
  const std::map<std::string, std::string> urls{{"https://a.example", "https://a.example/2/httpapi"},
                                                {"https://a.example/", "https://a.example/2/httpapi"},
                                                {"https://a.example:8443?k=1", "https://a.example:8443/2/httpapi?k=1"},
                                                {"https://a.example/2/httpapi", "https://a.example/2/httpapi"},
                                                {"https://a.example/batch", "https://a.example/batch"},
                                                {"https://a.example/own/?k=/", "https://a.example/own/?k=/"}};
  check_urls(amplitude(), urls);
}

TEST_CASE("exporter amplitude: what each event says") {
  const auto events = events_of(complete_report());
  REQUIRE(events.size() == 4);
  const json common = {{"device_id", "7c0e4bd0f1a34c0c9d0e5f6a7b8c9d0e"},
                       {"session_id", 1795334400123},
                       {"app_version", "1.4.2"},
                       {"os_name", "macos"},
                       {"os_version", "macOS 14.2.1"}};
  const std::vector<json> own{{{"event_type", "started"}, {"time", 1795334400123}, {"insert_id", session + "/0"}},
                              {{"event_type", "send_model"}, {"time", 1795334401373}, {"insert_id", session + "/1"}},
                              {{"event_type", "run_model"}, {"time", 1795334402124}, {"insert_id", session + "/2"}},
                              {{"event_type", "ended"}, {"time", 1795334412468}, {"insert_id", session + "/ended"}}};
  for (std::size_t i = 0; i < events.size(); ++i) {
    json wanted = common;
    wanted.update(own[i]);
    json found = events[i];
    found.erase("event_properties");
    CHECK(found == wanted);  // and so neither user_id nor ip
  }
  CHECK(events[1]["event_properties"] == json{{"model_size", 1048576}, {"quantized", false}});
  CHECK(events[2]["event_properties"] == json::object());
}

TEST_CASE("exporter amplitude: start and end carry the report's parts under their own names") {
  const auto events = events_of(complete_report());
  const json report = complete_report(), started = events.front()["event_properties"],
             ended = events.back()["event_properties"];
  json wanted = {{"app", "mytool"}, {"session", session}};
  for (const char* part : {"schema", "build", "system", "command", "delivery"}) wanted[part] = report[part];
  CHECK(started == wanted);
  wanted = {{"app", "mytool"}, {"session", session}};
  for (const char* part :
       {"sequence", "command", "ended_at", "duration_s", "outcome", "fields", "counters", "stages", "truncated"})
    wanted[part] = report[part];
  CHECK(ended == wanted);
}

TEST_CASE("exporter amplitude: nothing of a report is lost") {
  std::string sent;
  for (const Request& request : requests_for(amplitude(), complete_report().dump())) sent += request.body;
  for_each_leaf(complete_report(), [&](const std::string& path, const ordered_json& value) {
    CAPTURE(path);
    const bool in_a_time = path == "/started_at" || path == "/final" ||
                           (path.find("/events") == 0 && path.find("at_s") != std::string::npos);
    if (!in_a_time) CHECK(sent.find(value.dump()) != std::string::npos);
  });
}

TEST_CASE("exporter amplitude: interim reports send what is new, the last one the rest and the end") {
  const ordered_json first = interim_report();
  CHECK(insert_ids(first) == Ids{session + "/0", session + "/1", session + "/2"});
  CHECK(requests_for(amplitude(), first.dump()).at(0).events == 3);
  CHECK(requests_for(amplitude(), first.dump(), 3).empty());
  CHECK(requests_for(amplitude(), first.dump(), 99).empty());
  ordered_json second = complete_report();
  second["events"].push_back({{"name", "run_model"}, {"at_s", 3}, {"fields", {}}});
  CHECK(insert_ids(second, 3) == Ids{session + "/3", session + "/ended"});
  CHECK(requests_for(amplitude(), second.dump(), 3).at(0).events == 4);
  CHECK(requests_for(amplitude(), second.dump(), 3).at(0).headers.at("Idempotency-Key") == session + "/3/3");
  CHECK(insert_ids(second, 4) == Ids{session + "/ended"});
  // A run that vanished is reported as it was at its start, with fewer events than were sent: its end goes all the
  // same.
  ordered_json lost = complete_report();
  lost["events"] = ordered_json::array();
  CHECK(insert_ids(lost, 3) == Ids{session + "/ended"});
}

TEST_CASE("exporter amplitude: the same events on each try") {
  const auto whole = events_of(complete_report());
  for (std::size_t already = 0; already <= 3; ++already) {
    const auto rest = events_of(complete_report(), already);
    CHECK(rest == std::vector<json>(whole.begin() + static_cast<std::ptrdiff_t>(already), whole.end()));
  }
}

TEST_CASE("exporter amplitude: without a client id the session is the device") {
  ordered_json report = complete_report();
  report.erase("client_id");
  for (const json& event : events_of(report)) CHECK(event["device_id"] == session);
}

TEST_CASE("exporter amplitude: a run whose end nobody saw ends with the last that is known of it") {
  ordered_json report = complete_report();
  report.erase("duration_s");
  CHECK(events_of(report).back()["time"] == 1795334405623);
  report["events"] = report["stages"] = ordered_json::array();
  CHECK(events_of(report).back()["time"] == 1795334400123);
}

TEST_CASE("exporter amplitude: many events go in several requests, each of which says how far the endpoint is then") {
  const auto requests = requests_for(amplitude(), with_events(1000).dump());
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].events == 500);
  CHECK(requests[1].events == 1000);
  CHECK(requests[2].events == 1001);
  CHECK(requests[0].headers.at("Idempotency-Key") == session + "/3");
  CHECK(requests[1].headers.at("Idempotency-Key") == session + "/3/500");
  CHECK(json::parse(requests[2].body)["events"].size() == 2);
  // A retry begins where the first try came to its end, with the same bytes.
  const auto rest = requests_for(amplitude(), with_events(1000).dump(), 500);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].body == requests[1].body);
  CHECK(rest[0].headers == requests[1].headers);
  CHECK(rest[1].body == requests[2].body);
  const auto ids = insert_ids(with_events(1000));
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 1002);
}

TEST_CASE("exporter amplitude: no request is over the published limits") {
  for (const std::string& os : {std::string(256, 'x'), std::string(256, '\x01'), std::string(256, '"')}) {
    std::size_t events = 0;
    for (const Request& request : requests_for(amplitude(), with_events(1000, os).dump())) {
      CHECK(request.body.size() < 1000 * 1000);
      const json body = json::parse(request.body);
      CHECK(body["events"].size() <= 2000);
      events += body["events"].size();
    }
    CHECK(events == 1002);
  }
}

TEST_CASE("exporter amplitude: hostile strings stay what they are") {
  const std::string hostile = "\"}]\\\n\x01\x7f </script> \xE2\x80\xA8 \xF0\x9F\x98\x80 %s {{x}}";
  ordered_json report = complete_report();
  report["events"][0]["fields"]["note"] = hostile;
  report["outcome"]["error"]["message"] = hostile;
  Endpoint endpoint = amplitude();
  endpoint.api_key = "a\"b\\c";
  const json body = json::parse(requests_for(endpoint, report.dump()).at(0).body);
  CHECK(body["api_key"] == endpoint.api_key);
  CHECK(body["events"][1]["event_properties"]["note"] == hostile);
  CHECK(body["events"][3]["event_properties"]["outcome"]["error"]["message"] == hostile);
}

TEST_CASE("exporter amplitude: what is no report makes no request, and a damaged one no harm") {
  check_damage(amplitude());
}
