#pragma once
// The wall clock, in UTC.

#include <chrono>
#include <cstdint>
#include <string>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

using Seconds = std::int64_t;  // since the epoch, UTC
Seconds now_seconds();
/// "2026-11-22T08:00:00.123Z" (RFC 3339).
std::string timestamp(std::chrono::system_clock::time_point);

/// A date of the Gregorian calendar.
struct Date {
  std::int64_t year = 0, month = 0, day = 0;
};
/// Days since 1970-01-01, and back.
std::int64_t days_of(const Date&) noexcept;
Date date_of(std::int64_t days) noexcept;

}  // namespace detail
USAGE_STATS_END_NAMESPACE
