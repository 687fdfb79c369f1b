#pragma once

#include <condition_variable>
#include <mutex>

#include "../os/bounded_lock.hpp"
#include "../os/platform.hpp"
#include "worker.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Ticker::Shared {
  Clock::time_point origin;
  Clock::duration interval;
  std::function<void()> work;
  unsigned forks = os::forks();
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false, ended = false;
};

USAGE_STATS_INLINE Ticker::Clock::time_point Ticker::next(Clock::time_point origin, Clock::duration interval,
                                                          Clock::time_point now) noexcept {
  if (now < origin) return origin;
  return origin + interval * ((now - origin) / interval + 1);
}

USAGE_STATS_INLINE void Ticker::tick(const std::shared_ptr<Shared>& shared) {
  os::block_signals_in_this_thread();
  std::unique_lock<std::mutex> guard(shared->mutex);
  Clock::time_point due = shared->origin;
  while (!shared->stopping) {
    if (shared->changed.wait_until(guard, due, [&] { return shared->stopping; })) break;
    guard.unlock();
    shared->work();
    guard.lock();
    due = next(shared->origin, shared->interval, Clock::now());
  }
  shared->ended = true;
  shared->changed.notify_all();
}

USAGE_STATS_INLINE Ticker::Ticker(Clock::duration first, Clock::duration interval, std::function<void()> work)
    : shared_(std::make_shared<Shared>()) {
  shared_->origin = Clock::now() + first;
  shared_->interval = interval;
  shared_->work = std::move(work);
  thread_ = os::Thread([shared = shared_] { tick(shared); });
}

USAGE_STATS_INLINE void Ticker::stop(Clock::duration patience) noexcept {
  if (!thread_.joinable()) return;
  if (shared_->forks != os::forks()) return thread_.forget();  // it belongs to the parent
  USAGE_STATS_TRY {
    std::unique_lock<std::mutex> guard = lock_or_give_up(shared_->mutex);
    if (!guard) return thread_.detach();
    shared_->stopping = true;
    shared_->changed.notify_all();
    // A thread cannot join itself: if the host's log function calls std::exit, this is that thread.
    const bool ended = !thread_.is_this() && shared_->changed.wait_for(guard, patience, [&] { return shared_->ended; });
    guard.unlock();
    if (ended) thread_.join();
  }
  USAGE_STATS_CATCH_ALL {}
  thread_.detach();
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
