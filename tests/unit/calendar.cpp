// Dates as numbers of days, and back.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <cstdint>

namespace us = usage_stats::detail;

namespace {

bool same(const us::Date& a, const us::Date& b) { return a.year == b.year && a.month == b.month && a.day == b.day; }

}  // namespace

TEST_CASE("calendar: dates that are known") {
  CHECK(us::days_of({1970, 1, 1}) == 0);
  CHECK(us::days_of({1969, 12, 31}) == -1);
  CHECK(us::days_of({2000, 2, 29}) == 11016);
  CHECK(us::days_of({2026, 11, 30}) == 20787);
  CHECK(us::days_of({0, 3, 1}) == -719468);
  CHECK(us::days_of({9999, 12, 31}) == 2932896);
}

TEST_CASE("calendar: each day is the one after the day before it, also where a century has no leap day") {
  us::Date before = us::date_of(us::days_of({-401, 12, 31}));
  for (std::int64_t day = us::days_of({-400, 1, 1}); day < us::days_of({2401, 1, 1}); ++day) {
    const us::Date date = us::date_of(day);
    REQUIRE(us::days_of(date) == day);
    const bool next_day = same(date, {before.year, before.month, before.day + 1});
    const bool next_month = same(date, {before.year, before.month + 1, 1});
    const bool next_year = same(date, {before.year + 1, 1, 1}) && before.month == 12 && before.day == 31;
    REQUIRE((next_day || next_month || next_year));
    before = date;
  }
}
