#pragma once
// The thread that this library starts in a host for Options::report_every.

#include <chrono>
#include <functional>
#include <memory>

#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Calls a function repeatedly on a separate thread that receives no signals.
class Ticker {
 public:
  using Clock = std::chrono::steady_clock;

  /// First after `first`, then every `interval` from there: no drift, and missed ticks (a suspended machine) are not
  /// made up for. `work` must not throw. If no thread can be created, it is never called.
  Ticker(Clock::duration first, Clock::duration interval, std::function<void()> work);
  /// Waits for work in progress, at most `patience`; work that hangs longer is abandoned.
  void stop(Clock::duration patience) noexcept;
  ~Ticker() { stop(Clock::duration(0)); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  /// The next tick after `now`, for ticks that began at `origin`.
  static Clock::time_point next(Clock::time_point origin, Clock::duration interval, Clock::time_point now) noexcept;

 private:
  struct Shared;
  static void tick(const std::shared_ptr<Shared>&);
  std::shared_ptr<Shared> shared_;
  os::Thread thread_;  // not joinable: none could be made
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
