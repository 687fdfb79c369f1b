// examples/systems/transfer_tool.cpp keeps each promise of Skyplane's document; docs/systems.md lists them.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <set>
#include <string>

#include "schema.hpp"
#include "systems.hpp"

namespace {

using nlohmann::json;

const std::vector<std::string> copy{"cp", "--max-instances=8", "aws:us-east-1/data.bin", "gcp:us-west1/data.bin"};

struct Skyplane : System {
  Skyplane() : System("transfer_tool") {
    report_to(server);
    write_file(sandbox.home() / "aws:us-east-1" / "data.bin", std::string(100000, 'x'));
  }
  Server server;

  std::filesystem::path config_file() const { return sandbox.home() / ".transfer_tool" / "config.json"; }
  json config() const { return json::parse(read_file(config_file())); }
  std::filesystem::path usage() const { return sandbox.root() / "tmp" / "skyplane-like" / "usage"; }
};

}  // namespace

TEST_CASE("system transfer tool: a transfer's report is where the document says, and contains what it lists") {
  Skyplane sky;
  const Result result = sky.run(copy);
  CHECK(result.exit_code == 0);
  CHECK(result.out == "transferred to gcp:us-west1/data.bin\n");
  CHECK(std::filesystem::file_size(sky.sandbox.home() / "gcp:us-west1" / "data.bin") == 100000);

  const ReceivedRequest request = sky.server.wait_for(1)[0];
  const json report = sky.report();
  const std::string client = report["client_id"], session = report["session_id"];
  CHECK(sky.report_files()[0] == sky.usage() / client / session / "usage_stats.json");
  CHECK(request.body == read_file(sky.report_files()[0]));  // all that is sent can be read there
  CHECK(schema_problem(request.body) == "");

  CHECK(report["system"]["os"] == "linux");
  CHECK_FALSE(report["system"]["os_version"].get<std::string>().empty());
  CHECK_FALSE(report["system"]["kernel"].get<std::string>().empty());
  CHECK(report["build"].contains("compiler"));  // where Skyplane has the version of Python
  CHECK(report["fields"]["source_region"] == "aws:us-east-1");
  CHECK(report["fields"]["destination_region"] == "gcp:us-west1");
  CHECK(report["fields"]["throughput_gbps"].get<double>() > 0);
  CHECK(report["command"] == json({{"name", "cp"}, {"arguments", {"cp", "--max-instances=8", "<path>", "<path>"}}}));
  CHECK(report["duration_s"].get<double>() >= 0);
  CHECK(report["outcome"] == json({{"status", "ok"}, {"exit_code", 0}}));
}

TEST_CASE("system transfer tool: the error message of a failed transfer, without names") {
  Skyplane sky;
  const Result result =
      sky.run({"sync", "--token=hush-hush", "aws:us-east-1/payroll.bin", sky.sandbox.home().string() + "/private"});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("transfer_tool: filesystem error: cannot copy") != std::string::npos);

  const json error = json::parse(sky.server.wait_for(1)[0].body)["outcome"]["error"];
  CHECK(error["message"].get<std::string>().find("filesystem error: cannot copy: No such file or directory") == 0);
  const std::string sent = sky.server.requests()[0].body;
  for (const std::string& secret : {std::string("payroll"), std::string("private"), std::string("hush"),
                                    sky.sandbox.root().string(), sky.sandbox.home().string()}) {
    CAPTURE(secret);
    CHECK(sent.find(secret) == std::string::npos);
  }
  CHECK(json::parse(sent)["fields"]["destination_region"] == "other");  // a folder of the user's own machine
  CHECK_FALSE(json::parse(sent)["fields"].contains("throughput_gbps"));
}

TEST_CASE("system transfer tool: the ids are random, and do not outlive the transfer") {
  Skyplane sky;
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) CHECK(sky.run(copy).exit_code == 0);
  for (const ReceivedRequest& request : sky.server.wait_for(3)) {
    const json report = json::parse(request.body);
    ids.insert({report["client_id"].get<std::string>(), report["session_id"].get<std::string>()});
  }
  CHECK(ids.size() == 6);
  for (const std::string& id : ids) CHECK(id.size() == 32);
}

TEST_CASE("system transfer tool: config set usage_stats writes the decision into the tool's own config file") {
  Skyplane sky;
  CHECK(sky.run({"config", "set", "usage_stats", "false"}).exit_code == 0);
  CHECK(sky.config() == json({{"usage_stats", false}}));
  CHECK(sky.run(copy).exit_code == 0);
  CHECK(sky.silent());
  CHECK(sky.run({"config", "set", "usage_stats", "true"}).exit_code == 0);
  CHECK(sky.config() == json({{"usage_stats", true}}));
  CHECK(sky.run(copy).exit_code == 0);
  sky.server.wait_for(1);

  write_file(sky.config_file(), "{\n  \"aws_enabled\": true, \"usage_stats\": true\n}\n");
  CHECK(sky.run({"config", "set", "usage_stats", "false"}).exit_code == 0);
  CHECK(read_file(sky.config_file()) == "{\n  \"aws_enabled\": true, \"usage_stats\": false\n}\n");
  CHECK(sky.run({"config", "set", "usage_stats", "perhaps"}).exit_code == 1);  // no such command
  CHECK(read_file(sky.config_file()) == "{\n  \"aws_enabled\": true, \"usage_stats\": false\n}\n");
}

TEST_CASE("system transfer tool: the environment decides before the config file, and that before the default") {
  struct Case {
    const char* variable;
    const char* config;
    bool reports;
  };
  for (const Case& c : {Case{"0", "{\"usage_stats\": true}", false}, Case{"1", "{\"usage_stats\": false}", true},
                        Case{"", "{\"usage_stats\": false}", false}, Case{"", "{\"usage_stats\": true}", true},
                        Case{"", "{}", true}, Case{"", "", true}, Case{"off", "", false}}) {
    Skyplane sky;
    const std::string variable = c.variable, config = c.config;
    CAPTURE(variable);
    CAPTURE(config);
    if (!variable.empty()) sky.set("_USAGE_STATS_ENABLED", variable);
    if (!config.empty()) write_file(sky.config_file(), config);
    CHECK(sky.run(copy).exit_code == 0);
    if (c.reports) sky.server.wait_for(1);
    CHECK(sky.silent() == !c.reports);
    CHECK(sky.server.requests().size() == (c.reports ? 1 : 0));
  }
}

TEST_CASE(
    "system transfer tool: the first init switches statistics on and says so, later ones respect the user's choice") {
  Skyplane sky;
  const Result first = sky.run({"init"});
  CHECK(first.exit_code == 0);
  CHECK(first.out.find("are switched on") != std::string::npos);
  CHECK(first.out.find(sky.server.url()) != std::string::npos);
  CHECK(first.out.find("transfer_tool usage-stats disable") != std::string::npos);
  CHECK(sky.config() == json({{"usage_stats", true}}));
  CHECK(sky.silent());

  CHECK(sky.run({"config", "set", "usage_stats", "false"}).exit_code == 0);
  CHECK(sky.run({"init"}).exit_code == 0);
  CHECK(sky.config() == json({{"usage_stats", false}}));
}

TEST_CASE("system transfer tool: no surprises, the user sees a notice before anything is sent") {
  Skyplane sky;
  Terminal first(sky.command(copy));
  CHECK(first.wait().exit_code == 0);
  CHECK(first.screen().find("transfer_tool collects usage statistics") != std::string::npos);
  CHECK(first.screen().find("To stop it: transfer_tool usage-stats disable") != std::string::npos);
  CHECK(sky.sandbox.uploaders().empty());
  CHECK(sky.server.requests().empty());
  Terminal second(sky.command(copy));
  CHECK(second.wait().exit_code == 0);
  CHECK(second.screen() == "transferred to gcp:us-west1/data.bin\n");
  sky.server.wait_for(1);

  Skyplane script;  // nobody at a terminal: the notice goes to the log, once
  CHECK(script.run(copy).err.find("transfer_tool collects usage statistics") == 0);
  CHECK(script.run(copy).err.empty());
}

TEST_CASE("system transfer tool: a dead or silent server is not the user's concern") {
  for (const auto behaviour : {SilentPort::Behaviour::refuses, SilentPort::Behaviour::never_answers}) {
    SilentPort port(behaviour);
    Skyplane sky;
    sky.set("_USAGE_STATS_ENDPOINT", port.url());
    sky.set("_USAGE_STATS_ENABLED", "1");
    const Result result = sky.run(copy);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK(sky.report()["outcome"]["status"] == "ok");
  }
}

TEST_CASE(
    "system transfer tool: who wants an id's data removed finds the id, whom to write to, and a command that asks") {
  Skyplane sky;
  CHECK(sky.run(copy).exit_code == 0);
  sky.server.wait_for(1);
  CHECK(sky.delivery()["result"] == "delivered");
  const std::string client = sky.report()["client_id"];
  sky.sandbox.end_uploaders();
  CHECK(sky.run({"usage-stats", "status"}).out.find("admin@example.org") != std::string::npos);
  CHECK(sky.run({"usage-stats", "delete"}).exit_code == 0);
  const auto requests = sky.server.wait_for(2);
  CHECK(requests[1].method == "DELETE");
  CHECK(requests[1].target == "/v1/usage?client_id=" + client);
  CHECK(sky.report_files().empty());
}

TEST_CASE("system transfer tool: an enterprise adds an endpoint of its own") {
  Server own;
  Skyplane sky;
  write_file(sky.config_file(), json{{"usage_stats_additional_endpoints", {own.url()}}}.dump());
  CHECK(sky.run(copy).exit_code == 0);
  CHECK(own.wait_for(1)[0].body == sky.server.wait_for(1)[0].body);
}
