#include "checkpointer.hpp"

#include "schema.hpp"

namespace collector {

Checkpointer::Checkpointer(const std::string& file)
    : database_(open_database(file, false)), thread_([this] { work(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    ending_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void Checkpointer::wake() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    wanted_ = true;
  }
  woken_.notify_one();
}

bool Checkpointer::busy() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return wanted_ || at_work_;
}

void Checkpointer::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    woken_.wait(lock, [this] { return ending_ || wanted_; });
    if (ending_) return;
    wanted_ = false;
    at_work_ = true;
    lock.unlock();
    // What cannot be done now stays in the log, where it is as safe. The thread that writes meets the same, and says
    // so.
    sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    lock.lock();
    at_work_ = false;
  }
}

}  // namespace collector
