#pragma once
/// @file
/// `mytool usage-stats ...`: what a user can see, stop and delete.

#include <optional>

#include "options.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// Answers the command if the first arguments are the words of Options::command (`usage-stats`): writes to standard
/// output and returns the exit code, 0 done, 1 failed, 2 usage. Returns nothing for other arguments, or if that option
/// is empty. A session created from main's own argc and argv calls it itself; programs that create their sessions
/// differently should call it first thing in main. From then on, notices in this process mention the command.
std::optional<int> handle_command(const Options&, int argc, const char* const* argv) noexcept;

USAGE_STATS_END_NAMESPACE
