#pragma once
// The times of a report, which counts in seconds from its start, for protocols that need absolute times.

#include <algorithm>
#include <cmath>

#include "../../base/json.inl"
#include "../../base/time.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace exporters_impl {

using Milliseconds = std::int64_t;

/// What timestamp() has written, in milliseconds since 1970; 0 for any other text and for times before that.
USAGE_STATS_INLINE Milliseconds parse_timestamp(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return 0;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return 0;
  const auto number = [&](std::size_t at, std::size_t digits) {
    Milliseconds value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  const Milliseconds days = days_of({number(0, 4), number(5, 2), number(8, 2)});
  const Milliseconds seconds = days * 86400 + number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  return (std::max<Milliseconds>)(seconds * 1000 + number(20, 3), 0);
}

/// A member that counts seconds, in milliseconds: as fine as a report gets. 0 if there is none.
USAGE_STATS_INLINE Milliseconds duration_member(const Json& object, const char* name) {
  constexpr double longest = 1e9;  // 30 years; what is longer was not measured
  const Json* const value = member(object, name);
  const double seconds = value != nullptr ? number_of(*value) : 0.0;
  return seconds > 0 ? std::llround((std::min)(seconds, longest) * 1000.0) : 0;
}

USAGE_STATS_INLINE Milliseconds started_at(const Json& report) {
  return parse_timestamp(string_member(report, "started_at"));
}

/// How long the run took. If its end was not observed: until the last known moment.
USAGE_STATS_INLINE Milliseconds run_time(const Json& report) {
  if (member(report, "duration_s") != nullptr) return duration_member(report, "duration_s");
  Milliseconds last = 0;
  for (const char* const part : {"events", "stages"})
    if (const auto* const list = list_member(report, part))
      for (const Json& item : *list)
        last = (std::max)(last, duration_member(item, "at_s") + duration_member(item, "duration_s"));
  return last;
}

}  // namespace exporters_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
