// Random marks in place of everything private, in very many runs made up in this process.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "marks.hpp"
#include "own_environment.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;
using namespace usage_stats;

namespace {

std::size_t generated_runs() {
  const char* const wanted = std::getenv("USAGE_STATS_CANARY_RUNS");
  return wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 1500;
}

/// Everything that one run writes or sends, with secrets in its arguments, its environment and its message.
std::string traces_of(const Options& options, const std::vector<std::string>& arguments, const std::string& message) {
  detail::SensitiveValues sensitive = detail::ambient_values();
  const std::string id(32, 'a');
  detail::Report report = detail::report_at_start(options, id, arguments, sensitive);
  report.client_id = id;
  detail::Envelope envelope;
  envelope.app = options.app;
  envelope.version = options.version;
  envelope.client_id = envelope.session_id = id;
  envelope.destinations.push_back({options.endpoints[0], 0, 0});
  envelope.running_report = detail::to_json(report);
  report.final = true;
  report.outcome.status = detail::RunStatus::exception;
  report.outcome.error = {{"std::runtime_error", message}};
  sensitive.add_arguments(arguments);
  detail::scrub_report(report, options, sensitive);
  std::string traces = detail::to_text(envelope);
  for (const auto protocol :
       {usage_stats::Protocol::json, usage_stats::Protocol::otlp, usage_stats::Protocol::amplitude}) {
    usage_stats::Endpoint endpoint = options.endpoints[0];
    endpoint.protocol = protocol;
    for (const detail::Request& request : detail::requests_for(endpoint, detail::to_json(report))) {
      traces += request.url + "\n" + request.body;
      for (const auto& [name, value] : request.headers) traces += name + ": " + value + "\n";
    }
  }
  return traces;
}

}  // namespace

TEST_CASE("canary generated: the test would see a mark") {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = mark(random), other = mark(random);
    INFO(secret);
    CHECK(shows("a report with " + secret + " in it", secret));
    CHECK(shows("url?" + url_encoded(secret), secret));
    CHECK(shows("x" + base64("ab" + secret + "yz") + "x", secret));
    CHECK_FALSE(shows("a report with " + other + " in it", secret));
  }
  // An author who asks for values gets values: what is hidden by default is there to be seen.
  Options options("reporter", "1.2.3", "https://stats.example.org/v1/usage");
  options.argument_values = {"name"};
  CHECK(shows(traces_of(options, {"--name=plain"}, ""), "plain"));
}

TEST_CASE("canary generated: no mark in any report, envelope or request") {
  TemporaryFolder folder;
  const fs::path before = fs::current_path();
  const bool own_host_name = ::geteuid() == 0 && ::unshare(CLONE_NEWUTS) == 0;
  if (!own_host_name) MESSAGE("skipped: no marks as host names, which takes root");
  const Options options("reporter", "1.2.3", "https://stats.example.org/v1/usage");
  const std::size_t runs = generated_runs();
  Random random(2);
  std::vector<std::string> lasting;  // marks that many runs share
  for (std::size_t run = 0; run < runs; ++run) {
    static std::map<std::string, std::string> variables;
    if (run % 100 == 0) {
      lasting.clear();
      for (int i = 0; i < 4; ++i) lasting.push_back(mark(random));
      const fs::path place = folder.path() / lasting[0] / "inner";
      fs::create_directories(place);
      fs::current_path(place);
      variables = {{"HOME", "/home/" + lasting[1]}, {"USER", lasting[2]}, {"PATH", "/usr/bin:/opt/" + lasting[3]}};
      if (own_host_name) {
        lasting.push_back(pick(random, "bcdfghjkmpqrvwxz", 10));
        REQUIRE(::sethostname(lasting.back().data(), lasting.back().size()) == 0);
      }
    }
    std::vector<std::string> secrets = lasting;
    for (int i = 0; i < 5; ++i) secrets.push_back(mark(random));
    const std::size_t fresh = secrets.size() - 5;
    variables["SECRET_TOKEN"] = secrets[fresh];
    variables["SERVICE_URL"] = "https://user:" + secrets[fresh + 1] + "@example.org/" + secrets[fresh];
    const OwnEnvironment environment(variables);
    const std::vector<std::string> arguments = {"--name=" + secrets[fresh + 2], "--password", secrets[fresh + 3],
                                                "-p" + secrets[fresh + 4], "/data/" + secrets[fresh + 2] + ".csv"};
    std::string message;
    for (std::size_t n = random() % 3 + 1; n > 0; --n)
      message += message_about(random, secrets[random() % secrets.size()]) + (random() % 2 ? "; " : "\n");
    const std::string traces = traces_of(options, arguments, message);
    for (const std::string& secret : secrets)
      if (shows(traces, secret)) FAIL_CHECK("run " << run << ": the mark " << secret << " of: " << message << traces);
  }
  fs::current_path(before);
}
