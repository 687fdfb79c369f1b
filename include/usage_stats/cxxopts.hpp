#pragma once
// For programs that parse with cxxopts (3.1 and newer): reports name options as --help does.
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

/// To be called once after parsing: the report then names what cxxopts knows, in place of what argv shows: each option
/// by its first long name, once for each time that it was given, also those that stand for positionals. Values go by
/// the rules for values. cxxopts knows no subcommands: tell them by TelemetrySession::command.
inline void record_arguments(TelemetrySession& session, const cxxopts::ParseResult& parsed) noexcept {
  if (!session.enabled()) return;
  detail::without_throwing([&] {
    session.argument({});
    for (const cxxopts::KeyValue& given : parsed.arguments()) {
      const std::string name = (given.key().size() == 1 ? "-" : "--") + given.key();
      session.argument(name, given.value() == "true" ? std::string() : given.value());  // that of a flag
    }
    for (const std::string& unknown : parsed.unmatched()) session.argument({}, unknown);
  });
}

/// Puts --disable-usage-stats among the program's options; cxxopts has no place for the command but its description.
/// To be called before parsing.
inline void describe_in_help(cxxopts::Options& options, const HelpTexts& texts = {}) noexcept {
  detail::without_throwing([&] { options.add_options()(texts.option, texts.both_descriptions()); });
}

}  // namespace usage_stats
