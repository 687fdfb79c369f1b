#pragma once

#include <string>

#include "log.hpp"
#include "../os/platform.hpp"
#include "public_call.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE Log::Log(std::function<void(std::string_view)> sink) : sink_(std::move(sink)) {
  const auto value = os::variable("USAGE_STATS_DEBUG");
  enabled_ = value && (*value == "1" || *value == "true" || *value == "yes" || *value == "on");
}

USAGE_STATS_INLINE void Log::write(const std::string_view* parts, std::size_t count) const noexcept {
  USAGE_STATS_TRY {
    std::string line = "usage_stats: ";
    for (std::size_t i = 0; i < count; ++i) line += parts[i];
    if (sink_) {
      const HostCode host;  // which may end the program, or use its session
      return sink_(line);
    }
    os::offer_to_standard_error(line += '\n');  // a line for which there is no room is lost: nobody waits for it
  }
  USAGE_STATS_CATCH_ALL {}  // if the host's sink throws, that must not harm the host
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
