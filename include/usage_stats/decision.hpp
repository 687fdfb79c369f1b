#pragma once
// What was decided about a run: whether anything is collected, and why.

#include <string>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// May this program collect? off: nothing at all; local: reports that stay on this machine; on: reports that are sent.
enum class Verdict { off, local, on };

/// The verdict, the number of the rule that decided, and why, in words: "MYTOOL_NO_TELEMETRY is set".
struct Decision {
  Verdict verdict = Verdict::off;
  int rule = 0;
  std::string why{};
};

USAGE_STATS_END_NAMESPACE
