#pragma once
// Ends of the process that run no destructor.

#include <optional>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Calls `function` when the process ends by std::exit or a return from main (with the exit code if the C library
/// provides it: glibc), or by std::quick_exit (without). From code that is not part of the main executable: without the
/// exit code, and also when that code is unloaded. May be called again with the same function, even while the process
/// is ending: it is then called once more. False if there is no room.
bool at_exit(void (*function)(std::optional<int>) noexcept) noexcept;
/// Whether at_exit() provides the exit code.
bool exit_code_is_told() noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
