#pragma once
// What machine this is: the `system` and `build` parts of a report. Nothing here identifies a person, a host or a
// network.

#include <cstdint>
#include <string>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct System {
  USAGE_STATS_SPECIAL_MEMBERS(System, true);

  std::string os, os_version, kernel, arch, libc;  // empty: unknown
  unsigned cpus = 0;                               // 0: unknown
  std::uint64_t memory_gb = 0;                     // rounded to a power of two; 0: unknown
  bool ci = false, container = false, interactive = false;
};

struct Build {
  std::string compiler;   // "GCC 12.2.0"
  int cxx_standard = 17;  // 17, 20, 23
  std::string type;       // "release" (NDEBUG) or "debug"
};

/// The system this process runs on, now.
System this_system();
/// How this library was compiled (in compiled mode: the library, not the program).
Build this_build();
/// Whether this runs under continuous integration, judging by the variables that known systems set.
bool in_ci();
/// Standard input and error are terminals, TERM is not "dumb", and this is not CI.
bool interactive();

}  // namespace detail
USAGE_STATS_END_NAMESPACE
