#pragma once
// The one thread that this library ever starts in a host, and only for Options::report_every.

#include <chrono>
#include <functional>
#include <memory>

#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Calls a function again and again on a thread of its own that takes no signals.
class Ticker {
 public:
  using Clock = std::chrono::steady_clock;

  /// First after `first`, then each `interval` counted from there: no drift, and ticks that were missed (a suspended
  /// machine) are not made up for. `work` must not throw. Where no thread can be made, it is never called.
  Ticker(Clock::duration first, Clock::duration interval, std::function<void()> work);
  /// Waits for work that is going on, at most `patience`; work that hangs longer is left behind.
  void stop(Clock::duration patience) noexcept;
  ~Ticker() { stop(Clock::duration(0)); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  /// The tick that follows `now`, for ticks that began at `origin`.
  static Clock::time_point next(Clock::time_point origin, Clock::duration interval, Clock::time_point now) noexcept;

 private:
  struct Shared;
  static void tick(const std::shared_ptr<Shared>&);
  std::shared_ptr<Shared> shared_;
  os::Thread thread_;  // not joinable: none could be made
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
