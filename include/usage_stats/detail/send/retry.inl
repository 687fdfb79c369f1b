#pragma once
// What an answer means, and when to try again.

#include <algorithm>

#include "exporters/exporters.hpp"
#include "uploader.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

constexpr int tries_at_word = 5;  // with pauses as short as the server likes

}  // namespace uploader_impl

USAGE_STATS_INLINE Answer classify(const Response& response, Protocol protocol) {
  const int status = response.status;
  if (response.impossible) return Answer::impossible;
  if (response.doubtful) return Answer::again_later;
  if (status >= 200 && status <= 299) return refused_in_body(protocol, response) ? Answer::refused : Answer::delivered;
  if (response.taken) return Answer::delivered;
  if (status == 410) return Answer::stopped;
  if (status == 408 || status == 425 || status == 429) return Answer::again_later;
  // A redirect that was not followed is more likely a captive portal's than the server's.
  return status >= 400 && status <= 499 ? Answer::refused : Answer::again_later;
}

USAGE_STATS_INLINE std::chrono::seconds backoff_delay(int failures, std::optional<std::chrono::seconds> retry_after,
                                                      unsigned seed) noexcept {
  constexpr std::int64_t first = 60, longest = 24 * 3600;
  const std::int64_t delay = failures > 11 ? longest : std::min(first << std::max(failures - 1, 0), longest);
  const std::int64_t jittered = delay + static_cast<std::int64_t>(seed % 1024) * (delay / 4) / 1024;
  const std::int64_t wish = std::clamp<std::int64_t>(retry_after.value_or(std::chrono::seconds(0)).count(), 1, longest);
  if (retry_after && failures <= uploader_impl::tries_at_word) return std::chrono::seconds(wish);
  return std::chrono::seconds(std::max(std::min(jittered, longest), wish));
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
