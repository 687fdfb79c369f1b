#pragma once
// Work for several servers side by side, so that one that does not answer holds up nobody else's.

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>

#include "../../options.hpp"
#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

constexpr std::size_t small_stack = 1024 * 1024;

USAGE_STATS_INLINE bool same(const Endpoint& a, const Endpoint& b) {
  return a.url == b.url && a.protocol == b.protocol;
}

/// A thread for each server. Whoever works, in a lane or beside them, holds the mutex; only requests are made without.
class Lanes {
 public:
  using Guard = std::unique_lock<std::mutex>;

  explicit Lanes(std::function<void(const Endpoint&)> work) : work_(std::move(work)) {}
  ~Lanes() {
    for (Lane& lane : lanes_) lane.thread.join();
  }
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  Guard hold() { return Guard(mutex_); }
  /// Calls `request` while others work.
  template <class Request>
  auto meanwhile(const Request& request) {
    struct Released {
      std::mutex& mutex;
      explicit Released(std::mutex& held) : mutex(held) { mutex.unlock(); }
      ~Released() { mutex.lock(); }
    } const released(mutex_);
    return request();
  }

  bool empty() const { return lanes_.empty(); }
  /// Does the work for this server in its lane; where it has one, that one looks for more before it ends.
  void start(const Endpoint&);
  /// Forgets lanes whose work is done; whether there was one.
  bool end();
  /// Until a lane ends, at most so long.
  void wait(Guard& guard, std::chrono::milliseconds limit) { ended_.wait_for(guard, limit); }

 private:
  struct Lane {
    Endpoint endpoint;
    platform::Thread thread{};
    bool ended = false;
  };
  std::function<void(const Endpoint&)> work_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<Lane> lanes_;
};

USAGE_STATS_INLINE void Lanes::start(const Endpoint& endpoint) {
  for (const Lane& lane : lanes_)
    if (same(lane.endpoint, endpoint) && !lane.ended) return;
  Lane& lane = lanes_.emplace_back(Lane{endpoint});
  lane.thread = platform::Thread(
      [this, &lane] {
        const Guard guard = hold();
        USAGE_STATS_TRY { work_(lane.endpoint); }
        USAGE_STATS_CATCH_ALL {}
        lane.ended = true;
        ended_.notify_all();
      },
      small_stack);
  if (lane.thread.joinable()) return;
  lanes_.pop_back();  // there are no threads: one after the other
  work_(endpoint);
}

USAGE_STATS_INLINE bool Lanes::end() {
  const std::size_t before = lanes_.size();
  for (Lane& lane : lanes_)
    if (lane.ended) lane.thread.join();
  lanes_.remove_if([](const Lane& lane) { return lane.ended; });
  return lanes_.size() < before;
}

}  // namespace uploader_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
