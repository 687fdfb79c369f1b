// transfer_tool: copies objects between cloud regions, each of them a folder here. Its statistics are those that
// Skyplane's document promises; docs/systems.md says line by line how.
//
//   transfer_tool init
//   transfer_tool cp --max-instances=8 aws:us-east-1/data.bin gcp:us-west1/data.bin      transfer_tool sync FROM TO
//   transfer_tool config set usage_stats false
#include <usage_stats.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace fs = std::filesystem;
using usage_stats::Choice;
using usage_stats::Field;

// A region that is not in the list, and a folder of the user's own machine, is "other".
static const std::initializer_list<const char*> regions = {"aws:us-east-1", "aws:us-west-2",   "aws:eu-central-1",
                                                           "azure:eastus",  "azure:westus2",   "gcp:us-central1",
                                                           "gcp:us-west1",  "gcp:europe-west4"};
static const Field<Choice> source_region{"source_region", "cloud and region that the transfer read from", regions};
static const Field<Choice> destination_region{"destination_region", "cloud and region that it wrote to", regions};
static const Field<double> throughput{"throughput_gbps", "aggregated transfer speed, Gbit/s"};

static fs::path config_file() {
  const char* const home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".transfer_tool" / "config.json";
}

static usage_stats::Options statistics() {
  usage_stats::Options options("transfer_tool", "0.3.2", "https://stats.example.org/v1/usage");
  options.purpose = "Shows us which routes are used and how fast they are, to improve the solver.";
  options.policy_url = "https://example.org/transfer_tool/usage_stats";
  options.contact = "admin@example.org";
  options.subcommands = {"cp", "sync"};
  options.argument_values = {"max-instances", "max-connections", "solver"};
  options.client_id = usage_stats::ClientId::session;  // random, and gone with the transfer
  options.unattended = usage_stats::Unattended::on;    // most transfers run in scripts; the notice goes to their log
  options.config_file = config_file();
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (!error) options.directory = temporary / "skyplane-like" / "usage";
  return options;
}

static int switch_statistics(bool on) {
  const char* const command[] = {"transfer_tool", "usage-stats", on ? "enable" : "disable"};
  return usage_stats::handle_command(statistics(), 3, command).value_or(2);
}

/// The first `init` switches statistics on and says so; later ones do not change what the user has decided since.
static int init() {
  std::cout << "transfer_tool is ready: regions are folders here.\n";
  return fs::exists(config_file()) ? 0 : switch_statistics(true);
}

/// "aws:us-east-1/data.bin" -> "aws:us-east-1"
static std::string region_of(const std::string& place) { return place.substr(0, place.find('/')); }

static double bytes_in(const fs::path& place) {
  if (!fs::is_directory(place)) return static_cast<double>(fs::file_size(place));
  double sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(place))
    if (entry.is_regular_file()) sum += static_cast<double>(entry.file_size());
  return sum;
}

static int transfer(usage_stats::TelemetrySession& session, const std::vector<std::string>& words) {
  std::vector<std::string> places;  // after the command's name, without options
  for (std::size_t i = 1; i < words.size(); ++i)
    if (words[i].empty() || words[i][0] != '-') places.push_back(words[i]);
  if (words.empty() || (words[0] != "cp" && words[0] != "sync") || places.size() != 2)
    throw std::invalid_argument("usage: transfer_tool cp|sync [--recursive] [--max-instances=N] FROM TO");
  session.set(source_region, region_of(places[0]));
  session.set(destination_region, region_of(places[1]));

  const auto begin = std::chrono::steady_clock::now();
  const fs::path to = places[1];
  if (to.has_parent_path()) fs::create_directories(to.parent_path());
  const auto existing = words[0] == "cp" ? fs::copy_options::overwrite_existing : fs::copy_options::update_existing;
  fs::copy(places[0], to, fs::copy_options::recursive | existing);  // throws what went wrong
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  session.set(throughput, 8e-9 * bytes_in(to) / seconds.count());
  std::cout << "transferred to " << places[1] << '\n';
  return 0;
}

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0), argv + argc);
  if (words == std::vector<std::string>{"init"}) return init();
  for (const bool on : {false, true})
    if (words == std::vector<std::string>{"config", "set", "usage_stats", on ? "true" : "false"})
      return switch_statistics(on);

  usage_stats::TelemetrySession session(statistics(), argc, argv);
  try {
    return session.run([&] { return transfer(session, words); });
  } catch (const std::exception& error) {
    std::cerr << "transfer_tool: " << error.what() << '\n';
    return 1;
  }
}
