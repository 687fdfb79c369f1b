// How long a change of state.json waits for a process that holds it.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>
#include <system_error>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace us = usage_stats::detail;

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("state lock: a state.json that a stopped process holds takes no run more than 20 ms") {
  const Server server;
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  std::error_code error;
  auto storage = us::Storage::open(sandbox.usage_folder(), "reporter", false, error);
  REQUIRE(storage);
  us::os::LockedFile::Attempt outcome{};
  const auto held = us::os::LockedFile::acquire(storage->folder(), "state.json", false, outcome, error);
  REQUIRE(held);
  auto start = Clock::now();
  CHECK(storage->update_state([](us::State&) {}) == std::errc::timed_out);
  CHECK(Clock::now() - start < std::chrono::milliseconds(100));  // 15 of them, and a slow machine
  storage->be_patient();
  start = Clock::now();
  CHECK(storage->update_state([](us::State&) {}) == std::errc::timed_out);
  CHECK(Clock::now() - start >= std::chrono::milliseconds(200));
}
