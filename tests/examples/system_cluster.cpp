// examples/systems/cluster.cpp keeps each promise of Ray's document; docs/systems.md lists them.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <signal.h>

#include <set>
#include <string>

#include "schema.hpp"
#include "systems.hpp"

namespace {

using nlohmann::json;

constexpr const char* question = "Do you agree?";

struct Ray : System {
  explicit Ray(const std::string& variant = {}) : System("cluster", variant) { report_to(server); }
  Server server;

  std::filesystem::path config_file() const { return sandbox.home() / ".cluster" / "config.json"; }
  json config() const { return json::parse(read_file(config_file())); }
  std::vector<json> sent() const {
    std::vector<json> reports;
    for (const ReceivedRequest& request : server.requests()) reports.push_back(json::parse(request.body));
    return reports;
  }
};

}  // namespace

TEST_CASE("system cluster: at a terminal the user is asked, once, and the answer is remembered") {
  for (const bool yes : {true, false}) {
    Ray ray;
    Terminal terminal(ray.command({"start"}));
    terminal.wait_for(question);
    CHECK(ray.report_files().empty());
    terminal.type(yes ? "y\n" : "n\n");
    terminal.wait_for("is up");
    terminal.type("\x04");
    CHECK(terminal.wait().exit_code == 0);
    CHECK(ray.config() == json({{"usage_stats", yes}}));
    CHECK(ray.report_files().empty() == !yes);

    Terminal again(ray.command({"start"}));
    again.wait_for(yes ? "usage_stats.json" : "usage report: none");
    again.type("\x04");
    CHECK(again.wait().exit_code == 0);
    CHECK(again.screen().find(question) == std::string::npos);
    if (yes) ray.server.wait_for(2);
    CHECK(ray.server.requests().size() == (yes ? 2 : 0));
  }
}

TEST_CASE("system cluster: silence is no consent") {
  Ray ray;
  Terminal terminal(ray.command({"start"}));
  terminal.wait_for(question);
  terminal.type("\n");
  terminal.wait_for("usage report: none");
  terminal.type("\x03");
  CHECK(terminal.wait().signal == SIGINT);
  CHECK_FALSE(std::filesystem::exists(ray.config_file()));
  CHECK(ray.report_files().empty());
}

TEST_CASE("system cluster: without a terminal it is on by default, after a notice; the file shows whether it is") {
  Ray ray;
  const Result result = ray.run({"start", "--num-nodes=3"}, "tune\nserve\nhome-made\n");
  CHECK(result.exit_code == 0);
  CHECK(result.err.find("cluster collects usage statistics") == 0);
  const json report = json::parse(ray.server.wait_for(1)[0].body);
  CHECK(report == ray.report());
  CHECK(ray.report_files()[0].string().find((ray.sandbox.root() / "tmp" / "ray-like").string()) == 0);
  CHECK(result.out.find(ray.report_files()[0].string()) != std::string::npos);
  CHECK(report["fields"]["total_num_nodes"] == 3);
  CHECK(report["counters"]["total_num_running_jobs"] == 3);
  std::vector<std::string> libraries;
  for (const json& event : report["events"]) libraries.push_back(event["fields"]["library"]);
  CHECK(libraries == std::vector<std::string>{"tune", "serve", "other"});
  for (const char* key : {"os", "cpus", "memory_gb", "libc"}) CHECK(report["system"].contains(key));
}

TEST_CASE("system cluster: the ways to disable it, before a cluster starts") {
  {  // the option; what KubeRay's `disable-usage-stats: 'true'` becomes
    Ray ray;
    CHECK(ray.run({"start", "--disable-usage-stats"}, "tune\n").out.find("usage report: none") != std::string::npos);
    CHECK(ray.silent());
  }
  {  // the command, for all clusters from now on
    Ray ray;
    CHECK(ray.run({"disable-usage-stats"}).exit_code == 0);
    CHECK(ray.config() == json({{"usage_stats", false}}));
    CHECK(ray.run({"start"}).exit_code == 0);
    CHECK(ray.silent());
    CHECK(ray.run({"enable-usage-stats"}).exit_code == 0);
    CHECK(ray.config() == json({{"usage_stats", true}}));
    CHECK(ray.run({"start"}).exit_code == 0);
    ray.server.wait_for(1);
  }
  {  // the environment
    Ray ray;
    ray.set("_USAGE_STATS_ENABLED", "0");
    CHECK(ray.run({"start"}).exit_code == 0);
    CHECK(ray.silent());
  }
}

TEST_CASE("system cluster: the environment decides before the config file, and a broken file is no consent") {
  Ray off;
  write_file(off.config_file(), "{\"usage_stats\": true}");
  off.set("_USAGE_STATS_ENABLED", "0");
  CHECK(off.run({"start"}).exit_code == 0);
  CHECK(off.silent());

  Ray on;
  write_file(on.config_file(), "{\"usage_stats\": false}");
  on.set("_USAGE_STATS_ENABLED", "1");
  CHECK(on.run({"start"}).exit_code == 0);
  on.server.wait_for(1);

  Ray broken;
  write_file(broken.config_file(), "{\"usage_stats\": tru");
  CHECK(broken.run({"start"}).exit_code == 0);
  CHECK(broken.silent());
}

TEST_CASE("system cluster: a running head node reports at its interval, and once more at its end") {
  Ray ray;
  ray.set("_USAGE_STATS_REPORT_INTERVAL_S", "0.1");
  Command command = ray.command({"start"});
  command.input.reset();
  command.open_input = true;
  Process head(command);
  head.wait_for_output("is up");
  ray.server.wait_for(1);
  CHECK(ray.report()["outcome"]["status"] == "running");  // the file is there while it runs
  head.write("tune\n");
  ray.server.wait_for(2);
  head.close_input();
  CHECK(head.wait().exit_code == 0);
  ray.server.wait_for(3);
  const std::vector<json> reports = ray.sent();
  REQUIRE(reports.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(reports[i]["sequence"] == i + 1);
    CHECK(reports[i]["final"] == (i == 2));
    CHECK(reports[i]["session_id"] == reports[0]["session_id"]);
    CHECK(schema_problem(reports[i].dump()) == "");
  }
  CHECK(reports[1]["counters"]["total_num_running_jobs"] == 1);
}

TEST_CASE("system cluster: a program that uses it as a library never reports, whatever was decided, and asks nobody") {
  for (const char* const config : {"", "{\"usage_stats\": true}"}) {
    Ray ray;
    if (*config != '\0') write_file(ray.config_file(), config);
    Terminal terminal(ray.command({"script"}));
    terminal.wait_for("usage report: none");
    terminal.type("tune\n\x04");
    CHECK(terminal.wait().exit_code == 0);
    CHECK(terminal.screen().find("usage statistics") == std::string::npos);
    CHECK(ray.silent());
  }
  Ray nightly("cluster_nightly");
  CHECK(nightly.run({"script"}, "tune\n").exit_code == 0);
  CHECK(json::parse(nightly.server.wait_for(1)[0].body)["app"]["version"] == "3.0.0.dev0");
}

TEST_CASE("system cluster: whether sending succeeded, and why not, is on disk next to the report") {
  Ray good;
  CHECK(good.run({"start"}).exit_code == 0);
  good.server.wait_for(1);
  CHECK(good.delivery()["result"] == "delivered");
  CHECK(good.delivery()["http_status"] == 200);

  SilentPort refuses(SilentPort::Behaviour::refuses);
  Ray bad;
  bad.set("_USAGE_STATS_ENDPOINT", refuses.url());
  bad.set("_USAGE_STATS_ENABLED", "1");
  const Result result = bad.run({"start"});
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());  // errors of telemetry are not shown to users
  CHECK(bad.delivery()["result"] == "again later");
  CHECK_FALSE(bad.delivery()["detail"].get<std::string>().empty());
}

TEST_CASE("system cluster: the ids are those of this session and are in the file, for whoever wants it removed") {
  Ray ray;
  std::set<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    const Result result = ray.run({"start"});
    const json report = ray.server.wait_for(static_cast<std::size_t>(i) + 1).empty() ? json() : ray.sent().back();
    const std::string session = report["session_id"];
    CHECK(result.out.find(session) != std::string::npos);  // the session id is logged
    ids.insert({session, report["client_id"].get<std::string>()});
  }
  CHECK(ids.size() == 4);
  CHECK(ray.run({"usage-stats", "status"}).out.find("usage_stats@example.org") != std::string::npos);
}
