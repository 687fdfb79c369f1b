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

/// Before main: checks whether there is a standard error. If not, whatever has its number later must not receive
/// messages.
void note_standard_error() noexcept;
/// Writes to standard error in one piece; false if it did not take all of it. SIGPIPE cannot arise from it.
bool write_to_standard_error(std::string_view text) noexcept;
/// The same for messages that nobody waits for: if standard error accepts nothing now (a full pipe, a stopped
/// terminal), false immediately; if it accepts a part, within 100 ms.
bool offer_to_standard_error(std::string_view text) noexcept;
/// Whether all three are open: otherwise a socket would get the number of one, and the host's output.
bool has_standard_streams() noexcept;

/// Whether this process is in its terminal's foreground; a background job is not.
bool in_foreground() noexcept;
/// Whether a question would get an answer that was not meant for it: something is typed ahead, be it half a line, or
/// the terminal is not in line mode. Reads nothing.
bool input_waiting() noexcept;
/// Reads one line without its line break, and not a byte more; nothing at the end of input, after `limit`, or when a
/// host signal handler has run. Changes neither the terminal nor signal handling: Ctrl-C kills as usual.
std::optional<std::string> read_line(std::chrono::milliseconds limit);
/// Columns of the terminal that is standard error; 0: unknown.
int terminal_columns() noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
