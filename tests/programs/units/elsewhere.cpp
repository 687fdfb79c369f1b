#include "elsewhere.hpp"

#include <usage_stats.hpp>

#include <cstdio>

namespace us = usage_stats;

namespace {
// The same name as in main.cpp, for another thing: in one version of the library that would be a mistake.
#if defined(UNITS_OF_TWO_VERSIONS)
const us::Field<bool> where{"where", "whether it was elsewhere"};
constexpr bool here = true;
#else
const us::Field<us::Text> where{"where", "which source file it was"};
constexpr const char* here = "elsewhere";
#endif
}  // namespace

int call_elsewhere(const char* url) {
  us::Options options("elsewhere", "2.0.0", url);
  options.unattended = us::Unattended::on;
  options.delivery = us::Delivery::wait;
  options.wait_limit = std::chrono::seconds(30);
  us::TelemetrySession session(options);
  session.set(where, here);
  std::printf("elsewhere %d.%d.%d\n", USAGE_STATS_VERSION_MAJOR, USAGE_STATS_VERSION_MINOR, USAGE_STATS_VERSION_PATCH);
  return session.exit_code(7);
}
