#pragma once
// Where a process that was started as an uploader begins its work, before main. This is all that a program linked with
// the library needs to see of sending.

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// If this process was started as an uploader, does that work and ends the process; otherwise returns immediately. The
/// header calls it before main; if USAGE_STATS_NO_UPLOADER_HOOK is defined, call it first thing in main.
void run_uploader() noexcept;

namespace detail {
/// What the hook calls before main, with its own address: only code of the main executable may start it again.
void start_if_asked(const void* hook) noexcept;

}  // namespace detail
USAGE_STATS_END_NAMESPACE

#if !defined(USAGE_STATS_NO_UPLOADER_HOOK) && !defined(USAGE_STATS_IMPLEMENTATION)
USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
// One for each translation unit; the first one decides. It runs before the program's own global objects are
// constructed, so that in the uploader none of those does its work a second time.
#if defined(__GNUC__) && (defined(__clang__) || !defined(__APPLE__))  // GCC refuses a priority for macOS
__attribute__((constructor(101))) static void uploader_hook() noexcept {
  start_if_asked(reinterpret_cast<const void*>(&uploader_hook));
}
#elif defined(_MSC_VER)
inline void __cdecl uploader_hook() noexcept { start_if_asked(reinterpret_cast<const void*>(&uploader_hook)); }
// The runtime calls the functions in .CRT$XCA to .CRT$XCZ in the order of these names; global objects are in .CRT$XCU.
#pragma section(".CRT$XCT", long, read)
__declspec(allocate(".CRT$XCT")) static void(__cdecl* const volatile uploader_hook_entry)() = &uploader_hook;
// Because a global object's constructor reads it, the linker does not drop it as unused.
static const bool uploader_hook_ran = uploader_hook_entry != nullptr;
#else
inline void uploader_hook() noexcept {}
static const bool uploader_hook_ran = (start_if_asked(reinterpret_cast<const void*>(&uploader_hook)), true);
#endif
}  // namespace detail
USAGE_STATS_END_NAMESPACE
#endif
