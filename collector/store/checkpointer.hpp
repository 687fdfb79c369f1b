#pragma once
// Brings the write-ahead log into the database, in a thread of its own: that waits for the disk as long as it takes,
// while others go on writing.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "../base/sqlite.hpp"

namespace collector {

/// Beside one Store of the same file. For any thread.
class Checkpointer {
 public:
  /// Throws Problem.
  explicit Checkpointer(const std::string& file);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Does it once from now, as far as readers let it; returns at once.
  void wake();
  /// Whether what it was woken for is still to be done.
  bool busy() const;

 private:
  void work();

  Database database_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool wanted_ = false, at_work_ = false, ending_ = false;
  std::thread thread_;
};

}  // namespace collector
