#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "sandbox.hpp"
#include "server.hpp"

TEST_CASE("exit codes: a report has the code that the shell sees, which is the lowest byte") {
  for (const auto& [code, seen] : {std::pair{0, 0}, {3, 3}, {255, 255}, {256, 0}, {257, 1}, {-1, 255}, {512, 0}})
    for (const char* const how : {"--exit", "--std-exit"}) {
      CAPTURE(code);
      CAPTURE(std::string(how));
      const Sandbox sandbox;
      const Result result =
          sandbox.run("reporter", {"--unattended", "local", "--without-run", how, std::to_string(code)});
      if (std::string(how) == "--exit" && code < 0) continue;  // to the reporter that is no code
      CHECK(result.exit_code == seen);
      const auto outcome = sandbox.report()["outcome"];
      CHECK(outcome["exit_code"] == seen);
      CHECK(outcome["status"] == (seen == 0 ? "ok" : "failed"));
    }
}
