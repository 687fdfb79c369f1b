#pragma once
// For programs that parse with gflags (2.2 and newer): reports show flags as they are defined.
//
//   usage_stats::describe_in_help();
//   gflags::ParseCommandLineFlags(&argc, &argv, true);
//   usage_stats::record_arguments(session, argc, argv);

#include <usage_stats.hpp>

#include <gflags/gflags.h>

#include <string>
#include <vector>

namespace usage_stats {

/// Call it right after ParseCommandLineFlags, with the argc and argv that it left: the report then shows what gflags
/// knows, in place of what argv shows: each flag that was given, by name, once, and the kinds of the other arguments. A
/// flag that the program itself has set by then counts as given, as does one from a --flagfile. Values are recorded as
/// Options::arguments and Options::argument_values say. `first`: the first element of argv that is not a flag, if flags
/// were not removed from it.
inline void record_arguments(TelemetrySession& session, int argc = 0, const char* const* argv = nullptr,
                             int first = 1) noexcept {
  if (!session.enabled()) return;
  detail::without_throwing([&] {
    session.argument({});
    std::vector<GFLAGS_NAMESPACE::CommandLineFlagInfo> flags;
    GFLAGS_NAMESPACE::GetAllFlags(&flags);
    std::string from_environment = ",";
    for (const auto& flag : flags)
      if (flag.name == "fromenv" || flag.name == "tryfromenv") from_environment += flag.current_value + ",";
    for (const auto& flag : flags) {
      if (flag.is_default) continue;
      const ArgumentSource source = from_environment.find("," + flag.name + ",") != std::string::npos
                                        ? ArgumentSource::environment
                                        : ArgumentSource::command_line;
      if (flag.type == "bool")  // --verbose, --noverbose
        session.argument("--" + flag.name + (flag.current_value == "true" ? "" : "=false"), {}, source);
      else
        session.argument("--" + flag.name, flag.current_value, source);
    }
    for (int i = first; argv != nullptr && i < argc && argv[i] != nullptr; ++i) session.argument({}, argv[i]);
  });
}

/// Defines the flag --disable-usage-stats, which gflags' --help calls -disable_usage_stats. Call it before parsing;
/// calling it again does nothing.
inline void describe_in_help(const HelpTexts& texts = {}) noexcept {
  detail::without_throwing([&] {
    GFLAGS_NAMESPACE::CommandLineFlagInfo known;
    if (GFLAGS_NAMESPACE::GetCommandLineFlagInfo("disable_usage_stats", &known))
      return;  // defining it twice would end the program
    static bool value = false, by_default = false;
    static const std::string& description = *new std::string(texts.both_descriptions());  // gflags keeps the pointer
    static const GFLAGS_NAMESPACE::FlagRegisterer flag("disable_usage_stats", description.c_str(),
                                                       "usage_stats/gflags.hpp", &value, &by_default);
    static_cast<void>(flag);
  });
}

}  // namespace usage_stats
