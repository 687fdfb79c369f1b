#pragma once
// Locks that give up waiting, so that they never hold up the end of the host.

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The mutex that was last given up on: nobody waits for it a second time.
inline std::atomic<const void*>& stuck_mutex() noexcept {
  static std::atomic<const void*> stuck{nullptr};
  return stuck;
}

/// Waits at most a second: our mutexes are held for microseconds. One that cannot be locked by then is held by a thread
/// that cannot continue, such as one interrupted by a host signal handler that calls std::exit.
template <class Mutex>
std::unique_lock<Mutex> lock_or_give_up(Mutex& mutex) {
  std::unique_lock<Mutex> lock(mutex, std::try_to_lock);
  const bool stuck = stuck_mutex().load(std::memory_order_relaxed) == &mutex;
  if (lock.owns_lock() || stuck) {
    if (lock.owns_lock() && stuck) stuck_mutex() = nullptr;
    return lock;
  }
  const os::ScopedCancelBlock no_cancel;  // to sleep is a cancellation point
  for (int attempt = 0; !lock.owns_lock() && attempt < 1000; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    static_cast<void>(lock.try_lock());
  }
  if (!lock.owns_lock()) stuck_mutex() = &mutex;
  return lock;
}

/// For data that is consistent at every moment, because each change is a single store. So nobody waits for long: not a
/// signal handler that has interrupted its own thread's use of the data, not a forked child whose parent's other thread
/// was using it, and only once for a thread that never returns. All of those continue without the lock. Needs no
/// construction.
class WholeDataLock {
 public:
  class Guard {
   public:
    explicit Guard(WholeDataLock& lock) noexcept : lock_(lock), owner_(lock.lock()) {}
    ~Guard() {
      if (owner_) lock_.holder_ = nullptr;
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    WholeDataLock& lock_;
    bool owner_;
  };

 private:
  static const void* this_thread() noexcept {
    static thread_local char place = 0;
    return &place;
  }
  bool lock() noexcept {
    const void* holder = holder_;
    if (const unsigned now = os::forks(); forks_.exchange(now) != now && holder != nullptr)
      holder_.compare_exchange_strong(holder, nullptr);  // of the parent
    const os::ScopedCancelBlock no_cancel;
    for (int attempt = 0;; ++attempt) {
      holder = nullptr;
      if (holder_.compare_exchange_strong(holder, this_thread())) return true;
      if (holder == this_thread() || holder == gone_) return false;
      if (attempt >= 1000) return gone_ = holder, false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<const void*> holder_{nullptr}, gone_{nullptr};
  std::atomic<unsigned> forks_{0};
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
