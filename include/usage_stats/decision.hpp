#pragma once
/// @file
/// What was decided about a run: whether anything is collected, and why.

#include <string>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Whether a run may collect.
enum class Verdict {
  off,    ///< nothing is written, sent or started
  local,  ///< the report is written on this machine and never sent, not even later
  on,     ///< the report is written, and sent
};

/// The verdict of a run, and where it comes from.
struct Decision {
  /// Whether the run may collect. Default: off.
  Verdict verdict = Verdict::off;

  /// The number of the rule that decided, 1 to 15, as docs/consent.md lists them; 0 if no rule was applied.
  int rule = 0;

  /// Why, in words: "MYTOOL_NO_TELEMETRY is set".
  std::string why{};
};

USAGE_STATS_END_NAMESPACE
