#pragma once
// Build switches and the few macros that declarations need. Everything here except the documented switches is undefined
// again at the end of <usage_stats.hpp>.
//
// Switches an author may define before including (or, better, for the whole program):
//   USAGE_STATS_DISABLED          the same interface, empty: no code, no dependency
//   USAGE_STATS_COMPILED          declarations only; link usage_stats::compiled, which defines it
//   USAGE_STATS_NO_HTTPLIB        does not include httplib; the system's curl sends
//   USAGE_STATS_NO_UPLOADER_HOOK  runs nothing before main; call run_uploader() first thing in main
// (USAGE_STATS_DEBUG is an environment variable, not a macro.)

#include "version.hpp"

#if defined(USAGE_STATS_COMPILED)
#define USAGE_STATS_INLINE
#define USAGE_STATS_ENTRY_INLINE
#else
#define USAGE_STATS_INLINE inline
#define USAGE_STATS_ENTRY_INLINE inline
#endif

// USAGE_STATS_INLINE for what a run does once, or never: it is optimised for size, and placed apart from the rest. The
// compiler also treats a host function as cold if every path through it calls a cold function. So nothing that the host
// calls may be cold (USAGE_STATS_ENTRY_INLINE), nor call something cold on every path.
#if defined(__GNUC__) && defined(USAGE_STATS_COMPILED)
#define USAGE_STATS_COLD_INLINE __attribute__((cold))
#elif defined(__GNUC__)
#define USAGE_STATS_COLD_INLINE __attribute__((cold)) inline
#elif defined(USAGE_STATS_COMPILED)
#define USAGE_STATS_COLD_INLINE
#else
#define USAGE_STATS_COLD_INLINE inline
#endif

// The members that a compiler would generate, defined in one place: for a struct of twenty strings it would expand them
// wherever one is moved, 1 to 2 KB each time. `quiet`: whether a move cannot throw.
// NOLINTBEGIN(bugprone-macro-parentheses): `type` names a type
#define USAGE_STATS_SPECIAL_MEMBERS(type, quiet) \
  type();                                        \
  type(const type&);                             \
  type(type&&) noexcept(quiet);                  \
  type& operator=(const type&);                  \
  type& operator=(type&&) noexcept(quiet);       \
  ~type()
#define USAGE_STATS_DEFINE_SPECIAL_MEMBERS(type, quiet)                            \
  USAGE_STATS_COLD_INLINE type::type() = default;                                  \
  USAGE_STATS_COLD_INLINE type::type(const type&) = default;                       \
  USAGE_STATS_COLD_INLINE type::type(type&&) noexcept(quiet) = default;            \
  USAGE_STATS_COLD_INLINE type& type::operator=(const type&) = default;            \
  USAGE_STATS_COLD_INLINE type& type::operator=(type&&) noexcept(quiet) = default; \
  USAGE_STATS_COLD_INLINE type::~type() = default
// NOLINTEND(bugprone-macro-parentheses)

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define USAGE_STATS_EXCEPTIONS 1
#define USAGE_STATS_TRY try
#define USAGE_STATS_CATCH_ALL catch (...)
#else
#define USAGE_STATS_EXCEPTIONS 0
#define USAGE_STATS_TRY if constexpr (true)
#define USAGE_STATS_CATCH_ALL else
#endif

// One program may contain two vendored copies of different versions, or translation units with different switches: each
// gets its own symbols, so that the linker cannot mix their definitions.
#define USAGE_STATS_JOIN_(a, b, c, mode) v##a##_##b##_##c##mode
#define USAGE_STATS_JOIN(a, b, c, mode) USAGE_STATS_JOIN_(a, b, c, mode)
#if defined(USAGE_STATS_DISABLED)
#define USAGE_STATS_MODE _disabled
#elif defined(USAGE_STATS_COMPILED)
#define USAGE_STATS_MODE _compiled
#elif defined(USAGE_STATS_NO_HTTPLIB) && USAGE_STATS_EXCEPTIONS
#define USAGE_STATS_MODE _curl
#elif defined(USAGE_STATS_NO_HTTPLIB)
#define USAGE_STATS_MODE _curl_noexceptions
#elif USAGE_STATS_EXCEPTIONS
#define USAGE_STATS_MODE _httplib
#else
#define USAGE_STATS_MODE _httplib_noexceptions
#endif
#define USAGE_STATS_ABI \
  USAGE_STATS_JOIN(USAGE_STATS_VERSION_MAJOR, USAGE_STATS_VERSION_MINOR, USAGE_STATS_VERSION_PATCH, USAGE_STATS_MODE)

// Warnings that authors may turn on for their own code, but whose style this code does not follow: a comma before a
// return value; a switch without a default that has a case for each enumerator, so that a new one is noticed; "struct
// flock", to distinguish it from flock().
#if defined(__clang__)
#define USAGE_STATS_BEGIN_WARNINGS \
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wcomma\"") USAGE_STATS_SWITCHES
#define USAGE_STATS_END_WARNINGS _Pragma("clang diagnostic pop")
#if __has_warning("-Wswitch-default")
#define USAGE_STATS_SWITCHES _Pragma("clang diagnostic ignored \"-Wswitch-default\"")
#else
#define USAGE_STATS_SWITCHES
#endif
#elif defined(__GNUC__)
#define USAGE_STATS_BEGIN_WARNINGS \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wswitch-default\"") USAGE_STATS_TAGS
#define USAGE_STATS_END_WARNINGS _Pragma("GCC diagnostic pop")
#if __GNUC__ >= 10
#define USAGE_STATS_TAGS _Pragma("GCC diagnostic ignored \"-Wredundant-tags\"")
#else
#define USAGE_STATS_TAGS
#endif
#elif defined(_MSC_VER)  // it warns about alignas doing what it is for, and about functions of the C standard
#define USAGE_STATS_BEGIN_WARNINGS __pragma(warning(push)) __pragma(warning(disable : 4324 4996))
#define USAGE_STATS_END_WARNINGS __pragma(warning(pop))
#else
#define USAGE_STATS_BEGIN_WARNINGS
#define USAGE_STATS_END_WARNINGS
#endif

#define USAGE_STATS_BEGIN_NAMESPACE \
  USAGE_STATS_BEGIN_WARNINGS        \
  namespace usage_stats {           \
  inline namespace USAGE_STATS_ABI {
#define USAGE_STATS_END_NAMESPACE \
  }                               \
  }                               \
  USAGE_STATS_END_WARNINGS
