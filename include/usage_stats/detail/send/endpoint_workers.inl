#pragma once
// Sends to several servers in parallel, so that one that does not answer does not hold up the others.

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

/// One thread for each server. All work, in a worker or outside, is done with the mutex held; only requests are made
/// without it.
class EndpointWorkers {
 public:
  using Guard = std::unique_lock<std::mutex>;

  explicit EndpointWorkers(std::function<void(const Endpoint&)> work) : work_(std::move(work)) {}
  ~EndpointWorkers() {
    for (Worker& worker : workers_) worker.thread.join();
  }
  EndpointWorkers(const EndpointWorkers&) = delete;
  EndpointWorkers& operator=(const EndpointWorkers&) = delete;

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

  bool empty() const { return workers_.empty(); }
  /// Does the work for this server in its worker; an existing worker checks for more before it ends.
  void start(const Endpoint&);
  /// Removes workers whose work is done; returns whether there were any.
  bool end();
  /// Waits until a worker ends, for at most this long.
  void wait(Guard& guard, std::chrono::milliseconds limit) { ended_.wait_for(guard, limit); }

 private:
  struct Worker {
    Endpoint endpoint;
    os::Thread thread{};
    bool ended = false;
  };
  std::function<void(const Endpoint&)> work_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<Worker> workers_;
};

USAGE_STATS_INLINE void EndpointWorkers::start(const Endpoint& endpoint) {
  for (const Worker& worker : workers_)
    if (same(worker.endpoint, endpoint) && !worker.ended) return;
  Worker& worker = workers_.emplace_back(Worker{endpoint});
  worker.thread = os::Thread(
      [this, &worker] {
        const Guard guard = hold();
        USAGE_STATS_TRY { work_(worker.endpoint); }
        USAGE_STATS_CATCH_ALL {}
        worker.ended = true;
        ended_.notify_all();
      },
      small_stack);
  if (worker.thread.joinable()) return;
  workers_.pop_back();  // there are no threads: one after the other
  work_(endpoint);
}

USAGE_STATS_INLINE bool EndpointWorkers::end() {
  const std::size_t before = workers_.size();
  for (Worker& worker : workers_)
    if (worker.ended) worker.thread.join();
  workers_.remove_if([](const Worker& worker) { return worker.ended; });
  return workers_.size() < before;
}

}  // namespace uploader_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
