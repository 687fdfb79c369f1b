#pragma once
// Samples every 2 ms which uploaders of a home folder are alive, until end(): nothing announces a stranger's process.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <set>
#include <thread>

#include "sandbox.hpp"

class UploaderWatch {
 public:
  explicit UploaderWatch(const Sandbox& sandbox) : thread_([this, &sandbox] { look(sandbox); }) {}
  ~UploaderWatch() { end(); }
  UploaderWatch(const UploaderWatch&) = delete;
  UploaderWatch& operator=(const UploaderWatch&) = delete;

  void end() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      ending_ = true;
    }
    ended_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  /// After end(): how many there were, and how many at the same time.
  std::size_t all() const { return seen_.size(); }
  std::size_t most_at_once() const { return most_; }

 private:
  void look(const Sandbox& sandbox) {
    std::unique_lock<std::mutex> lock(mutex_);
    do {
      const std::vector<pid_t> alive = sandbox.uploaders();
      seen_.insert(alive.begin(), alive.end());
      most_ = std::max(most_, alive.size());
    } while (!ended_.wait_for(lock, std::chrono::milliseconds(2), [this] { return ending_; }));
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::set<pid_t> seen_;
  std::size_t most_ = 0;
  std::thread thread_;
};
