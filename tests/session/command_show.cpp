// `usage-stats show` and `preview`: what you see is what is sent.
#include <doctest/doctest.h>

#include <set>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace {

const std::map<std::string, std::vector<std::string>>& protocols() {
  static const std::map<std::string, std::vector<std::string>> all{
      {"json", {}},
      {"otlp", {"--protocol", "otlp", "--api-key", "secret-key", "--header", "X-Own=secret-too"}},
      {"amplitude", {"--protocol", "amplitude", "--api-key", "public-key"}}};
  return all;
}

std::vector<std::string> endpoint(const std::string& url, const std::string& protocol) {
  std::vector<std::string> options{"--url", url};
  options.insert(options.end(), protocols().at(protocol).begin(), protocols().at(protocol).end());
  return options;
}

/// All the keys of a JSON value, with their paths.
void keys_of(const nlohmann::json& value, const std::string& path, std::set<std::string>& keys) {
  for (const auto& item : value.items()) {
    const std::string key = path + (value.is_array() ? "[]" : "." + item.key());
    keys.insert(key);
    if (item.value().is_structured()) keys_of(item.value(), key, keys);
  }
}

}  // namespace

TEST_CASE("command show: show: the newest reports and what became of them") {
  Server server;
  Sandbox sandbox;
  CHECK(run_usage_stats(sandbox, {"show"}).exit_code == 0);
  for (const char* code : {"1", "2", "3"}) sandbox.run("reporter", sending_to(server.url(), {"--exit", code}));
  const Result one = run_usage_stats(sandbox, {"show"});
  CHECK(one.exit_code == 0);
  CHECK(one.out.find("\"exit_code\": 3") != std::string::npos);
  CHECK(one.out.find("\"exit_code\": 2") == std::string::npos);
  CHECK(one.out.find("delivered") != std::string::npos);
  CHECK(one.out.find(server.url()) != std::string::npos);
  const auto json = nlohmann::json::parse(run_usage_stats(sandbox, {"show", "2", "--json"}).out);
  REQUIRE(json["reports"].size() == 2);
  CHECK(json["reports"][0]["report"]["outcome"]["exit_code"] == 3);
  CHECK(json["reports"][1]["report"]["outcome"]["exit_code"] == 2);
  CHECK(json["reports"][0]["deliveries"][0]["result"] == "delivered");
  CHECK(json["reports"][0]["waiting"].empty());
  CHECK(nlohmann::json::parse(run_usage_stats(sandbox, {"show", "--json", "99"}).out)["reports"].size() == 3);
}

TEST_CASE("command show: show: of very many reports only the newest are read") {
  if (!can_trace()) return;
  Sandbox sandbox;
  sandbox.collect = false;  // the reports of one session many times
  sandbox.run("reporter", {"--url", "http://127.0.0.1:9/", "--exit", "3"});
  const std::filesystem::path newest = sandbox.report_files().at(0);
  std::string old = read_file(newest);
  old.replace(old.find("\"started_at\": \"20") + 15, 2, "19");
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    const auto folder = newest.parent_path().parent_path() / (std::string(32 - number.size(), '0') + number);
    write_file(folder / newest.filename(), old);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    std::filesystem::last_write_time(folder, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  }
  const std::string trace = (sandbox.root() / "trace").string();
  const Result result = run(under_strace(sandbox.command("reporter", {"--as", "usage-stats", "show"}),
                                         {"-f", "-e", "trace=openat", "-o", trace}));
  CHECK(result.out.find("\"exit_code\": 3") != std::string::npos);
  CHECK(result.out.find("\"started_at\": \"20") != std::string::npos);
  std::size_t reads = 0;
  const std::string calls = read_file(trace);
  for (std::size_t at = 0; (at = calls.find("\"usage_stats.json\"", at)) != std::string::npos; ++at) ++reads;
  CHECK(reads > 0);
  CHECK(reads < 10);
  const auto all = nlohmann::json::parse(run_usage_stats(sandbox, {"show", "--json", "999"}).out)["reports"];
  CHECK(all.size() == 301);
}

TEST_CASE("command show: show: reports that wait, and those that never leave") {
  Sandbox sandbox;
  sandbox.run("reporter", {"--url", "http://127.0.0.1:9/"});
  CHECK(run_usage_stats(sandbox, {"show"}).out.find("it stays on this machine") != std::string::npos);
  sandbox.run("reporter", sending_to("http://127.0.0.1:9/"));
  const Result waits = run_usage_stats(sandbox, {"show", "1"});
  CHECK(waits.out.find("again later") != std::string::npos);
  CHECK(waits.out.find("waits for     http://127.0.0.1:9/; next attempt after 20") != std::string::npos);
}

TEST_CASE("command show: show --wire: exactly the bytes that the server got") {
  for (const auto& entry : protocols()) {
    const std::string protocol = entry.first;  // not a binding: clang's lambdas cannot capture those
    CAPTURE(protocol);
    Server server;
    Sandbox sandbox;
    std::vector<std::string> options = endpoint(server.url(), protocol);
    std::vector<std::string> arguments = options;
    for (const char* more : {"--unattended", "on", "--delivery", "wait", "--wait-limit", "20000", "--field"})
      arguments.emplace_back(more);
    sandbox.run("reporter", arguments);
    const auto requests = server.wait_for(1);
    const Result shown = run_usage_stats(sandbox, {"show", "--wire"}, options);
    CHECK(shown.exit_code == 0);
    CHECK(shown.out == requests[0].body);
    CHECK(shown.err.find("POST " + server.url()) != std::string::npos);
    CHECK(shown.err.find("secret") == std::string::npos);
    const auto json = nlohmann::json::parse(run_usage_stats(sandbox, {"show", "--wire", "--json"}, options).out);
    REQUIRE(json["requests"].size() == 1);
    CHECK(json["requests"][0]["body"] == requests[0].body);
    CHECK(json["requests"][0]["headers"]["Content-Type"] == requests[0].header("Content-Type"));
    CHECK(json["requests"][0]["headers"].dump().find("secret") == std::string::npos);
    if (protocol == "otlp") CHECK(json["requests"][0]["headers"]["X-Own"] == "***");
  }
}

TEST_CASE("command show: preview: what the next run sends, but for what differs from run to run") {
  for (const auto& entry : protocols()) {
    const std::string protocol = entry.first;  // not a binding: clang's lambdas cannot capture those
    CAPTURE(protocol);
    Server server;
    Sandbox sandbox;
    write_file(sandbox.config_file(), "{\"usage_stats\": true}");
    const std::vector<std::string> options = endpoint(server.url(), protocol);
    const auto before = tree(sandbox.home());
    const Result preview = run_usage_stats(sandbox, {"preview"}, options);
    CHECK(preview.exit_code == 0);
    CHECK(tree(sandbox.home()) == before);
    CHECK(server.requests().empty());

    std::vector<std::string> arguments = options;
    for (const char* more : {"--delivery", "wait", "--wait-limit", "20000", "--without-run", "--as"})
      arguments.emplace_back(more);
    sandbox.run("reporter", arguments);
    const auto requests = server.wait_for(1);
    std::set<std::string> promised, sent;
    keys_of(nlohmann::json::parse(preview.out), "", promised);
    keys_of(nlohmann::json::parse(requests[0].body), "", sent);
    for (const char* const part : {"", ".events[].event_properties"})
      sent.erase(std::string(part) + ".outcome.exit_code");
    CHECK(promised == sent);
    if (protocol != "json") continue;
    auto a = nlohmann::json::parse(preview.out), b = nlohmann::json::parse(requests[0].body);
    for (const char* part : {"app", "build", "system", "fields", "counters", "events", "stages", "command"})
      CHECK(a[part] == b[part]);
    CHECK(a["outcome"]["status"] == "ok");
  }
}

TEST_CASE("command show: preview: says when nothing would be sent, and shows it all the same") {
  Sandbox sandbox;
  sandbox.environment["DO_NOT_TRACK"] = "1";
  const Result result = run_usage_stats(sandbox, {"preview"}, {"--url", "http://127.0.0.1:9/"});
  CHECK(result.exit_code == 0);
  CHECK(result.err.find("off: nothing would be sent") != std::string::npos);
  CHECK_FALSE(nlohmann::json::parse(result.out).contains("client_id"));
  const auto json =
      nlohmann::json::parse(run_usage_stats(sandbox, {"preview", "--json"}, {"--url", "http://127.0.0.1:9/"}).out);
  CHECK(json["would_be_sent"] == false);
  CHECK(tree(sandbox.home()).empty());
}

TEST_CASE("command show: preview: what would leave of a message") {
  Sandbox sandbox;
  const std::string message = "number of records read for mueller";
  Result result = run_usage_stats(sandbox, {"preview", "--message", message}, {});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "number of records read <value>\n");
  CHECK(result.err.find(": nothing would be sent") != std::string::npos);
  CHECK(run_usage_stats(sandbox, {"preview", "--message=" + message}, {}).out == result.out);
  result = run_usage_stats(sandbox, {"preview", "--json", "--message", message}, {});
  CHECK(nlohmann::json::parse(result.out) == nlohmann::json{{"message", "number of records read <value>"}});
  result = run_usage_stats(sandbox, {"preview", "--message", message}, {"--errors", "type"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.empty());
  CHECK(result.err.find("only the type") != std::string::npos);
  result = run_usage_stats(sandbox, {"preview", "--message"}, {});
  CHECK(result.exit_code == 2);
  CHECK(result.err.find("--message takes a text") != std::string::npos);
  CHECK(run_usage_stats(sandbox, {"show", "--message", "x"}, {}).exit_code == 2);
}
