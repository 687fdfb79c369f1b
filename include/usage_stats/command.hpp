#pragma once
// `mytool usage-stats ...`: what a user can see, stop and delete (section 10 of the design).

#include <optional>

#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Answers when argv[1] is `usage-stats`, on standard output, and returns the exit code: 0 done, 1 failed, 2 usage.
/// Returns nothing for any other argument; call it first in main.
std::optional<int> handle_command(const Options&, int argc, const char* const* argv) noexcept;

USAGE_STATS_END_NAMESPACE
