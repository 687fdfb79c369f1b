#pragma once
// tests/programs/tool.cpp in a home folder of its own.

#include <string>
#include <utility>
#include <vector>

#include "pty.hpp"
#include "sandbox.hpp"

struct Tool {
  Sandbox sandbox{};
  std::string program = "tool";

  explicit Tool(const std::string& session = "main") { set("SESSION", session); }

  /// set("COMMAND", "-t usage-stats")
  void set(const std::string& name, const std::string& value) { sandbox.environment["TOOL_" + name] = value; }

  Command command(std::vector<std::string> arguments) const {
    Command command = sandbox.command(program, std::move(arguments));
    command.environment["TERM"] = "xterm";
    return command;
  }
  Result run(std::vector<std::string> arguments) const { return ::run(command(std::move(arguments))); }
  std::string at_terminal(std::vector<std::string> arguments) const {
    Terminal terminal(command(std::move(arguments)));
    terminal.wait();
    return terminal.screen();
  }
};
