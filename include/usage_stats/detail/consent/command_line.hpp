#pragma once
// How a user types the command that this program answers, for all texts that name it.

#include <string>

#include "../../options.hpp"
#include "../base/command_line.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Remembers, for all texts of this process, that the program answers Options::command; argv[0] is how it was called.
void remember_command(const Options&, int argc, const char* const* argv) noexcept;

/// What a user types in front of a subcommand, "mytool usage-stats"; empty where this program answers no command. Where
/// a shell that looks the name up would not find this very program, "./mytool usage-stats", or its path; quoted if need
/// be. It is looked up here, so that only who reads advice pays for it.
std::string typed_command(const Options&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
