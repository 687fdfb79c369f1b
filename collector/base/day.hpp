#pragma once
// Days as numbers: those since 1970-01-01, UTC. Weeks begin on Monday.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace collector {

using Day = std::int64_t;

inline Day today() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count() /
         86400;
}

struct Date {
  std::int64_t year;
  unsigned month, day;
};

// Howard Hinnant's civil_from_days and days_from_civil.
inline Date date_of(Day day) {
  day += 719468;
  const Day era = (day >= 0 ? day : day - 146096) / 146097;
  const Day of_era = day - era * 146097;
  const Day year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const Day of_year = of_era - (365 * year + year / 4 - year / 100);
  const Day shifted = (5 * of_year + 2) / 153;
  const auto month = static_cast<unsigned>(shifted < 10 ? shifted + 3 : shifted - 9);
  return {year + era * 400 + (month <= 2 ? 1 : 0), month, static_cast<unsigned>(of_year - (153 * shifted + 2) / 5 + 1)};
}
inline Day day_of(Date date) {
  const Day year = date.year - (date.month <= 2 ? 1 : 0);
  const Day era = (year >= 0 ? year : year - 399) / 400;
  const Day of_era = year - era * 400;
  const Day of_year = (153 * (Day{date.month} + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// "2026-11-29".
inline std::string text_of(Day day) {
  const Date date = date_of(day);
  char text[40];
  std::snprintf(text, sizeof text, "%04lld-%02u-%02u", static_cast<long long>(date.year), date.month, date.day);
  return text;
}
/// Of a text that begins with a date that exists.
inline std::optional<Day> parse_day(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  int number[3] = {0, 0, 0};
  for (std::size_t i = 0, part = 0; i < 10; ++i) {
    if (i == 4 || i == 7) {
      ++part;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number[part] = number[part] * 10 + (text[i] - '0');
  }
  const Day day = day_of({number[0], static_cast<unsigned>(number[1]), static_cast<unsigned>(number[2])});
  if (text_of(day) != text.substr(0, 10)) return std::nullopt;
  return day;
}

enum class Period { day, week, month };

/// The first day of the day's period, and of the next one.
inline Day begin_of(Period period, Day day) {
  if (period == Period::day) return day;
  if (period == Period::week) return day - (day + 3) % 7;
  const Date date = date_of(day);
  return day - (date.day - 1);
}
inline Day end_of(Period period, Day day) {
  if (period != Period::month) return begin_of(period, day) + (period == Period::day ? 1 : 7);
  return begin_of(Period::month, begin_of(Period::month, day) + 31);
}

/// Installations have their days until then: a month, or a week that begins in it, may not have ended.
inline Day last_day_of_presence() { return begin_of(Period::week, begin_of(Period::month, today())); }

}  // namespace collector
