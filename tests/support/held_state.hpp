#pragma once

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

/// state.json locked by another process, like one that was stopped in the middle of a change.
class HeldState {
 public:
  explicit HeldState(const std::filesystem::path& usage_folder) {
    const auto file = usage_folder / "state.json";
    file_ = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    // Of the open file: that the test reads it elsewhere does not end it.
    if (::fcntl(file_, F_OFD_SETLK, &whole) != 0) throw std::runtime_error(file.string() + " cannot be locked");
    events_ = ::inotify_init1(IN_CLOEXEC);
    if (::inotify_add_watch(events_, file.c_str(), IN_OPEN | IN_CLOSE) < 0) throw std::runtime_error("no inotify");
  }
  ~HeldState() {
    let_go();
    ::close(events_);
  }
  HeldState(const HeldState&) = delete;
  HeldState& operator=(const HeldState&) = delete;
  /// Until others have opened the file so often. Who waits for the lock tries again each millisecond.
  void wait_for_tries(int count) {
    while (count > 0) {
      alignas(inotify_event) char buffer[4096];
      const ssize_t bytes = ::read(events_, buffer, sizeof buffer);
      if (bytes <= 0) throw std::runtime_error("no event of state.json can be read");
      for (ssize_t at = 0; at < bytes;) {
        const auto* const event = reinterpret_cast<const inotify_event*>(buffer + at);
        if ((event->mask & IN_OPEN) != 0) --count;
        at += static_cast<ssize_t>(sizeof *event + event->len);
      }
    }
  }
  void let_go() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }

 private:
  int file_ = -1, events_ = -1;
};
