#pragma once
// What a program's own parser tells of the command line, in place of what argv shows. Adapters for five parsers stand
// beside this header; docs/parsers.md shows how another one is adapted.

#include <string>
#include <utility>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Where an option was given. One that has only its default value was not given, and is not recorded.
enum class ArgumentSource { command_line, config_file, environment, default_value };

/// What a program's --help should say of usage statistics. The adapters' describe_in_help() puts it there.
struct HelpTexts {
  /// The words that the program answers, as in Options::command; empty: none.
  std::string command = "usage-stats";
  std::string command_description = "show, stop or delete usage statistics";
  std::string option = "disable-usage-stats";  ///< without its dashes; not to be changed
  std::string option_description = "collect and send no usage statistics of this run";

  /// For parsers that describe options only: both in one.
  std::string both_descriptions() const {
    return command.empty() ? option_description : option_description + "; see also the command `" + command + "`";
  }
};

namespace detail {

/// Calls the function; what it throws is lost, since telemetry must never end the program that it is in.
template <class Function>
void without_throwing(Function&& function) noexcept {
  USAGE_STATS_TRY { std::forward<Function>(function)(); }
  USAGE_STATS_CATCH_ALL {}
}

}  // namespace detail

USAGE_STATS_END_NAMESPACE
