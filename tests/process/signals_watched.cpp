// Which signals are watched: by default only those that indicate a bug in the program.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

const std::string crashes = "ABRT BUS FPE ILL SEGV SYS XCPU ";
const std::string all = "ABRT BUS FPE HUP ILL INT PIPE QUIT SEGV SYS TERM XCPU ";

bool faults_are_the_sanitizers() {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer has handlers of its own");
  return true;
#else
  return false;
#endif
}

}  // namespace

TEST_CASE("signals watched: crashes by default, none, or also what others send") {
  if (faults_are_the_sanitizers()) return;
  const std::pair<const char*, std::string> cases[] = {
      {"default", crashes}, {"none", ""}, {"crashes", crashes}, {"all", all}};
  for (const auto& [which, handled] : cases) {
    CAPTURE(std::string(which));
    Sandbox sandbox;
    sandbox.environment["DISPOSITIONS_USAGE_STATS_ENABLED"] = "1";
    // Then with a second session, which watches all; then all have ended.
    CHECK(sandbox.run("dispositions", {which}).out == handled + "\n" + all + "\n\n");
  }
}

TEST_CASE("signals watched: what installs a handler of its own only where there is none finds none") {
  for (const char* const which : {"default", "none"}) {
    CAPTURE(std::string(which));
    Sandbox sandbox;
    sandbox.environment["DISPOSITIONS_USAGE_STATS_ENABLED"] = "1";
    const Result result = sandbox.run("dispositions", {which, "python"});
    CHECK(result.out == "KeyboardInterrupt\n");
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("signals watched: a death that is not watched is reported as lost by the next uploader") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    CAPTURE(number);
    Server server;
    Sandbox sandbox;
    const std::vector<std::string> base{"--url", server.url(), "--unattended", "on", "--signals", "crashes"};
    std::vector<std::string> dies = base;
    dies.insert(dies.end(), {"--raise", std::to_string(number)});
    CHECK(sandbox.run("reporter", dies).signal == number);
    CHECK(sandbox.active().size() == 1);
    CHECK(server.requests().empty());
    sandbox.run("reporter", base);
    server.wait_for(2);
    std::vector<std::string> seen;
    for (const ReceivedRequest& request : server.requests())
      seen.push_back(json::parse(request.body)["outcome"]["status"]);
    CHECK(std::count(seen.begin(), seen.end(), "lost") == 1);
    sandbox.end_uploaders();
  }
}
