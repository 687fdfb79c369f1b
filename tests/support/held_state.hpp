#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

/// state.json in the hands of another process, as of one that was stopped in the middle of a change.
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
  }
  ~HeldState() { let_go(); }
  HeldState(const HeldState&) = delete;
  HeldState& operator=(const HeldState&) = delete;
  void let_go() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }

 private:
  int file_ = -1;
};
