#pragma once
// `mytool usage-stats ...`: what a user can see, stop and delete (section 10 of the design).

#include <optional>

#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Answers when the first arguments are the words of Options::command (`usage-stats`), on standard output, and returns
/// the exit code: 0 done, 1 failed, 2 usage. Returns nothing for other arguments, and where that option is empty.
/// Sessions made from main's own argc and argv call it themselves. For programs whose sessions are made in another way:
/// call it first in main. From then on the texts of this process take it that the program answers the command.
std::optional<int> handle_command(const Options&, int argc, const char* const* argv) noexcept;

USAGE_STATS_END_NAMESPACE
