// What cannot be done now is said at once, and holds nobody up.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("misleading waits: `send` on a disk that takes nothing says so, and does not wait for anybody") {
  SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string folder = sandbox.usage_folder().string();
  Command command =
      sandbox.command("reporter", {"--url", dead.url(), "--unattended", "on", "--as", "usage-stats", "send"});
  const std::string program = command.program.string();
  command.program = "unshare";
  command.arguments.insert(command.arguments.begin(),
                           {"--mount", "--map-root-user", "sh", "-c",
                            "mount --bind '" + folder + "' '" + folder + "' && mount -o remount,bind,ro '" + folder +
                                "' || exit 77; exec \"$0\" \"$@\"",
                            program});
  const auto start = Clock::now();
  const Result result = run(command);
  if (result.exit_code == 77 || result.err.find("unshare") == 0) {
    MESSAGE("skipped: this machine allows no mounts of one's own");
    return;
  }
  CHECK(Clock::now() - start < std::chrono::seconds(10));
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("Read-only file system") != std::string::npos);
  CHECK(result.err.find("another process") == std::string::npos);
}

TEST_CASE("misleading waits: a state.json that a stopped process holds takes no run more than 20 ms") {
  using namespace usage_stats::detail;
  const Server server;
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  std::error_code error;
  auto storage = Storage::open(sandbox.usage_folder(), "reporter", false, error);
  REQUIRE(storage);
  os::LockedFile::Outcome outcome{};
  const auto held = os::LockedFile::acquire(storage->folder(), "state.json", false, outcome, error);
  REQUIRE(held);
  auto start = Clock::now();
  CHECK(storage->update_state([](State&) {}) == std::errc::timed_out);
  CHECK(Clock::now() - start < std::chrono::milliseconds(100));  // 15 of them, and a slow machine
  storage->be_patient();
  start = Clock::now();
  CHECK(storage->update_state([](State&) {}) == std::errc::timed_out);
  CHECK(Clock::now() - start >= std::chrono::milliseconds(200));
}
