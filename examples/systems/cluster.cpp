// cluster: a head node that runs jobs, each a line of its standard input that names a library. Its statistics are those
// that Ray's document promises; docs/systems.md says line by line how.
//
//   cluster start [--disable-usage-stats] [--num-nodes=N]       the head node, until its input ends
//   cluster disable-usage-stats | enable-usage-stats            for all clusters from now on
//   cluster script                                              stands for anybody's program that calls init()
#include <usage_stats.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>

#ifndef CLUSTER_VERSION
#define CLUSTER_VERSION "2.9.0"  // nightly builds: "3.0.0.dev0"
#endif

using usage_stats::Choice;
using usage_stats::Field;

static const Field<std::int64_t> nodes{"total_num_nodes", "nodes of the cluster"};
static const usage_stats::Counter jobs{"total_num_running_jobs", "jobs that the cluster has run"};
static const usage_stats::Event library_used{"library_used", "a job used a library"};
static const Field<Choice> library{"library", "which library", {"data", "rllib", "serve", "train", "tune", "workflow"}};

enum class Start { head_node, by_library };

/// CLUSTER_USAGE_STATS_REPORT_INTERVAL_S, or an hour.
static std::chrono::milliseconds report_interval() {
  const char* const seconds = std::getenv("CLUSTER_USAGE_STATS_REPORT_INTERVAL_S");
  if (seconds == nullptr) return std::chrono::hours(1);
  return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * std::atof(seconds)));
}

static usage_stats::Options statistics(Start start) {
  usage_stats::Options options("cluster", CLUSTER_VERSION, "https://usage-stats.example.org/");
  options.purpose = "Shows us how clusters are used, to improve the libraries and the core.";
  options.policy_url = "https://example.org/cluster/usage_stats";
  options.contact = "usage_stats@example.org";
  options.consent = usage_stats::ConsentMode::ask;
  options.unattended = usage_stats::Unattended::on;
  options.client_id = usage_stats::ClientId::session;
  options.report_every = report_interval();
  options.subcommands = {"start", "script"};
  options.config_file = "~/.cluster/config.json";
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  if (!error) options.directory = temporary / "ray-like";
  if (start == Start::by_library) {
    // The users of a third party's program did not choose this library: they are not asked, and only nightly builds
    // report.
    options.consent = usage_stats::ConsentMode::opt_out;
    options.official_build = options.version.find(".dev") != std::string::npos;
  }
  return options;
}

/// What every cluster does, however it was started.
static int run_jobs(usage_stats::TelemetrySession& session, std::int64_t number_of_nodes) {
  session.set(nodes, number_of_nodes);
  std::cout << "cluster of " << number_of_nodes
            << " nodes is up; usage report: " << (session.enabled() ? session.report_path().string() : "none")
            << std::endl;
  for (std::string name; std::getline(std::cin, name);) {
    session.add(jobs);
    session.record(library_used, {{library, name}});
    std::cout << "job done: " << name << std::endl;
  }
  return 0;
}

/// The library's entry point: a local cluster inside somebody else's program.
static int init() {
  usage_stats::TelemetrySession session(statistics(Start::by_library));
  return run_jobs(session, 1);
}

static int start(int argc, char** argv) {
  usage_stats::TelemetrySession session(statistics(Start::head_node), argc, argv);
  std::int64_t number_of_nodes = 1;
  for (int i = 2; i < argc; ++i)
    if (const std::string word = argv[i]; word.rfind("--num-nodes=", 0) == 0)
      number_of_nodes = std::strtoll(word.c_str() + 12, nullptr, 10);
  return session.run([&] { return run_jobs(session, number_of_nodes); });
}

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "disable-usage-stats" || command == "enable-usage-stats") {
    const char* const words[] = {"cluster", "usage-stats", command[0] == 'd' ? "disable" : "enable"};
    return usage_stats::handle_command(statistics(Start::head_node), 3, words).value_or(2);
  }
  if (command == "start" || command == "usage-stats") return start(argc, argv);  // the session answers the second
  if (command == "script") return init();
  std::cerr << "usage: cluster start [--disable-usage-stats] [--num-nodes=N] | enable-usage-stats | "
               "disable-usage-stats | script\n";
  return 2;
}
