#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "uploader_watch.hpp"

TEST_CASE("a thousand runs: a thousand runs in a loop: each is reported once, by few uploaders, and none remains") {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t runs = 1000;
  Server server;
  Sandbox sandbox, reference;
  auto start = Clock::now();
  reference.run("reporter", {"--url", server.url(), "--unattended", "on"});
  CHECK(reference.wait_for_no_uploader());
  const auto after_one_run = Clock::now() - start;  // a second or two on a machine with nothing else to do

  Command loop = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on"});
  loop.arguments.insert(
      loop.arguments.begin(),
      {"-c", "for i in $(seq " + std::to_string(runs) + "); do \"$0\" \"$@\" || exit 1; done", loop.program.string()});
  loop.program = "/bin/sh";
  loop.time_limit = std::chrono::seconds(200);  // for the slowest of machines; a tenth of it will do
  UploaderWatch watch(sandbox);
  start = Clock::now();
  CHECK(run(loop).exit_code == 0);
  const bool in_one_life = Clock::now() - start < std::chrono::seconds(40);
  start = Clock::now();
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(Clock::now() - start < 2 * after_one_run + std::chrono::seconds(10));  // what is left is sent first
  watch.end();

  std::set<std::string> keys;
  for (const ReceivedRequest& request : server.requests()) keys.insert(request.header("Idempotency-Key"));
  CHECK(keys.size() == runs + 1);
  CHECK(server.requests().size() == runs + 1);
  CHECK(watch.most_at_once() <= (in_one_life ? 1U : 2U));  // one that has come to its limit starts the next
  CHECK(watch.all() <= 10);
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.active().empty());
}
