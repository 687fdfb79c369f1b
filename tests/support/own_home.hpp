#pragma once
// Sessions in the test's own process.

#include <usage_stats.hpp>

#include <map>
#include <string>
#include <utility>

#include "own_environment.hpp"
#include "sandbox.hpp"

/// A home for sessions of this process: nothing of the machine's own environment is seen, and reports stay in here.
class OwnHome {
 public:
  /// Options that record; without an endpoint nothing is sent, and no uploader is started.
  static usage_stats::Options options() { return usage_stats::Options("reporter", "1.2.3"); }

  Sandbox sandbox{};
  nlohmann::json report() const { return sandbox.report(); }

  /// The report of a session that did this.
  template <class Body>
  nlohmann::json report_of(Body body, usage_stats::Options chosen = options()) const {
    {
      usage_stats::TelemetrySession session(std::move(chosen));
      body(session);
    }
    return report();
  }

 private:
  // Behind the sandbox: it is put back before the sandbox looks for where reports are collected.
  OwnEnvironment environment_{terminal_or_not()};
  std::map<std::string, std::string> terminal_or_not() const {
    auto variables = sandbox.environment;
    variables["TERM"] = "dumb";  // the same whether the tests run at a terminal or not
    return variables;
  }
};
