// What the library does leaves errno, the floating-point environment and the signal stack as they were.
#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"

TEST_CASE("host state kept: errno, floating-point flags, the alternate signal stack") {
  Server server;
  const Sandbox sandbox;
  const Result result = sandbox.run("host_state", {server.url()});
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: the sanitizer has a signal stack of its own");
  CHECK(result.out.find("errno") == std::string::npos);
  CHECK(result.out.find("flags") == std::string::npos);
#else
  CHECK(result.out == "its own stays\n");
#endif
  CHECK(result.exit_code == 0);
}

TEST_CASE("host state kept: a host that floating-point exceptions would end meets none, and has its traps after") {
  Server server;
  const Sandbox sandbox;
  const Result result = sandbox.run("host_state", {server.url(), "traps"});
  CHECK(result.exit_code == 0);
  CHECK((result.out == "traps 1\n" || result.out == "its own stays\n"));  // a C library without traps
}
