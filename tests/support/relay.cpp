#include "relay.hpp"

#include <stdexcept>

#include "programs.hpp"

namespace {

Command command_for(const std::string& folder, int to_port, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {source_file("tests/support/relay.py").string(), folder, std::to_string(to_port)});
  return Command{USAGE_STATS_PYTHON, std::move(arguments)};
}

}  // namespace

Relay::Relay(int to_port, std::vector<std::string> arguments)
    : process_(command_for(folder_.path().string(), to_port, std::move(arguments))) {
  if (!wait_until([&] { return std::filesystem::exists(folder_ / "port"); }) || !process_.running())
    throw std::runtime_error("relay.py did not start: " + process_.wait().err);
  port_ = std::stoi(read_file(folder_ / "port"));
}

std::string Relay::log() const {
  return std::filesystem::exists(folder_ / "log") ? read_file(folder_ / "log") : std::string();
}
