#pragma once
// Long work in pieces: each as large as takes about the same time, on a slow disk as on a fast one.

#include <algorithm>
#include <chrono>

namespace collector {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds aim{15};

  /// Begins with the least, so that the first piece is not too long.
  Pace(int least, int most) : least_(least), most_(most), size_(least) {}
  int size() const { return size_; }
  /// A piece of size() has taken so long, its commit included.
  void took(Clock::duration time) {
    const double wanted =
        std::chrono::duration<double>(aim) / std::max<Clock::duration>(time, std::chrono::microseconds(1));
    size_ = std::clamp(static_cast<int>(size_ * std::clamp(wanted, 0.2, 1.5)), least_, most_);
  }

 private:
  int least_, most_, size_;
};

}  // namespace collector
