#pragma once

#include <cstdio>

#include "time.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE Seconds now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Years are counted from 1 March 0000, so that a leap day ends its year, and in eras of 400 of them; gmtime_r and
// gmtime_s are neither standard nor the same everywhere.
USAGE_STATS_INLINE std::int64_t days_of(const Date& date) noexcept {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

USAGE_STATS_INLINE Date date_of(std::int64_t days) noexcept {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097, day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

USAGE_STATS_INLINE std::string timestamp(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const std::int64_t total_ms = duration_cast<milliseconds>(time.time_since_epoch()).count();
  const std::int64_t ms = ((total_ms % 1000) + 1000) % 1000, seconds_in_all = (total_ms - ms) / 1000;
  const std::int64_t second_of_day = ((seconds_in_all % 86400) + 86400) % 86400;
  const Date date = date_of((seconds_in_all - second_of_day) / 86400);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year),
                static_cast<int>(date.month), static_cast<int>(date.day), static_cast<int>(second_of_day / 3600),
                static_cast<int>(second_of_day / 60 % 60), static_cast<int>(second_of_day % 60), static_cast<int>(ms));
  return text;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
