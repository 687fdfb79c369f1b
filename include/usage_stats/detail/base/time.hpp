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

}  // namespace detail
USAGE_STATS_END_NAMESPACE
