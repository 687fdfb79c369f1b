#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "uploader_watch.hpp"
#include "waiting.hpp"

namespace {

#ifdef USAGE_STATS_SANITIZED  // of several that are started under TSan, each finds out for itself that there is another
constexpr std::size_t most_alive = 4;
#else
constexpr std::size_t most_alive = 1;
#endif

std::vector<std::string> detached(const std::string& url) { return {"--url", url, "--unattended", "on"}; }

}  // namespace

TEST_CASE("single uploader: a loop of runs starts a handful, of which one at a time lives") {
  Server server;
  Sandbox sandbox;
  UploaderWatch watch(sandbox);
  for (int i = 0; i < 60; ++i) CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
  CHECK(server.wait_for(60).size() == 60);
  watch.end();
  CHECK(watch.all() >= 1);
  CHECK(watch.all() <= 5);
  CHECK(watch.most_at_once() <= most_alive);
}

TEST_CASE("single uploader: runs at the same time have each their report sent once, by one") {
  Server server;
  Sandbox sandbox;
  UploaderWatch watch(sandbox);
  std::vector<std::thread> running;
  for (int i = 0; i < 4; ++i)
    running.emplace_back([&] {
      for (int n = 0; n < 15; ++n) sandbox.run("reporter", detached(server.url()));
    });
  for (std::thread& thread : running) thread.join();
  std::set<std::string> keys;
  for (const ReceivedRequest& request : server.wait_for(60)) keys.insert(request.header("Idempotency-Key"));
  CHECK(keys.size() == 60);
  CHECK(wait_until([&] { return sandbox.pending().empty(); }));
  CHECK(sandbox.wait_for_no_uploader());
  watch.end();
  CHECK(watch.most_at_once() <= most_alive);
  CHECK(server.requests().size() == 60);
}

TEST_CASE("single uploader: while one is being started, no other is") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  // It lingers at a call of its own, before it can look at the folder.
  const std::vector<std::string> lingering{"-f", "-o", sandbox.root() / "calls", "-e",
                                           "inject=setpriority:delay_enter=1000000"};
  Process first(under_strace(sandbox.command("reporter", detached(server.url())), lingering));
  CHECK(wait_until([&] { return !sandbox.uploaders().empty(); }));
  Command second = sandbox.command("reporter", detached(server.url()));
  second.environment["USAGE_STATS_DEBUG"] = "1";
  const Result result = run(second);
  CHECK(result.exit_code == 0);
  CHECK(result.err.find("an uploader is at work already") != result.err.npos);
  CHECK(sandbox.uploaders().size() == 1);
  CHECK(server.wait_for(2).size() == 2);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(first.wait().exit_code == 0);
}

TEST_CASE("single uploader: it stays for what comes soon, and only for that") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", detached(server.url()));
  server.wait_for(1);
  const std::vector<pid_t> first = sandbox.uploaders();
  CHECK(first.size() == 1);
  sandbox.run("reporter", detached(server.url()));
  server.wait_for(2);
  CHECK(sandbox.uploaders() == first);
  CHECK(sandbox.wait_for_no_uploader(std::chrono::seconds(10)));
}
