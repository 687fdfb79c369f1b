// examples/receiver.cpp, a server for the json protocol (docs/protocol.md), asked by curl.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "schema.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::istringstream text(std::filesystem::exists(file) ? read_file(file) : "");
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

struct Reply {
  int status = 0;
  json body;
};

/// A receiver on a free port, with its file in the sandbox.
class Receiver {
 public:
  explicit Receiver(const Sandbox& sandbox, const std::string& options = "")
      : file(sandbox.root() / "reports.jsonl"),
        log_(sandbox.root() / "receiver.log"),
        process_(started(sandbox, options)) {
    const std::string sign = "listening on ";
    REQUIRE(wait_until([&] { return said().find(" reports in ") != std::string::npos; }));
    const std::string text = said();
    const std::size_t begin = text.find(sign) + sign.size();
    url = text.substr(begin, text.find('\n', begin) - begin);
  }
  ~Receiver() {
    process_.signal(SIGTERM);
    process_.wait();
  }

  std::string said() const { return std::filesystem::exists(log_) ? read_file(log_) : ""; }
  Reply ask(std::vector<std::string> arguments, const std::string& input = "", const std::string& query = "") const {
    arguments.insert(arguments.begin(), {"-s", "-w", "\n%{http_code}", "--max-time", "20"});
    arguments.push_back(url + query);
    Command curl{"curl", arguments};
    curl.input = input;
    const Result result = run(curl);
    const std::size_t end = result.out.rfind('\n');
    REQUIRE(end != std::string::npos);
    return {std::stoi(result.out.substr(end + 1)), json::parse(result.out.substr(0, end), nullptr, false)};
  }
  Reply post(const std::string& text) const {
    return ask({"--data-binary", "@-", "-H", "Content-Type: application/json"}, text);
  }

  const std::filesystem::path file;
  std::string url;

 private:
  Command started(const Sandbox& sandbox, const std::string& options) const {
    std::filesystem::remove(log_);  // of an earlier one
    const std::string program = std::string(USAGE_STATS_EXAMPLES) + "/receiver";
    Command command{
        "/bin/sh",
        {"-c", "exec \"$0\" --port 0 --file \"$1\" " + options + " >\"$2\"", program, file.string(), log_.string()}};
    command.environment = sandbox.environment;
    return command;
  }

  std::filesystem::path log_;
  Process process_;
};

/// A real report, of a run that kept it local.
json report_of(Sandbox& sandbox) {
  CHECK(sandbox.run("reporter", {"--unattended", "local", "--field", "--exit", "3"}).exit_code == 3);
  return sandbox.report();
}

}  // namespace

TEST_CASE("receiver: keeps each report once, one a line, also when it is started again; tells of each in a line") {
  Sandbox sandbox;
  json report = report_of(sandbox);
  {
    const Receiver receiver(sandbox);
    CHECK(receiver.url.find("http://127.0.0.1:") == 0);  // loopback, unless told otherwise
    CHECK(receiver.post(report.dump()).status == 201);
    CHECK(receiver.post(report.dump(2)).status == 200);
    CHECK(lines_of(receiver.file).size() == 1);
    CHECK(json::parse(lines_of(receiver.file).at(0)) == report);
    CHECK(receiver.said().find("stored: reporter 1.2.3: failed, exit code 3") != std::string::npos);
    CHECK(receiver.said().find("known already: reporter 1.2.3") != std::string::npos);
  }
  const Receiver again(sandbox);
  CHECK(again.said().find("1 reports in ") != std::string::npos);
  CHECK(again.post(report.dump()).status == 200);
  report["sequence"] = 2;
  CHECK(again.post(report.dump()).status == 201);
  CHECK(lines_of(again.file).size() == 2);
}

TEST_CASE("receiver: refuses what is not report v1, as the schema does, and says why") {
  Sandbox sandbox;
  const json report = report_of(sandbox);
  const Receiver receiver(sandbox);
  const auto refused = [&](const json& wrong, const std::string& key) {
    CAPTURE(key);
    const Reply reply = receiver.post(wrong.dump());
    CHECK((reply.status == 422) == !schema_problem(wrong.dump()).empty());
    if (reply.status == 422) CHECK(reply.body["error"].get<std::string>().find(key) != std::string::npos);
    return reply.status == 422;
  };
  std::size_t count = 0;
  for (const auto& [key, value] : report.items()) {
    json without = report, other = report;
    without.erase(key);
    other[key] = value.is_array() ? json("text") : json::array({1});
    count += refused(without, key) ? 1 : 0;
    count += refused(other, key) ? 1 : 0;
  }
  CHECK(count > report.size());
  json more = report;
  more["address_of_its_user"] = "somewhere";
  CHECK(refused(more, "address_of_its_user"));
  for (const std::string& text : {std::string("no JSON"), std::string("[]"), std::string(), std::string(100, '[')})
    CHECK(receiver.post(text).status == 422);
  CHECK(lines_of(receiver.file).empty());
}

TEST_CASE("receiver: other requests, other types and too large ones are not reports") {
  Sandbox sandbox;
  const std::string text = report_of(sandbox).dump();
  const Receiver receiver(sandbox, "--fail-every 2");
  CHECK(receiver.ask({}).status == 405);
  CHECK(receiver.ask({"--data-binary", "@-", "-H", "Content-Type: text/plain"}, text).status == 415);
  CHECK(receiver.post(std::string(70000, ' ') + text).status == 413);
  CHECK(receiver.ask({"--data-binary", "@-", "-H", "Content-Type: application/json"}, text, "/more").status == 404);
  CHECK(lines_of(receiver.file).empty());
  const int first = receiver.post(text).status, second = receiver.post(text).status;
  CHECK(std::min(first, second) <= 201);
  CHECK(std::max(first, second) == 503);  // on purpose, for whoever tries how a program takes it
}

TEST_CASE("receiver: deletes all of a client, and nothing else") {
  Sandbox sandbox;
  json report = report_of(sandbox);
  const std::string mine(32, 'a'), other(32, 'b');
  const Receiver receiver(sandbox);
  for (int i = 0; i < 3; ++i) {
    report["client_id"] = i < 2 ? mine : other;
    report["session_id"] = std::string(31, '0') + std::to_string(i);
    CHECK(receiver.post(report.dump()).status == 201);
  }
  CHECK(receiver.ask({"-X", "DELETE"}, "", "?client_id=*").status == 422);
  const Reply reply = receiver.ask({"-X", "DELETE"}, "", "?client_id=" + mine);
  CHECK(reply.status == 200);
  CHECK(reply.body["deleted"] == 2);
  CHECK(lines_of(receiver.file).size() == 1);
  CHECK(read_file(receiver.file).find(mine) == std::string::npos);
  CHECK(receiver.ask({"-X", "DELETE"}, "", "?client_id=" + mine).body["deleted"] == 0);
}
