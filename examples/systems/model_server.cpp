// model_server: keeps models and runs them; its clients are lines of its standard input. Its telemetry is what
// BlindAI's document promises; docs/systems.md says line by line how.
//
//   model_server [--mode=software|hardware]
//     send_model FILE      uploads a model        run_model NUMBER      runs the last one on a number
#include <usage_stats.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

using Clock = std::chrono::steady_clock;
using usage_stats::Choice;
using usage_stats::Field;

static const usage_stats::Event send_model{"send_model", "a model was uploaded"};
static const usage_stats::Event run_model{"run_model", "a model was run"};
static const Field<Choice> sgx_mode{
    "sgx_mode", "whether the server runs in software or in hardware mode", {"software", "hardware"}};
static const Field<std::int64_t> model_size{"model_size", "size of the uploaded model, bytes"};
static const Field<double> time_taken{"time_taken", "how long it took, seconds"};
static const Field<double> uptime{"uptime", "how long the server had been up, seconds"};

static const char* variable(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

static usage_stats::Options telemetry() {
  usage_stats::Options options("model_server", "0.5.1");
  // MODEL_SERVER_AMPLITUDE_URL=https://api.eu.amplitude.com keeps the data in the EU.
  const char* const amplitude = variable("MODEL_SERVER_AMPLITUDE_URL", "https://api2.amplitude.com");
  options.endpoints.push_back({amplitude, usage_stats::Protocol::amplitude, "2f6c0d71a1b64d0b8a9ec1f3d0e5b7aa"});
  options.purpose = "Shows us which features are used, and whether in hardware or software mode.";
  options.policy_url = "https://example.org/model_server/telemetry";
  options.contact = "contact@example.org";
  options.client_id = usage_stats::ClientId::session;  // a random string for this start of the server
  options.unattended = usage_stats::Unattended::on;    // it runs in containers; the notice goes to their log
  options.argument_values = {"mode"};
  options.report_every = std::chrono::milliseconds(std::atoi(variable("MODEL_SERVER_TELEMETRY_INTERVAL_MS", "2000")));
  return options;
}

class Server {
 public:
  Server(usage_stats::TelemetrySession& session, std::string mode) : session_(session), mode_(std::move(mode)) {
    session_.set(sgx_mode, mode_);
  }

  void upload(const std::string& name) {
    const auto begin = Clock::now();
    std::ifstream file(name, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open " + name);
    model_.assign(std::istreambuf_iterator<char>(file), {});
    session_.record(
        send_model,
        {{model_size, model_.size()}, {sgx_mode, mode_}, {time_taken, since(begin)}, {uptime, since(started_)}});
  }

  double run(double input) {
    const auto begin = Clock::now();
    for (const char weight : model_) input = 0.5 * input + static_cast<double>(weight) / 256;
    session_.record(run_model, {{sgx_mode, mode_}, {time_taken, since(begin)}, {uptime, since(started_)}});
    return input;
  }

 private:
  static double since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

  usage_stats::TelemetrySession& session_;
  const std::string mode_;
  const Clock::time_point started_ = Clock::now();
  std::string model_;
};

static int serve(usage_stats::TelemetrySession& session, const std::string& mode) {
  Server server(session, mode);
  std::cout << "up in " << mode << " mode" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, argument;
    words >> command >> argument;
    try {
      if (command == "send_model")
        server.upload(argument);
      else if (command == "run_model")
        std::cout << server.run(std::strtod(argument.c_str(), nullptr)) << '\n';
      std::cout << "done: " << command << std::endl;
    } catch (const std::exception& error) {
      std::cout << "failed: " << error.what() << std::endl;
    }
  }
  return 0;
}

int main(int argc, char** argv) {
  usage_stats::TelemetrySession session(telemetry(), argc, argv);
  std::string mode = "software";
  for (int i = 1; i < argc; ++i)
    if (const std::string word = argv[i]; word.rfind("--mode=", 0) == 0) mode = word.substr(7);
  return session.run([&] { return serve(session, mode); });
}
