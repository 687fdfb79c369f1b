#pragma once
// May a run collect? Fifteen rules; the first one that applies decides (docs/consent.md).

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

/// Everything the rules look at, gathered lazily: if an early rule applies, the files are not read.
struct Consent {
  USAGE_STATS_SPECIAL_MEMBERS(Consent, true);

  Decision decision;
  Settings policy, config;   // as far as they were read
  bool show_notice = false;  // the notice is due now
  bool ask = false;          // the prompt is due now
};

/// "on", "local" or "off".
const char* verdict_name(Verdict) noexcept;

/// Applies the rules to the options, the arguments (without the program's name), the environment and the two files.
/// `problem` is the author's mistake, if any. `state` is what earlier runs have stored, requested only if a rule needs
/// it.
Consent decide(const Options&, const std::vector<std::string>& arguments, const std::string& problem,
               const std::function<const State&()>& state);

/// Whether a waiting report may be sent now: its rule is applied again, to the same files that the run looked at. Rules
/// 6, 9 and 12 need their yes to be still there; the others only need that nobody has said no since.
enum class Leave { allowed, withdrawn, unclear };  // unclear: it waits until somebody fixes the problem in `why`
struct Permission {
  Leave leave = Leave::unclear;
  std::string why{};
};
Permission permission_for(const Envelope&, const State&);

/// The prefixes of an app's variables: environment_prefix(), and, if that has a `_` before a digit, the plain one,
/// which no shell can set, but `env` and other program starters can. A "no" counts under either.
std::vector<std::string> prefixes_of_no(std::string_view app);

/// The text for rule 1 when running in somebody else's home.
std::string anothers_home(const std::filesystem::path& home);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
