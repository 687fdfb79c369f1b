#pragma once
// What a user types to run this program's command, for all messages that mention it.

#include <string>

#include "../../options.hpp"
#include "../base/command_line.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Remembers, for all messages of this process, that the program answers Options::command; argv[0] is how it was
/// called.
void remember_command(const Options&, int argc, const char* const* argv) noexcept;

/// What a user types before a subcommand, "mytool usage-stats"; empty if this program does not answer the command. If a
/// shell that looks up the name would not find this very program: "./mytool usage-stats", or its path; quoted if
/// necessary. The lookup is done here, so that it costs time only when advice is printed.
std::string typed_command(const Options&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
