// What a run has recorded, when a thread that reads it does not go on.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace us = usage_stats::detail;

namespace {

std::atomic<bool> interrupted{false}, held{false}, over{false};

/// Ends also by itself: the thread may hold a lock of the allocator's, too.
void hold(int) {
  using Clock = std::chrono::steady_clock;
  interrupted = true;
  for (const auto latest = Clock::now() + std::chrono::seconds(10); held && Clock::now() < latest;)
    std::this_thread::yield();
}

}  // namespace

TEST_CASE("recorder: while a thread that reads it cannot go on, nothing is added to a report, and the caller knows") {
  us::Recorder recorder("salt", {});
  recorder.fail(us::RunStatus::failed, std::vector<us::ErrorLink>(1000, {"a type", "a message", true}));
  REQUIRE(recorder.close({}));

  struct sigaction action = {};
  struct sigaction former = {};
  action.sa_handler = hold;
  REQUIRE(::sigaction(SIGUSR1, &action, &former) == 0);
  over = false;
  std::thread reader([&] {
    for (us::Report report; !over;) static_cast<void>(recorder.add_to(report, {}));  // nearly always under the lock
  });
  bool added = true, complete = true;
  for (int attempt = 0; complete && attempt < 1000; ++attempt) {
    interrupted = false;
    held = true;
    ::pthread_kill(reader.native_handle(), SIGUSR1);
    while (!interrupted) std::this_thread::yield();
    us::Report last;
    added = recorder.add_to(last, {});
    complete = last.outcome.status == us::RunStatus::failed;
    held = false;
  }
  CHECK_FALSE(complete);
  CHECK_FALSE(added);
  over = true;
  reader.join();
  ::sigaction(SIGUSR1, &former, nullptr);

  us::Report last;
  CHECK(recorder.add_to(last, {}));
  CHECK(last.outcome.status == us::RunStatus::failed);
  CHECK(last.outcome.error.size() == 1000);
}
