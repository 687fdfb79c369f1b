#pragma once
// Forks, which may happen at any time: they are counted, and the children release what belongs to the parent.

#include <atomic>
#include <cerrno>

#include <pthread.h>
#include <unistd.h>

#include "../../platform.hpp"
#include "../file.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace posix {

/// Files that a forked child closes immediately, because it would keep their locks. Nothing here waits or allocates: a
/// child has only the thread that forked, which may have been in the middle of anything. A child created without
/// handlers (_Fork, clone) keeps the files until it ends or executes another program, and so does one that another
/// thread creates between the opening of a file and its registration here.
class ClosedInChildren {
 public:
  struct Place {
    std::atomic<int> descriptor{nothing};
    Device device = 0;
    Inode inode = 0;
  };

  static ClosedInChildren& instance() noexcept {
    static ClosedInChildren files;
    return files;
  }

  /// Nothing where there is no room.
  Place* add(int descriptor, Device device, Inode inode) noexcept {
    for (Place& place : places_) {
      int none = nothing;
      if (!place.descriptor.compare_exchange_strong(none, taken)) continue;
      place.device = device;
      place.inode = inode;
      place.descriptor = descriptor;
      return &place;
    }
    return nullptr;
  }

  /// When it has been closed. In a child the place is empty, or has a file of the child's own by now: that one stays.
  static void remove(Place& place, int descriptor) noexcept {
    place.descriptor.compare_exchange_strong(descriptor, nothing);
  }

  void close_all() noexcept {
    const ScopedCancelBlock no_cancel;  // to close is a cancellation point, to fork is none
    const int error = errno;
    for (Place& place : places_) {
      const int descriptor = place.descriptor.exchange(nothing);
      // The host may have closed it, and have a file of its own under the number.
      if (descriptor >= 0 && is_open(descriptor, place.device, place.inode)) ::close(descriptor);
    }
    errno = error;
  }

 private:
  static constexpr int nothing = -1, taken = -2;
  Place places_[64];
};

struct Forks {
  std::atomic<unsigned> count{0};
  static Forks& instance() noexcept {
    static Forks forks;
    return forks;
  }
};

USAGE_STATS_INLINE bool watch_forks() noexcept {
  const auto in_child = [] {
    ++Forks::instance().count;
    ClosedInChildren::instance().close_all();
  };
  return ::pthread_atfork(nullptr, nullptr, in_child) == 0;
}

/// Whether there was memory for that.
USAGE_STATS_INLINE bool forks_are_seen() noexcept {
  // Not a static variable's own guard, which a signal handler that interrupts it would wait for.
  enum : int { unasked, seen, unseen };
  static std::atomic<int> state{unasked};
  int expected = unasked;
  if (state.compare_exchange_strong(expected, seen) && !watch_forks()) state = unseen;
  return state == seen;
}

}  // namespace posix

USAGE_STATS_INLINE unsigned forks() noexcept {
  return posix::forks_are_seen() ? posix::Forks::instance().count.load(std::memory_order_relaxed) : 0;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
