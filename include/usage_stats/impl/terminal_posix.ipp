#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace platform {

USAGE_STATS_INLINE bool in_foreground() noexcept { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

namespace posix {

/// The bytes of a line that is being typed. They can be counted only while the terminal is out of line mode, so every
/// signal waits for the few microseconds that takes: none may leave the terminal changed. Negative: cannot be told.
USAGE_STATS_INLINE int typed_bytes() noexcept {
  struct termios before {};
  if (::tcgetattr(STDIN_FILENO, &before) != 0 || (before.c_lflag & ICANON) == 0) return -1;
  sigset_t all, mask;
  sigfillset(&all);
  if (::pthread_sigmask(SIG_BLOCK, &all, &mask) != 0) return -1;
  struct termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON);
  int count = -1;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0) {
    if (::ioctl(STDIN_FILENO, FIONREAD, &count) != 0) count = -1;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  }
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  return count;
}

}  // namespace posix

USAGE_STATS_INLINE bool input_waiting() noexcept {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) != 0 || posix::typed_bytes() != 0;
}

USAGE_STATS_INLINE std::optional<std::string> read_line(std::chrono::milliseconds limit) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  if (!in_foreground()) return std::nullopt;  // it was stopped and goes on in the background: reading would stop it
  char buffer[4096];                          // in line mode a read never goes beyond the line
  const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (count <= 0) return std::nullopt;
  const std::string line(buffer, static_cast<std::size_t>(count));
  return line.substr(0, line.find_first_of("\r\n"));
}

USAGE_STATS_INLINE int terminal_columns() noexcept {
  struct winsize size {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace platform
}  // namespace detail
USAGE_STATS_END_NAMESPACE
