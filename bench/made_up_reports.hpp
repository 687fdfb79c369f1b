#pragma once
// Plausible reports of two of examples/systems, as many as wanted: usage that grows and has weekends, versions that are
// adopted, an error that is new in the last of them.

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace bench {

using Json = nlohmann::ordered_json;

class MadeUpReports {
 public:
  /// Of runs that ended in the `days` before now.
  explicit MadeUpReports(unsigned seed, int days, std::size_t expected)
      : random_(seed),
        days_(days),
        installations_(std::max<std::size_t>(50, expected / 25)),
        now_(std::time(nullptr)) {}

  std::string next() {
    const std::size_t installation =
        static_cast<std::size_t>(std::pow(share(), 2.5) * static_cast<double>(installations_));
    std::mt19937 own(static_cast<unsigned>(installation) * 2654435761U);  // what does not change in an installation
    const bool transfer = own() % 3 != 0;
    const double when = std::sqrt(share());  // 0: long ago
    Json report = {{"schema", "usage-stats/1"},
                   {"client_id", id(own)},
                   {"session_id", id(random_)},
                   {"sequence", 1},
                   {"final", true}};
    report["app"] = {{"name", transfer ? "transfer_tool" : "pipeline"}, {"version", version(transfer, when, own)}};
    report["build"] = {{"compiler", own() % 4 == 0 ? "Clang 16.0.6" : "GCC 12.2.0"},
                       {"cxx_standard", 17},
                       {"type", "release"},
                       {"dependencies", {{"zlib", "1.2.13"}}}};
    report["system"] = system(own);
    transfer ? transfer_run(report) : pipeline_run(report);
    times(report, when);
    report["delivery"] = {{"sent", random_() % 40}, {"failed", 0}, {"dropped", 0}};
    return report.dump();
  }

 private:
  double share() { return static_cast<double>(random_()) / 4294967296.0; }
  const char* one_of(const std::vector<const char*>& words, std::mt19937& random) const {
    // The first are the commonest.
    const double place = std::pow(static_cast<double>(random()) / 4294967296.0, 2);
    return words[static_cast<std::size_t>(place * static_cast<double>(words.size()))];
  }
  const char* one_of(const std::vector<const char*>& words) { return one_of(words, random_); }
  double about(double middle, double spread) {
    return std::round(std::lognormal_distribution<double>(std::log(middle), spread)(random_) * 1000) / 1000;
  }
  static std::string id(std::mt19937& random) {
    char text[40];
    std::snprintf(text, sizeof text, "%08x%08x%08x%08x", static_cast<unsigned>(random()),
                  static_cast<unsigned>(random()), static_cast<unsigned>(random()), static_cast<unsigned>(random()));
    return text;
  }

  std::string version(bool transfer, double when, std::mt19937& own) {
    const std::vector<const char*> versions =
        transfer ? std::vector<const char*>{"0.2.0", "0.2.1", "0.3.0", "0.3.1", "0.3.2"}
                 : std::vector<const char*>{"1.17.0", "1.18.0", "1.18.2", "1.19.0"};
    const double reluctance = 0.35 * static_cast<double>(own()) / 4294967296.0;  // some update late
    const double place = std::max(0.0, when - reluctance) * static_cast<double>(versions.size());
    return versions[std::min(versions.size() - 1, static_cast<std::size_t>(place))];
  }

  Json system(std::mt19937& own) {
    const bool ci = own() % 9 == 0;
    const std::string os = one_of({"linux", "linux", "macos", "windows"}, own);
    Json system = {{"os", os}};
    system["os_version"] = os == "linux" ? one_of({"Ubuntu 22.04.3 LTS", "Debian GNU/Linux 12", "Fedora Linux 39"}, own)
                           : os == "macos" ? one_of({"macOS 14.2.1", "macOS 13.6"}, own)
                                           : "Windows 11";
    system["kernel"] = os == "linux" ? "6.1.0" : "23.2.0";
    system["arch"] = os == "macos" && own() % 3 != 0 ? "aarch64" : "x86_64";
    system["cpus"] = 1 << (1 + own() % 6);
    system["memory_gb"] = 1 << (2 + own() % 6);
    if (os == "linux") system["libc"] = "glibc 2.36";
    system["ci"] = ci;
    system["container"] = ci || own() % 6 == 0;
    system["interactive"] = !ci && random_() % 3 != 0;
    return system;
  }

  void transfer_run(Json& report) {
    const std::vector<const char*> regions = {"aws:us-east-1", "gcp:us-central1",  "aws:us-west-2", "aws:eu-central-1",
                                              "azure:eastus",  "gcp:europe-west4", "other"};
    const bool copies = random_() % 4 != 0;
    Json arguments = Json::array();
    if (random_() % 2 == 0) arguments.push_back("--recursive");
    if (random_() % 3 == 0) arguments.push_back("--max-instances=" + std::to_string(1 << random_() % 4));
    if (random_() % 7 == 0) arguments.push_back(std::string("--solver=") + one_of({"direct", "ilp"}));
    arguments.push_back("<url>");
    arguments.push_back("<url>");
    report["command"] = {{"name", copies ? "cp" : "sync"}, {"arguments", arguments}};
    report["duration_s"] = about(copies ? 42 : 120, 1.1);
    outcome(report, {{"NoRouteError", "no route to <value>"},
                     {"std::system_error", "cannot write <path>: No space left on device"},
                     {"TransferFailedException", "checksum of <value> differs"},
                     {"std::runtime_error", "connection reset by <value>"}});
    report["fields"] = {{"source_region", one_of(regions)}, {"destination_region", one_of(regions)}};
    if (report["outcome"]["status"] == "ok") report["fields"]["throughput_gbps"] = about(3.4, 0.7);
    report["counters"] = {{"chunks", 1 + random_() % 5000}};
    if (random_() % 3 == 0) report["counters"]["retries"] = 1 + random_() % 6;
    report["events"] = Json::array();
    report["stages"] = Json::array();
    double at = 0.02;
    const double duration = report["duration_s"].get<double>();
    for (const auto& [name, part] :
         {std::pair{"plan", 0.05}, std::pair{"provision", 0.3}, std::pair{"transfer", 0.6}}) {
      const bool failed = random_() % 40 == 0;
      report["stages"].push_back({{"name", name},
                                  {"at_s", std::round(at * 1000) / 1000},
                                  {"duration_s", std::round(duration * part * 1000) / 1000},
                                  {"status", failed ? "failed" : "ok"},
                                  {"fields", Json::object()}});
      if (failed) break;
      at += duration * part;
    }
    if (random_() % 5 == 0)
      report["events"].push_back(
          {{"name", "throttled"}, {"at_s", std::round(duration * share() * 1000) / 1000}, {"fields", Json::object()}});
  }

  void pipeline_run(Json& report) {
    report["command"] = Json::object();
    report["duration_s"] = about(310, 1.3);
    outcome(report, {{"StageFailed", ""}, {"std::out_of_range", ""}, {"Timeout", ""}});
    report["fields"] = {{"execution.type", one_of({"pipeline", "orchestration"})},
                        {"execution.status", one_of({"succeeded", "terminal", "canceled", "stopped"})},
                        {"execution.trigger", one_of({"git", "manual", "cron", "docker", "webhook", "jenkins"})}};
    report["fields"]["application"] = id(random_) + id(random_);
    report["counters"] = Json::object();
    report["events"] = Json::array();
    report["stages"] = Json::array();
    double at = 0.1;
    for (auto count = 1 + random_() % 4; count > 0; --count) {
      const double duration = about(40, 1);
      report["stages"].push_back({{"name", "stage"},
                                  {"at_s", at},
                                  {"duration_s", duration},
                                  {"status", random_() % 25 == 0 ? "failed" : "ok"},
                                  {"fields",
                                   {{"stage.type", one_of({"deploy", "bake", "wait", "script", "manualJudgment"})},
                                    {"stage.cloud_provider", one_of({"kubernetes", "aws", "gce", "azure", "ecs"})}}}});
      at += duration;
    }
  }

  void outcome(Json& report, const std::vector<std::pair<const char*, const char*>>& errors) {
    const auto dice = random_() % 100;
    if (dice < 88) {
      report["outcome"] = {{"status", "ok"}, {"exit_code", 0}};
    } else if (dice < 91) {
      report["outcome"] = {{"status", "failed"}, {"exit_code", 1 + random_() % 2}};
    } else if (dice < 97) {
      const bool newest = report["app"]["version"] == "0.3.2" || report["app"]["version"] == "1.19.0";
      const std::size_t known = errors.size() - (newest ? 0 : 1);
      const auto& [type, message] = errors[random_() % known];
      report["outcome"] = {{"status", "exception"}, {"exit_code", 1}, {"error", {{"type", type}}}};
      if (*message != '\0') report["outcome"]["error"]["message"] = message;
    } else if (dice < 99) {
      report["outcome"] = {{"status", "signal"}, {"signal", one_of({"SIGINT", "SIGTERM", "SIGSEGV"})}};
    } else {
      report["outcome"] = {{"status", "lost"}};
    }
  }

  void times(Json& report, double when) {
    std::time_t end = now_ - static_cast<std::time_t>((1 - when) * days_ * 86400);
    std::tm parts = *::gmtime(&end);
    if ((parts.tm_wday == 0 || parts.tm_wday == 6) && random_() % 2 == 0) end -= 2 * 86400;  // not at weekends
    const auto stamp = [](std::time_t time) {
      char text[32];
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", ::gmtime(&time));
      return std::string(text);
    };
    report["started_at"] = stamp(end - static_cast<std::time_t>(report["duration_s"].get<double>()));
    const std::string status = report["outcome"]["status"];
    if (status == "lost") report.erase("duration_s");
    if (status != "lost") report["ended_at"] = stamp(end);
  }

  std::mt19937 random_;
  const int days_;
  const std::size_t installations_;
  const std::time_t now_;
};

}  // namespace bench
