#pragma once
// Where in memory this library is: in the program itself, or in a DLL that its host may unload.

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  HMODULE module = nullptr;
  constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  return ::GetModuleHandleExW(flags, static_cast<const wchar_t*>(code), &module) != 0 &&
         module == ::GetModuleHandleW(nullptr);
}

USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }

USAGE_STATS_INLINE void note_own_file() noexcept {}
USAGE_STATS_INLINE void keep_loaded() noexcept {
  HMODULE module = nullptr;
  constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
  ::GetModuleHandleExW(flags, reinterpret_cast<const wchar_t*>(&keep_loaded), &module);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
