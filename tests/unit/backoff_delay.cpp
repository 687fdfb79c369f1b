#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>

using usage_stats::detail::backoff_delay;

TEST_CASE("backoff delay: it doubles to a day, with a jitter that differs from run to run") {
  CHECK(backoff_delay(1, {}, 0).count() == 60);
  CHECK(backoff_delay(2, {}, 0).count() == 120);
  CHECK(backoff_delay(10, {}, 0).count() == 512 * 60);
  CHECK(backoff_delay(12, {}, 0).count() == 24 * 3600);
  CHECK(backoff_delay(1000, {}, 0xffffffff).count() == 24 * 3600);
  CHECK(backoff_delay(1, {}, 512).count() > 60);
  for (unsigned seed = 0; seed < 4096; seed += 7) CHECK(backoff_delay(1, {}, seed).count() <= 75);
}

TEST_CASE("backoff delay: a server that never has time is not asked each second for ever") {
  using std::chrono::seconds;
  CHECK(backoff_delay(1, seconds(1), 0).count() == 1);
  CHECK(backoff_delay(5, seconds(0), 0).count() == 1);
  CHECK(backoff_delay(5, seconds(100000), 0).count() == 24 * 3600);
  CHECK(backoff_delay(6, seconds(1), 0).count() == 32 * 60);
  CHECK(backoff_delay(6, seconds(4000), 0).count() == 4000);
}
