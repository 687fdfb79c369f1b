// examples/systems/model_server.cpp keeps each promise of BlindAI's document; docs/systems.md lists them.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "systems.hpp"

namespace {

using nlohmann::json;

struct BlindAI : System {
  BlindAI() : System("model_server") {
    sandbox.environment["MODEL_SERVER_AMPLITUDE_URL"] = amplitude.url("");
    sandbox.environment["MODEL_SERVER_TELEMETRY_INTERVAL_MS"] = "100";
    write_file(sandbox.home() / "secret-model.onnx", std::string(4096, 'w'));
  }
  Server amplitude;

  /// A running server, whose input the test writes.
  Process start(const std::string& mode = "hardware") const {
    Command command = System::command({"--mode=" + mode});
    command.input.reset();
    command.open_input = true;
    Process process(command);
    process.wait_for_output("up in " + mode + " mode");
    return process;
  }
  std::vector<json> events() const {
    std::vector<json> all;
    for (const ReceivedRequest& request : amplitude.requests()) {
      const json body = json::parse(request.body);
      all.insert(all.end(), body["events"].begin(), body["events"].end());
    }
    return all;
  }
  bool wait_for_event(const std::string& type, std::size_t count = 1) const {
    return wait_until([&] {
      std::size_t found = 0;
      for (const json& event : events()) found += event["event_type"] == type ? 1 : 0;
      return found >= count;
    });
  }
};

}  // namespace

TEST_CASE(
    "system model server: started, send_model and run_model are sent while it runs, each once, with what is listed") {
  BlindAI blind;
  Process server = blind.start();
  REQUIRE(blind.wait_for_event("started"));
  server.write("send_model secret-model.onnx\n");
  server.wait_for_output("done: send_model");
  REQUIRE(blind.wait_for_event("send_model"));
  server.write("run_model 0.25\nrun_model 0.5\n");
  REQUIRE(blind.wait_for_event("run_model", 2));
  server.close_input();
  CHECK(server.wait().exit_code == 0);
  REQUIRE(blind.wait_for_event("ended"));
  REQUIRE(blind.sandbox.wait_for_no_uploader());

  const std::vector<json> events = blind.events();
  std::vector<std::string> types;
  std::set<std::string> devices, once;
  for (const json& event : events) {
    types.push_back(event["event_type"]);
    devices.insert(event["device_id"].get<std::string>());
    once.insert(event["insert_id"].get<std::string>());
    CHECK(event["app_version"] == "0.5.1");
    CHECK(event["os_name"] == "linux");
    CHECK_FALSE(event["os_version"].get<std::string>().empty());
    CHECK(event["time"].get<std::int64_t>() >= events[0]["time"].get<std::int64_t>());
  }
  REQUIRE(types == std::vector<std::string>{"started", "send_model", "run_model", "run_model", "ended"});
  CHECK(devices.size() == 1);  // groups the session's data
  CHECK(once.size() == 5);

  CHECK(events[0]["event_properties"]["command"]["arguments"] == json({"--mode=hardware"}));
  const json sent = events[1]["event_properties"], first = events[2]["event_properties"],
             second = events[3]["event_properties"];
  CHECK(sent["model_size"] == 4096);
  for (const json& event : {sent, first, second}) {
    CHECK(event["sgx_mode"] == "hardware");
    CHECK(event["time_taken"].get<double>() >= 0);
  }
  CHECK(sent["uptime"].get<double>() <= first["uptime"].get<double>());
  CHECK(first["uptime"].get<double>() <= second["uptime"].get<double>());
  CHECK(events[4]["event_properties"]["fields"] == json({{"sgx_mode", "hardware"}}));
}

TEST_CASE("system model server: the id is a new random string at each start") {
  BlindAI blind;
  std::set<std::string> ids;
  for (const char* const mode : {"software", "hardware"}) {
    Process server = blind.start(mode);
    server.close_input();
    CHECK(server.wait().exit_code == 0);
    REQUIRE(blind.wait_for_event("ended", ids.size() + 1));
    ids.insert(blind.events().back()["device_id"].get<std::string>());
  }
  CHECK(ids.size() == 2);
}

TEST_CASE("system model server: neither users nor models, their names or their data are reported") {
  BlindAI blind;
  Process server = blind.start("my-own-mode");
  server.write("send_model secret-model.onnx\nsend_model http://evil.example/model\nrun_model 0.123456789\n");
  server.wait_for_output("done: run_model");
  server.close_input();
  CHECK(server.wait().exit_code == 0);
  REQUIRE(blind.wait_for_event("ended"));
  for (const ReceivedRequest& request : blind.amplitude.requests()) {
    for (const std::string& secret :
         {std::string("secret-model"), std::string("wwww"), std::string("evil"), std::string("0.12345"),
          std::string("user_id"), std::string("\"ip\""), blind.sandbox.home().string()}) {
      CAPTURE(secret);
      CHECK(request.body.find(secret) == std::string::npos);
    }
  }
  for (const json& event : blind.events())
    if (event["event_type"] == "run_model") CHECK(event["event_properties"]["sgx_mode"] == "other");
}

TEST_CASE("system model server: MODEL_SERVER_DISABLE_TELEMETRY disables it, as a container is given it too") {
  for (const char* const value : {"1", "0", ""}) {
    BlindAI blind;
    blind.set("_DISABLE_TELEMETRY", value);
    const Result result = blind.run({}, "send_model secret-model.onnx\nrun_model 1\n");
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK(blind.silent());
    CHECK(blind.amplitude.requests().empty());
  }
  BlindAI other;  // a variable that all programs honour
  other.sandbox.environment["DO_NOT_TRACK"] = "1";
  CHECK(other.run({}, "run_model 1\n").exit_code == 0);
  CHECK(other.silent());
}

TEST_CASE("system model server: without a terminal, as in a container, a notice goes to its log, once") {
  BlindAI blind;
  CHECK(blind.run({}).err.find("model_server collects usage statistics") == 0);
  REQUIRE(blind.wait_for_event("ended"));
  CHECK(blind.run({}).err.empty());
}

TEST_CASE("system model server: looks for new events every two seconds unless told otherwise") {
  BlindAI blind;
  blind.sandbox.environment.erase("MODEL_SERVER_TELEMETRY_INTERVAL_MS");
  Process server = blind.start();
  // Nothing but the interval brings this: the server goes on.
  REQUIRE(blind.wait_for_event("started"));
  CHECK(server.running());
  server.write("run_model 1\n");
  REQUIRE(blind.wait_for_event("run_model"));
  CHECK(server.running());
  server.close_input();
  CHECK(server.wait().exit_code == 0);
}
