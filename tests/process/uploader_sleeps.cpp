// An uploader that waits for further reports sleeps until one arrives.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

/// How often the process has gone to sleep; negative when it is gone.
long sleeps_of(pid_t process) {
  std::ifstream lines("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(lines, line);)
    if (line.compare(0, 24, "voluntary_ctxt_switches:") == 0) return std::stol(line.substr(24));
  return -1;
}

}  // namespace

#if defined(__linux__)
TEST_CASE("uploader sleeps: at most ten times in a stay is it awake, and a report that comes is sent at once") {
  const Server server;
  const Sandbox sandbox;
  const std::vector<std::string> arguments{"--url", server.url(), "--unattended", "on"};
  CHECK(sandbox.run("reporter", arguments).exit_code == 0);
  server.wait_for(1);
  REQUIRE(wait_until([&] { return sandbox.pending().empty(); }));
  const pid_t uploader = sandbox.has_lock();
  REQUIRE(uploader > 0);
  const long before = sleeps_of(uploader);
  REQUIRE(before >= 0);
  long last = before;
  wait_until([&] {
    const long now = sleeps_of(uploader);
    last = now < 0 ? last : now;
    return now < 0 || sandbox.has_lock() == 0;
  });
#if !defined(USAGE_STATS_SANITIZED)
  CHECK(last - before <= 10 + 8);  // ... and what it does before and after: requests, waits for the disk
#endif
  CHECK(last - before >= 1);
}
#endif
