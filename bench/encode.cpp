// What it costs to make the requests of a typical report: the work of the uploader, not of the host.
#include <usage_stats.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// A run as small tools have them: a few options, fields, events and stages, and an error.
std::string typical_report() {
  using namespace usage_stats::detail;
  Report report;
  report.client_id = std::string(32, 'c');
  report.session_id = std::string(32, '5');
  report.app_name = "mytool";
  report.app_version = "1.4.2";
  report.build = this_build();
  report.dependencies = {{"zlib", "1.2.13"}, {"hdf5", "1.14.3"}};
  report.system = this_system();
  report.command = "cp";
  report.arguments = {{"--threads=8", "--format=cool", "<path>", "<path>"}};
  report.started_at = std::chrono::system_clock::now();
  report.ended_at = report.started_at + std::chrono::seconds(12);
  report.duration_s = 12.0;
  report.final = true;
  report.outcome.status = RunStatus::exception;
  report.outcome.error = {{"std::runtime_error", "cannot open <path>"}};
  for (int i = 0; i < 5; ++i) report.fields.emplace_back("field_" + std::to_string(i), 3.25 + i);
  report.counters = {{"cache_hits", 41}, {"cache_misses", 7}};
  for (int i = 0; i < 5; ++i) report.events.push_back({"send_model", 1.0 + i, {{"model_size", std::int64_t{1048576}}}});
  for (int i = 0; i < 3; ++i) report.stages.push_back({"align", 1.0 + i, 0.5, RunStatus::ok, {}});
  return to_json(std::move(report));
}

}  // namespace

int main() {
  using Clock = std::chrono::steady_clock;
  using usage_stats::Protocol;
  const std::string report = typical_report();
  std::printf("requests of a report of %zu bytes %10s %8s\n", report.size(), "median, us", "bytes");
  for (const auto& [name, protocol] :
       {std::pair{"json", Protocol::json}, {"otlp", Protocol::otlp}, {"amplitude", Protocol::amplitude}}) {
    usage_stats::Endpoint endpoint{"https://stats.example.org/", protocol};
    endpoint.api_key = "key";
    std::vector<double> us;
    std::size_t bytes = 0;
    for (int round = 0; round < 2000; ++round) {
      const auto begin = Clock::now();
      const auto requests = usage_stats::detail::requests_for(endpoint, report);
      us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
      bytes = requests.front().body.size();
    }
    std::nth_element(us.begin(), us.begin() + 1000, us.end());
    std::printf("%-34s %10.1f %8zu\n", name, us[1000], bytes);
  }
}
