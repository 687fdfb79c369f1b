#pragma once

#include <atomic>
#include <cstdlib>

#include "../platform.hpp"
#include "loaded.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

using ExitFunction = void (*)(std::optional<int>) noexcept;

USAGE_STATS_INLINE std::atomic<ExitFunction>& exit_function() noexcept {
  static std::atomic<ExitFunction> function{nullptr};
  return function;
}

USAGE_STATS_INLINE void ending(std::optional<int> code) noexcept {
  if (const ExitFunction function = exit_function().load()) function(code);
}

}  // namespace posix

USAGE_STATS_INLINE bool exit_code_is_told() noexcept {
#if defined(__GLIBC__)
  // The C library would call on_exit's function even after its code has been unloaded.
  return in_main_executable(reinterpret_cast<const void*>(&posix::ending));
#else
  return false;
#endif
}

USAGE_STATS_INLINE bool at_exit(void (*function)(std::optional<int>) noexcept) noexcept {
  posix::exit_function() = function;
#if !defined(__APPLE__)
  static std::atomic<bool> quick{false};
  if (!quick.exchange(true)) static_cast<void>(std::at_quick_exit([] { posix::ending(std::nullopt); }));
#endif
#if defined(__GLIBC__)
  if (exit_code_is_told()) return ::on_exit([](int code, void*) { posix::ending(code); }, nullptr) == 0;
#endif
  return std::atexit([] { posix::ending(std::nullopt); }) == 0;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
