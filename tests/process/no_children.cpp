// A host that waits for its own children finds those, and no other.
#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"

TEST_CASE("no children: the host's wait() and SIGCHLD know nothing of an uploader") {
  for (const char* const when : {"ended", "interim"}) {
    CAPTURE(when);
    Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
    const Sandbox sandbox;
    Command command = sandbox.command("children", {server.url(), when});
    command.environment["CHILDREN_USAGE_STATS_ENABLED"] = "1";
    command.open_input = true;
    Process host(command);
    server.wait_for(1);
    CHECK(sandbox.uploaders().size() == 1);
    host.close_input();
    const Result result = host.wait();
    CHECK(result.exit_code == 0);
#ifdef USAGE_STATS_SANITIZED
    MESSAGE("skipped: under a sanitizer the uploader, or who starts it, is a child");
#else
    CHECK(result.out == "the worker, nobody, 1\n");
#endif
  }
}
