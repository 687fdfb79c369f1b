// stripe_caller: finds stripes in a matrix of interactions, lines of "BIN BIN COUNT". Its telemetry is what the
// documents of StripePy and of hictk, its sister in C++, promise; docs/systems.md says line by line how. Compiled with
// -DUSAGE_STATS_DISABLED, this same file has none.
//
//   stripe_caller call [-p N | --nproc=N] [--factor=F] MATRIX.cool RESOLUTION
//   stripe_caller view MATRIX.cool RESOLUTION
//   stripe_caller --help-telemetry
#include <usage_stats.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>

using usage_stats::Choice;
using usage_stats::Field;

static const Field<Choice> input_format{"input_format", "format of the input file", {"cool", "mcool", "scool", "hic"}};
static const Field<std::int64_t> resolution{"params.resolution", "size of a bin, base pairs"};
static const Field<std::int64_t> nproc{"params.nproc", "number of threads asked for"};
static const Field<double> factor{"params.factor", "how far above the mean a stripe stands"};

static usage_stats::Options telemetry() {
  usage_stats::Options options("stripe_caller", "1.3.0");
  options.endpoints.push_back({"https://telemetry.example.org:4318", usage_stats::Protocol::otlp});
  options.purpose = "Shows us how many use stripe_caller and which of its parts, which helps us to be funded.";
  options.policy_url = "https://example.org/stripe_caller/telemetry";
  options.contact = "telemetry@example.org";
  options.subcommands = {"call", "view"};
  options.dependencies = {{"hdf5", "1.14.3"}, {"highfive", "2.10.0"}, {"libdeflate", "1.20"}};
  options.errors = usage_stats::ErrorDetail::type;     // whether it failed, nothing of what it said
  options.client_id = usage_stats::ClientId::session;  // runs are counted, not people
  options.unattended = usage_stats::Unattended::on;    // pipelines are where it runs; the notice goes to their log
  return options;
}

struct Task {
  std::string command, file;
  std::int64_t bin_size = 0, threads = 1;
  double above_mean = 3;
};

static Task parse(const std::vector<std::string>& words) {
  Task task;
  std::vector<std::string> positionals;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-p" && i + 1 < words.size())
      task.threads = std::stoll(words[++i]);
    else if (words[i].rfind("--nproc=", 0) == 0)
      task.threads = std::stoll(words[i].substr(8));
    else if (words[i].rfind("--factor=", 0) == 0)
      task.above_mean = std::stod(words[i].substr(9));
    else
      positionals.push_back(words[i]);
  }
  if (positionals.size() != 3 || (positionals[0] != "call" && positionals[0] != "view"))
    throw std::invalid_argument("usage: stripe_caller call|view [-p N] [--factor=F] MATRIX.cool RESOLUTION");
  task.command = positionals[0];
  task.file = positionals[1];
  task.bin_size = std::stoll(positionals[2]);
  return task;
}

static int execute(usage_stats::TelemetrySession& session, const Task& task) {
  const std::string ending = std::filesystem::path(task.file).extension().string();
  session.command(task.command);
  session.set(input_format, ending.substr(ending.empty() ? 0 : 1));
  session.set(resolution, task.bin_size);
  session.set(nproc, task.threads);
  session.set(factor, task.above_mean);

  std::ifstream file(task.file);
  if (!file) throw std::runtime_error("cannot open " + task.file);
  std::map<std::int64_t, double> columns;
  double sum = 0, count = 0;
  for (std::int64_t row = 0, column = 0; file >> row >> column >> count;) {
    columns[column] += count;
    sum += count;
  }
  if (!file.eof()) throw std::runtime_error(task.file + " is not a matrix");
  const double threshold = task.command == "view" ? 0 : task.above_mean * sum / static_cast<double>(columns.size());
  for (const auto& [column, total] : columns)
    if (total >= threshold) std::cout << column * task.bin_size << '\t' << total << '\n';
  return 0;
}

static int help_telemetry() {
  std::cout << "One OpenTelemetry span a run: version and dependencies, system, subcommand, input format and\n"
               "parameters, start, duration and whether it failed. Nothing that identifies you, your machine or\n"
               "your data. Define STRIPE_CALLER_NO_TELEMETRY to switch it off. Its state now:\n\n";
  const char* const status[] = {"stripe_caller", "usage-stats", "status"};
  return usage_stats::handle_command(telemetry(), 3, status).value_or(2);
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help-telemetry") return help_telemetry();
  usage_stats::TelemetrySession session(telemetry(), argc, argv);
  try {
    return session.run([&] { return execute(session, parse({argv + (argc > 0), argv + argc})); });
  } catch (const std::exception& error) {
    std::cerr << "stripe_caller: " << error.what() << '\n';
    return 1;
  }
}
