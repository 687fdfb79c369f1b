#pragma once
// The lines of USAGE_STATS_DEBUG=1: every step the library takes, and every mistake.

#include <functional>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Silent unless the environment variable USAGE_STATS_DEBUG is 1 (or true, yes, on).
class Log {
 public:
  Log() = default;
  /// Lines go to `sink`, or to standard error if it is empty; exceptions from the sink are ignored.
  explicit Log(std::function<void(std::string_view)> sink);

  bool enabled() const noexcept { return enabled_; }
  /// Writes the parts, joined, as one line "usage_stats: ...".
  template <class... Parts>
  void operator()(const Parts&... parts) const noexcept {
    if (!enabled_) return;
    const std::string_view views[] = {std::string_view(parts)...};
    write(views, sizeof...(parts));
  }

 private:
  void write(const std::string_view* parts, std::size_t count) const noexcept;
  bool enabled_ = false;
  std::function<void(std::string_view)> sink_{};
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
