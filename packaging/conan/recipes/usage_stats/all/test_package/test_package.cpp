#include <usage_stats.hpp>

#include <cstdio>

// Takes part in a build of the package: nothing is recorded, whatever this machine says.
int main() {
  usage_stats::Options options("test_package", "1.0");
  options.official_build = false;
  usage_stats::TelemetrySession session(options);
  std::printf("usage_stats %d.%d.%d: %s\n", USAGE_STATS_VERSION_MAJOR, USAGE_STATS_VERSION_MINOR,
              USAGE_STATS_VERSION_PATCH, session.decision().why.c_str());
  return session.exit_code(session.enabled() || !session.problem().empty() ? 1 : 0);
}
