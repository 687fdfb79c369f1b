// examples/systems/pipeline.cpp keeps each promise of Spinnaker's document; docs/systems.md lists them.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "hash.hpp"
#include "schema.hpp"
#include "systems.hpp"

namespace {

using nlohmann::json;

const std::string good = "e-1 payments pipeline git bake/aws/succeeded deploy/kubernetes/succeeded\n";

struct Spinnaker : System {
  explicit Spinnaker(const std::string& variant = {}) : System("pipeline", variant) { report_to(server, "/log"); }
  Server server;

  Result serve(const std::string& executions) const { return run({"serve"}, executions); }
  std::vector<json> sent(std::size_t count) const {
    std::vector<json> reports;
    for (const ReceivedRequest& request : server.wait_for(count)) reports.push_back(json::parse(request.body));
    return reports;
  }
  json config() const { return json::parse(read_file(sandbox.config_file("pipeline"))); }
  std::string instance_id() const {
    return json::parse(read_file(sandbox.usage_folder("pipeline") / "state.json"))["client_id"];
  }
};

}  // namespace

TEST_CASE("system pipeline: each execution is reported when it is complete, with all that the document lists") {
  Spinnaker spin;
  CHECK(spin.serve(good).exit_code == 0);
  const json report = spin.sent(1)[0];
  CHECK(spin.server.requests()[0].target == "/log");
  CHECK(schema_problem(report.dump()) == "");
  CHECK(report["app"]["version"] == "1.19.0");
  CHECK(report["final"] == true);
  CHECK(report["fields"]["execution.type"] == "pipeline");
  CHECK(report["fields"]["execution.trigger"] == "git");
  CHECK(report["fields"]["execution.status"] == "succeeded");
  REQUIRE(report["stages"].size() == 2);
  CHECK(report["stages"][0]["fields"] ==
        json({{"stage.type", "bake"}, {"stage.cloud_provider", "aws"}, {"stage.status", "succeeded"}}));
  CHECK(report["stages"][1]["fields"]["stage.cloud_provider"] == "kubernetes");
  CHECK(report["command"].value("arguments", json::array()).empty());
}

TEST_CASE("system pipeline: a report for each execution, sent while the service goes on") {
  Spinnaker spin;
  Command command = spin.command({"serve"});
  command.input.reset();
  command.open_input = true;
  Process service(command);
  service.write(good);
  CHECK(spin.sent(1).size() == 1);
  CHECK(service.running());
  service.write("e-2 payments orchestration manual deploy/gce/terminal wait/gce/succeeded\n");
  const json second = spin.sent(2)[1];
  service.close_input();
  CHECK(service.wait().out == "payments succeeded\npayments terminal\n");
  CHECK(second["fields"]["execution.status"] == "terminal");
  CHECK(second["fields"]["execution.type"] == "orchestration");
  REQUIRE(second["stages"].size() == 1);
  CHECK(second["stages"][0]["status"] == "failed");
  CHECK(second["stages"][0]["fields"]["stage.status"] == "terminal");
  CHECK(spin.sent(2)[0]["session_id"] != second["session_id"]);
}

TEST_CASE("system pipeline: ids and the application's name leave as hashes only, which differ between instances") {
  Spinnaker one, two;
  CHECK(one.serve(good + good).exit_code == 0);
  CHECK(two.serve(good).exit_code == 0);
  const std::vector<json> first = one.sent(2);
  const json second = two.sent(1)[0];
  CHECK(first[0]["client_id"] == sha256_of(one.instance_id()));
  CHECK(first[0]["client_id"] == first[1]["client_id"]);
  CHECK(first[0]["client_id"] != second["client_id"]);
  for (const char* field : {"application", "execution.id"}) {
    CHECK(first[0]["fields"][field].get<std::string>().size() == 64);
    CHECK(first[0]["fields"][field] == first[1]["fields"][field]);
    CHECK(first[0]["fields"][field] != second["fields"][field]);
  }
  // Salted with the instance's id itself, which the server never sees.
  CHECK(first[0]["fields"]["application"] == sha256_of(one.instance_id() + "payments"));
  for (const ReceivedRequest& request : one.server.requests())
    for (const std::string& secret : {std::string("payments"), std::string("e-1"), one.instance_id()}) {
      CAPTURE(secret);
      CHECK(request.body.find(secret) == std::string::npos);
    }
}

TEST_CASE("system pipeline: what is in no list is other") {
  Spinnaker spin;
  CHECK(spin.serve("e-3 shop batch carrier-pigeon acme-rollout/acme-cloud/acme-done\n").exit_code == 0);
  const json report = spin.sent(1)[0];
  for (const char* field : {"execution.type", "execution.trigger", "execution.status"})
    CHECK(report["fields"][field] == "other");
  CHECK(report["stages"][0]["fields"] ==
        json({{"stage.type", "other"}, {"stage.cloud_provider", "other"}, {"stage.status", "other"}}));
  for (const char* secret : {"acme", "pigeon", "batch"})
    CHECK(spin.server.requests()[0].body.find(secret) == std::string::npos);
}

TEST_CASE("system pipeline: every value in the lists is reported as it is") {
  Spinnaker spin;
  std::string executions;
  const std::vector<std::string> triggers{"cron",   "docker",   "git",    "jenkins",
                                          "manual", "pipeline", "pubsub", "webhook"};
  for (const std::string& trigger : triggers) executions += "e p pipeline " + trigger + " wait/ecs/stopped\n";
  CHECK(spin.serve(executions).exit_code == 0);
  std::multiset<std::string> found;
  for (const json& report : spin.sent(triggers.size())) {
    found.insert(report["fields"]["execution.trigger"].get<std::string>());
    CHECK(report["fields"]["execution.status"] == "stopped");
  }
  CHECK(found == std::multiset<std::string>(triggers.begin(), triggers.end()));
}

TEST_CASE("system pipeline: opt-in in 1.18") {
  Spinnaker spin("pipeline_1_18");
  CHECK(spin.serve(good).out == "payments succeeded\n");
  CHECK(spin.silent());
  CHECK(spin.run({"config", "stats", "enable"}).exit_code == 0);
  CHECK(spin.config() == json({{"usage_stats", true}}));
  CHECK(spin.serve(good).exit_code == 0);
  CHECK(spin.sent(1)[0]["app"]["version"] == "1.18.0");
  CHECK(spin.run({"config", "stats", "disable"}).exit_code == 0);
  CHECK(spin.serve(good).exit_code == 0);
  CHECK(spin.report_files().size() == 1);
}

TEST_CASE("system pipeline: on from 1.19 on, after a notice, until an administrator turns it off") {
  Spinnaker spin;
  CHECK(spin.serve(good).err.find("pipeline collects usage statistics") == 0);
  CHECK(spin.serve(good).err.empty());
  CHECK(spin.sent(2).size() == 2);
  CHECK(spin.run({"config", "stats", "disable"}).exit_code == 0);
  CHECK(spin.config() == json({{"usage_stats", false}}));
  CHECK(spin.serve(good).exit_code == 0);
  CHECK(spin.report_files().size() == 2);
  CHECK(spin.run({"config", "stats", "enable"}).exit_code == 0);
  CHECK(spin.serve(good).exit_code == 0);
  CHECK(spin.sent(3).size() == 3);
}

TEST_CASE("system pipeline: executions go on when the statistics' server is down") {
  SilentPort refuses(SilentPort::Behaviour::refuses);
  Spinnaker spin;
  spin.set("_USAGE_STATS_ENDPOINT", refuses.url("/log"));
  spin.set("_USAGE_STATS_ENABLED", "1");
  const Result result = spin.serve(good + good + good);
  CHECK(result.exit_code == 0);
  CHECK(result.out == "payments succeeded\npayments succeeded\npayments succeeded\n");
  CHECK(result.err.empty());
  CHECK(spin.report_files().size() == 3);
}
