#pragma once
// Locking where a lock that never comes must not hold up the end of the host.

#include <chrono>
#include <mutex>
#include <thread>

#include "platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Waits at most a second: ours are held for microseconds. One that is not to be had by then belongs to a thread that
/// cannot go on, such as one that a signal handler of the host's has interrupted to call std::exit.
template <class Mutex>
std::unique_lock<Mutex> lock_or_give_up(Mutex& mutex) {
  std::unique_lock<Mutex> lock(mutex, std::try_to_lock);
  const platform::Uncancelled uncancelled;  // to sleep is a cancellation point
  for (int attempt = 0; !lock.owns_lock() && attempt < 1000; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    static_cast<void>(lock.try_lock());
  }
  return lock;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
