#pragma once
// For programs that parse with cxxopts (3.1 and newer): reports show options as --help does.
//
//   cxxopts::Options options("mytool", "copies files");
//   ...
//   usage_stats::describe_in_help(options);
//   const cxxopts::ParseResult parsed = options.parse(argc, argv);
//   usage_stats::record_arguments(session, parsed);

#include <usage_stats.hpp>

#include <cxxopts.hpp>

#include <string>

namespace usage_stats {

/// Call it once, after parsing: the report then shows what cxxopts knows, in place of what argv shows: each option
/// under its first long name, once for each time that it was given, including options that hold positionals. Values are
/// recorded as Options::arguments and Options::argument_values say. cxxopts has no subcommands: call
/// TelemetrySession::command for them.
inline void record_arguments(TelemetrySession& session, const cxxopts::ParseResult& parsed) noexcept {
  if (!session.enabled()) return;
  detail::without_throwing([&] {
    session.argument({});
    for (const cxxopts::KeyValue& given : parsed.arguments()) {
      const std::string name = (given.key().size() == 1 ? "-" : "--") + given.key();
      session.argument(name, given.value() == "true" ? std::string() : given.value());  // the value of a flag
    }
    for (const std::string& unknown : parsed.unmatched()) session.argument({}, unknown);
  });
}

/// Adds --disable-usage-stats to the program's options; its description also mentions the command, because cxxopts has
/// no other place for it. Call it before parsing.
inline void describe_in_help(cxxopts::Options& options, const HelpTexts& texts = {}) noexcept {
  detail::without_throwing([&] { options.add_options()(texts.option, texts.both_descriptions()); });
}

}  // namespace usage_stats
