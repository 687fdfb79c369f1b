// Whole runs against a server that holds requests to the rules that Amplitude publishes for its HTTP V2.
#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

/// What it has taken, and why it did not take the rest. An event that it has is not counted again.
class Amplitude {
  std::mutex mutex_;
  std::size_t room_ = 1000000, repeated_ = 0;
  bool silent_ = false;
  std::vector<json> events_;
  std::set<std::string> known_;
  std::vector<std::string> refusals_;

  template <class Body>
  auto locked(Body body) {
    const std::lock_guard<std::mutex> guard(mutex_);
    return body();
  }

 public:
  // Behind all that it uses.
  Server server{[this](const ReceivedRequest& request) { return answer(request); }};
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server.port()); }

  /// How many events it takes before it throttles.
  void room(std::size_t events) {
    locked([&] { room_ = events; });
  }
  /// Takes what comes, but its answers get lost.
  void silent(bool on) {
    locked([&] { silent_ = on; });
  }
  std::vector<json> events() {
    return locked([&] { return events_; });
  }
  std::vector<std::string> refusals() {
    return locked([&] { return refusals_; });
  }
  /// Events that came again, as far as they were not ignored by their insert_id.
  std::size_t repeated() {
    return locked([&] { return repeated_; });
  }

 private:
  Answer answer(const ReceivedRequest& request) {
    return locked([&] {
      const std::string wrong = problem_with(request);
      if (!wrong.empty()) return refuse(400, wrong);
      const json body = json::parse(request.body);
      if (body["events"].size() > 2000 || request.body.size() >= 1000 * 1000) return refuse(413, "too large");
      if (body["events"].size() > room_) return refuse(429, "too many events for one device");
      room_ -= body["events"].size();
      for (const json& event : body["events"]) take(event);
      return silent_ ? Answer{503} : Answer{200, {}, "{\"code\": 200}"};
    });
  }

  void take(const json& event) {
    const bool fresh =
        known_.insert(event["device_id"].get<std::string>() + event["insert_id"].get<std::string>()).second;
    if (fresh)
      events_.push_back(event);
    else
      ++repeated_;
  }

  Answer refuse(int status, const std::string& why) {
    refusals_.push_back(std::to_string(status) + " " + why);
    return {status, {}, json{{"code", status}, {"error", why}}.dump()};
  }

  static std::string problem_with(const ReceivedRequest& request) {
    if (request.method != "POST" || request.target != "/2/httpapi") return "no such place: " + request.target;
    if (request.header("Content-Type") != "application/json") return "Content-Type";
    const json body = json::parse(request.body, nullptr, false);
    if (!body.is_object()) return "not a JSON object";
    if (body.value("api_key", json()) != "public-key") return "Invalid API key: public-key";
    if (!body.contains("events") || !body["events"].is_array() || body["events"].empty()) return "no events";
    for (const json& event : body["events"])
      if (std::string wrong = problem_with(event); !wrong.empty()) return wrong;
    return {};
  }

  static std::string problem_with(const json& event) {
    static const std::map<std::string, json::value_t> kinds{
        {"device_id", json::value_t::string},       {"event_type", json::value_t::string},
        {"insert_id", json::value_t::string},       {"app_version", json::value_t::string},
        {"os_name", json::value_t::string},         {"os_version", json::value_t::string},
        {"time", json::value_t::number_unsigned},   {"session_id", json::value_t::number_unsigned},
        {"event_properties", json::value_t::object}};
    for (const auto& [name, kind] : kinds)
      if (!event.contains(name) || event[name].type() != kind) return name + " is missing or of another type";
    for (const auto& item : event.items())
      if (kinds.count(item.key()) == 0) return item.key() + " is unknown";
    if (event["device_id"].get<std::string>().size() < 5) return "invalid_id_lengths";
    if (event["event_type"].get<std::string>().empty()) return "event_type";
    return {};
  }
};

std::vector<std::string> options(const Amplitude& amplitude) {
  return {"--url", amplitude.url(), "--protocol", "amplitude", "--api-key", "public-key"};
}

std::vector<std::string> sending(Amplitude& amplitude, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments =
      sending_to(amplitude.url(), {"--protocol", "amplitude", "--api-key", "public-key"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void upload_once(const Sandbox& sandbox) {
  make_due(sandbox);
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
}

std::vector<std::string> types(const std::vector<json>& events) {
  std::vector<std::string> names;
  for (const json& event : events) names.push_back(event["event_type"]);
  return names;
}

/// A run whose report waits, to be sent with other contents.
class WaitingRun {
 public:
  WaitingRun(const Sandbox& sandbox, Amplitude& amplitude) : sandbox_(sandbox) {
    amplitude.room(0);
    sandbox.run("reporter", sending(amplitude, {"--field"}));
    CHECK(amplitude.refusals() == std::vector<std::string>{"429 too many events for one device"});
    amplitude.room(1000000);
    envelope_ = waiting_envelope(sandbox);
    report_ = json::parse(read_file(sandbox.report_files().at(0)));
  }

  /// The report of this sequence, with so many events, waits; it is interim unless it is the last.
  void waits(int sequence, int events, bool last) {
    json report = report_;
    report["sequence"] = envelope_["sequence"] = sequence;
    report["events"] = json::array();
    for (int i = 0; i < events; ++i)
      report["events"].push_back({{"name", "send_model"}, {"at_s", 0.001 * i}, {"fields", {{"records", i}}}});
    if (!last) {
      report["final"] = false;
      report["outcome"] = {{"status", "running"}};
      report.erase("ended_at");
    }
    write_file(sandbox_.report_files().at(0), report.dump());
    write_file(sandbox_.usage_folder() / "pending" / envelope_["session_id"].get<std::string>(),
               envelope_.dump() + "\n");
  }

 private:
  const Sandbox& sandbox_;
  json envelope_, report_;
};

}  // namespace

TEST_CASE("amplitude server: a run arrives, each of its events once") {
  Amplitude amplitude;
  Sandbox sandbox;
  sandbox.run("reporter", sending(amplitude, {"--field"}));
  CHECK(amplitude.refusals().empty());
  const auto events = amplitude.events();
  CHECK(types(events) == std::vector<std::string>{"started", "send_model", "ended"});
  const json report = sandbox.report();
  for (const json& event : events) CHECK(event["device_id"] == report["client_id"]);
  CHECK(events[1]["event_properties"] == report["events"][0]["fields"]);
  CHECK(events[2]["event_properties"]["outcome"] == report["outcome"]);
  CHECK(events[2]["event_properties"]["fields"] == report["fields"]);
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["result"] == "delivered");
  CHECK(deliveries(sandbox).at(0)["events"] == 2);
}

TEST_CASE("amplitude server: a lost answer doubles nothing") {
  Amplitude amplitude;
  Sandbox sandbox;
  amplitude.silent(true);
  sandbox.run("reporter", sending(amplitude, {"--field"}));
  CHECK_FALSE(deliveries(sandbox).at(0).contains("events"));
  amplitude.silent(false);
  upload_once(sandbox);
  CHECK(sandbox.pending().empty());
  CHECK(types(amplitude.events()) == std::vector<std::string>{"started", "send_model", "ended"});
  CHECK(amplitude.repeated() == 3);
}

TEST_CASE("amplitude server: interim reports, and then the last: each event is sent once") {
  Amplitude amplitude;
  Sandbox sandbox;
  sandbox.collect = false;
  WaitingRun run(sandbox, amplitude);
  run.waits(1, 2, false);
  upload_once(sandbox);
  CHECK(types(amplitude.events()) == std::vector<std::string>{"started", "send_model", "send_model"});
  const std::size_t requests = amplitude.server.requests().size();
  run.waits(2, 2, false);
  upload_once(sandbox);
  CHECK(amplitude.server.requests().size() == requests);  // there was nothing new
  CHECK(sandbox.pending().empty());
  run.waits(3, 5, false);
  upload_once(sandbox);
  run.waits(4, 5, true);
  upload_once(sandbox);
  CHECK(types(amplitude.events()) == std::vector<std::string>{"started", "send_model", "send_model", "send_model",
                                                              "send_model", "send_model", "ended"});
  CHECK(amplitude.repeated() == 0);
  CHECK(amplitude.refusals().size() == 1);  // the one that made it wait
}

TEST_CASE("amplitude server: throttled in the middle, a retry goes on from there") {
  Amplitude amplitude;
  Sandbox sandbox;
  sandbox.collect = false;
  WaitingRun run(sandbox, amplitude);
  run.waits(1, 1000, true);
  amplitude.room(600);
  upload_once(sandbox);
  CHECK(amplitude.events().size() == 500);
  CHECK(deliveries(sandbox).back()["result"] == "again later");
  CHECK(deliveries(sandbox).back()["events"] == 500);
  CHECK(sandbox.pending().size() == 1);
  amplitude.room(600);
  upload_once(sandbox);
  CHECK(amplitude.events().size() == 1002);
  CHECK(amplitude.events().back()["event_type"] == "ended");
  CHECK(amplitude.repeated() == 0);
  CHECK(deliveries(sandbox).back()["result"] == "delivered");
  CHECK(deliveries(sandbox).back()["events"] == 1001);
}

TEST_CASE("amplitude server: show --wire prints what the last report sent, and not what came before") {
  Amplitude amplitude;
  Sandbox sandbox;
  sandbox.collect = false;
  WaitingRun run(sandbox, amplitude);
  run.waits(1, 2, false);
  upload_once(sandbox);
  run.waits(2, 3, true);
  upload_once(sandbox);
  const Result shown = run_usage_stats(sandbox, {"show", "--wire"}, options(amplitude));
  CHECK(shown.out == amplitude.server.requests().back().body);
  CHECK(types(json::parse(shown.out)["events"]) == std::vector<std::string>{"send_model", "ended"});
}

TEST_CASE("amplitude server: a wrong key is refused, dropped and reported") {
  Amplitude amplitude;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(amplitude.url(), {"--protocol", "amplitude", "--api-key", "another"}));
  CHECK(amplitude.events().empty());
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["result"] == "refused");
  CHECK(deliveries(sandbox).at(0)["detail"].get<std::string>().find("Invalid API key") != std::string::npos);
  CHECK(state_of(sandbox)["dropped"] == 1);
}

TEST_CASE("amplitude server: a user's endpoint has no key, so the report stays here and status says why") {
  Amplitude own, theirs;
  for (const bool in_file : {false, true}) {
    Sandbox sandbox;
    if (in_file)
      write_file(sandbox.config_file(), "{\"usage_stats\": true, \"usage_stats_endpoint\": \"" + theirs.url() + "\"}");
    else
      sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = theirs.url();
    const Result result = sandbox.run("reporter", sending(own, {"--field", "--info"}));
    CHECK(result.out.find("verdict=local") != std::string::npos);
    CHECK(result.out.find("problem=endpoint '" + theirs.url() + "': amplitude needs an api_key") != std::string::npos);
    CHECK(sandbox.report_files().size() == 1);
    CHECK(sandbox.pending().empty());
    CHECK(run_usage_stats(sandbox, {"status"}, options(own)).out.find("api_key") != std::string::npos);
  }
  CHECK(own.server.requests().empty());
  CHECK(theirs.server.requests().empty());
}

TEST_CASE("amplitude server: an additional endpoint without a key does not keep the report from the author's") {
  Amplitude own, theirs;
  Sandbox sandbox;
  write_file(sandbox.config_file(),
             "{\"usage_stats\": true, \"usage_stats_additional_endpoints\": [\"" + theirs.url() + "\"]}");
  sandbox.run("reporter", sending(own, {"--field"}));
  CHECK(types(own.events()) == std::vector<std::string>{"started", "send_model", "ended"});
  CHECK(theirs.server.requests().empty());
}
