#pragma once

#include <cstdio>

#include "time.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE Seconds now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

USAGE_STATS_INLINE std::string timestamp(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const std::int64_t total_ms = duration_cast<milliseconds>(time.time_since_epoch()).count();
  const std::int64_t ms = ((total_ms % 1000) + 1000) % 1000, seconds_in_all = (total_ms - ms) / 1000;
  const std::int64_t second_of_day = ((seconds_in_all % 86400) + 86400) % 86400;
  // Days to a date of the Gregorian calendar, counted in eras of 400 years from 1 March 0000; gmtime_r and gmtime_s
  // are neither standard nor the same everywhere.
  const std::int64_t days = (seconds_in_all - second_of_day) / 86400 + 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097, day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153, day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(year),
                static_cast<int>(month), static_cast<int>(day), static_cast<int>(second_of_day / 3600),
                static_cast<int>(second_of_day / 60 % 60), static_cast<int>(second_of_day % 60), static_cast<int>(ms));
  return text;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
