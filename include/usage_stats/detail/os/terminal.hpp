#pragma once
// The three standard streams, and the terminal behind them.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Whether the standard stream (0, 1, 2) is open.
bool is_open(int stream) noexcept;
/// Whether the standard stream (0, 1, 2) is a terminal.
bool is_terminal(int stream) noexcept;

/// Before main: looks whether there is a standard error. Where there is none, what has its number later is no place for
/// words.
void note_standard_error() noexcept;
/// Writes to standard error in one piece; false if it did not take all of it. SIGPIPE cannot arise from it.
bool write_to_standard_error(std::string_view text) noexcept;
/// The same for words that nobody waits for: where standard error takes nothing now (a full pipe, a stopped terminal)
/// it is false at once; where it takes a part, within 100 ms.
bool offer_to_standard_error(std::string_view text) noexcept;
/// Whether all three are open: else a socket would get the number of one, and what the host prints.
bool has_standard_streams() noexcept;

/// Whether this process is the one that its terminal talks to; a background job is not.
bool in_foreground() noexcept;
/// Whether a question would get an answer that was not meant for it: something is typed ahead, be it half a line, or
/// the terminal is not in line mode. Reads nothing.
bool input_waiting() noexcept;
/// One line without its line break, and not a byte more; nothing at its end, after `limit`, or when a signal handler of
/// the host ran. Changes neither the terminal nor what signals do: Ctrl-C kills as ever.
std::optional<std::string> read_line(std::chrono::milliseconds limit);
/// Columns of the terminal that is standard error; 0: unknown.
int terminal_columns() noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
