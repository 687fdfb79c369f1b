#pragma once
// Looks again and again which uploaders of a home folder are alive, for as long as it lives itself.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
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
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// After end(): how many there were, and how many at the same time.
  std::size_t all() const { return seen_.size(); }
  std::size_t most_at_once() const { return most_; }

 private:
  void look(const Sandbox& sandbox) {
    while (!ending_) {
      const std::vector<pid_t> alive = sandbox.uploaders();
      seen_.insert(alive.begin(), alive.end());
      most_ = std::max(most_, alive.size());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // a processor of few is not its alone
    }
  }

  std::atomic<bool> ending_{false};
  std::set<pid_t> seen_;
  std::size_t most_ = 0;
  std::thread thread_;
};
