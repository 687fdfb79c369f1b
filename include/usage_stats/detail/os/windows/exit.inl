#pragma once

#include <atomic>
#include <cstdlib>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE unsigned forks() noexcept { return 0; }
USAGE_STATS_INLINE bool exit_code_is_told() noexcept { return false; }

namespace windows {

using ExitFunction = void (*)(std::optional<int>) noexcept;

USAGE_STATS_INLINE std::atomic<ExitFunction>& exit_function() noexcept {
  static std::atomic<ExitFunction> function{nullptr};
  return function;
}

USAGE_STATS_INLINE void ending() noexcept {
  if (const ExitFunction function = exit_function().load()) function(std::nullopt);
}

}  // namespace windows

USAGE_STATS_INLINE bool at_exit(void (*function)(std::optional<int>) noexcept) noexcept {
  windows::exit_function() = function;
  return std::atexit([] { windows::ending(); }) == 0;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
