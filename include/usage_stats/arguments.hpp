#pragma once
/// @file
/// What a program's own parser knows about the command line, in place of what argv shows. Adapters for five parsers are
/// next to this header; docs/parsers.md shows how to write one for another parser.

#include <string>
#include <utility>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Where an option was given.
enum class ArgumentSource {
  command_line,   ///< by the user; recorded first
  config_file,    ///< in a configuration file; recorded after the entry `<config_file>`
  environment,    ///< by an environment variable; recorded after the entry `<environment>`
  default_value,  ///< nowhere: the option has its default value, and is not recorded
};

/// What a program's `--help` says about usage statistics. The adapters' describe_in_help() puts it there.
struct HelpTexts {
  /// The words of the command, as in Options::command; empty: none. Default: "usage-stats".
  std::string command = "usage-stats";

  /// What the command is for.
  std::string command_description = "show, stop or delete usage statistics";

  /// The option's name without its dashes. The library knows it by this name only: do not change it.
  std::string option = "disable-usage-stats";

  /// What the option does.
  std::string option_description = "do not collect or send usage statistics for this run";

  /// Both descriptions in one, for parsers that can describe options only.
  std::string both_descriptions() const {
    return command.empty() ? option_description : option_description + "; see also the command `" + command + "`";
  }
};

namespace detail {

/// Calls the function and ignores what it throws: telemetry must never end the program that it is in.
template <class Function>
void without_throwing(Function&& function) noexcept {
  USAGE_STATS_TRY { std::forward<Function>(function)(); }
  USAGE_STATS_CATCH_ALL {}
}

}  // namespace detail

USAGE_STATS_END_NAMESPACE
