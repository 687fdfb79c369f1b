#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>

TEST_CASE("ticker: ticks do not drift, and those that were slept through are not made up for") {
  using Clock = std::chrono::steady_clock;
  using std::chrono::seconds;
  using usage_stats::detail::Ticker;
  const Clock::time_point origin{seconds(1000)};
  CHECK(Ticker::next(origin, seconds(60), origin - seconds(1)) == origin);
  CHECK(Ticker::next(origin, seconds(60), origin) == origin + seconds(60));
  CHECK(Ticker::next(origin, seconds(60), origin + seconds(59)) == origin + seconds(60));
  CHECK(Ticker::next(origin, seconds(60), origin + seconds(61)) == origin + seconds(120));
  CHECK(Ticker::next(origin, seconds(60), origin + seconds(100000)) == origin + seconds(100020));
}
