#pragma once
// May I collect? Fifteen rules; the first one that speaks decides (section 3 of the design).

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "settings.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// The verdict, the number of the rule that decided, and why, in words: "MYTOOL_NO_TELEMETRY is set".
struct Decision {
  Verdict verdict = Verdict::off;
  int rule = 0;
  std::string why{};
};

namespace detail {

struct State;

/// Everything the rules look at, gathered lazily: a rule that speaks early keeps the files unread.
struct Consent {
  Decision decision;
  Settings policy, config;   // as far as they were read
  bool show_notice = false;  // the notice is due now
  bool ask = false;          // the prompt is due now
};

/// Applies the rules to the options, the arguments (without the program's name), the environment and the two files.
/// `problem` is the author's mistake, if any. `state` is called at most once, for what earlier runs have shown.
Consent decide(const Options&, const std::vector<std::string>& arguments, const std::string& problem,
               const std::function<State()>& state);

/// Rule 1 of who runs in the home of somebody else, in words.
std::string anothers_home(const std::filesystem::path& home);

/// What the two files say now about sending what waits, for an app whose options are not at hand: rules 6 and 9, of
/// which the second is not asked where the environment had decided (`rule` 7). Nothing while a file is broken (rule
/// 10).
std::optional<Verdict> standing_verdict(const std::string& app, int rule, const std::filesystem::path& policy,
                                        const std::filesystem::path& config);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
