#pragma once
// May I collect? Fifteen rules; the first one that speaks decides (docs/consent.md).

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../../decision.hpp"
#include "../../options.hpp"
#include "settings.hpp"

USAGE_STATS_BEGIN_NAMESPACE

namespace detail {

struct Envelope;
struct State;

/// Everything the rules look at, gathered lazily: a rule that speaks early keeps the files unread.
struct Consent {
  USAGE_STATS_SPECIAL_MEMBERS(Consent, true);

  Decision decision;
  Settings policy, config;   // as far as they were read
  bool show_notice = false;  // the notice is due now
  bool ask = false;          // the prompt is due now
};

/// Applies the rules to the options, the arguments (without the program's name), the environment and the two files.
/// `problem` is the author's mistake, if any. `state` is what earlier runs have left, asked for only where a rule needs
/// it.
Consent decide(const Options&, const std::vector<std::string>& arguments, const std::string& problem,
               const std::function<const State&()>& state);

/// Whether a report that waits may leave now: its rule speaks again, on the very files that the run looked at. Rules 6,
/// 9 and 12 need their yes to be there still; the others need only that nobody has said no since.
enum class Leave { allowed, withdrawn, unclear };  // unclear: it waits until somebody mends what stands in `why`
struct Permission {
  Leave leave = Leave::unclear;
  std::string why{};
};
Permission permission_for(const Envelope&, const State&);

/// What begins the names of an app's variables: environment_prefix(), and, where that has a `_` in front of a digit,
/// the plain one, which no shell can set, but `env` and what else starts programs. A "no" counts under either.
std::vector<std::string> prefixes_of_no(std::string_view app);

/// Rule 1 of who runs in the home of somebody else, in words.
std::string anothers_home(const std::filesystem::path& home);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
