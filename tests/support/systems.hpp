#pragma once
// The programs of examples/systems.

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "pty.hpp"
#include "sandbox.hpp"
#include "server.hpp"

/// One of them in a home folder of its own, as on a machine where nobody is at a terminal.
class System {
 public:
  /// `variant`: the same program, built by the tests in another way.
  explicit System(const std::string& name, const std::string& variant = {})
      : name_(name),
        program_(variant.empty() ? std::filesystem::path(USAGE_STATS_EXAMPLES) / "systems" / name : program(variant)) {}

  Sandbox sandbox;

  /// variable("_USAGE_STATS_ENABLED"): its name for this program.
  std::string variable(const std::string& suffix) const {
    std::string prefix = name_;
    for (char& c : prefix)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return prefix + suffix;
  }
  void set(const std::string& suffix, const std::string& value) { sandbox.environment[variable(suffix)] = value; }
  void unset(const std::string& suffix) { sandbox.environment.erase(variable(suffix)); }
  void report_to(const Server& server, const std::string& path = "/v1/usage") {
    set("_USAGE_STATS_ENDPOINT", server.url(path));
  }

  Command command(std::vector<std::string> arguments, const std::string& input = {}) const {
    Command command{program_, std::move(arguments)};
    command.environment = sandbox.environment;
    command.environment["TERM"] = "xterm";
    command.environment["PATH"] = program_.parent_path().string() + ":" + command.environment["PATH"];
    command.folder = sandbox.home();
    command.input = input;
    return command;
  }
  Result run(std::vector<std::string> arguments, const std::string& input = {}) const {
    return ::run(command(std::move(arguments), input));
  }

  /// Wherever in the sandbox they are.
  std::vector<std::filesystem::path> report_files() const {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (auto it = std::filesystem::recursive_directory_iterator(sandbox.root(), error);
         !error && it != std::filesystem::end(it); it.increment(error))
      if (it->path().filename() == "usage_stats.json") files.push_back(it->path());
    return files;
  }
  /// Of the only report: it, and what became of it once that is known.
  nlohmann::json report() const {
    const auto files = report_files();
    if (files.size() != 1) throw std::runtime_error(std::to_string(files.size()) + " reports");
    return nlohmann::json::parse(read_file(files[0]));
  }
  nlohmann::json delivery() const {
    const auto file = report_files().at(0).parent_path() / "delivery.json";
    if (!wait_until([&] { return std::filesystem::exists(file); })) throw std::runtime_error("no delivery.json");
    return nlohmann::json::parse(read_file(file))["deliveries"].back();
  }
  /// Whether nothing was recorded and nobody is at work to send something.
  bool silent() const { return report_files().empty() && sandbox.uploaders().empty(); }

 private:
  std::string name_;
  std::filesystem::path program_;
};
