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
namespace os {

USAGE_STATS_INLINE bool in_foreground() noexcept { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

namespace posix {

#if defined(__linux__)

/// Whether line mode would do something with this byte, rather than keep it.
USAGE_STATS_INLINE bool is_editing_key(const struct termios& mode, unsigned char byte) noexcept {
  for (const int key :
       {VINTR, VQUIT, VERASE, VKILL, VEOF, VSTART, VSTOP, VSUSP, VEOL, VEOL2, VREPRINT, VWERASE, VLNEXT})
    if (byte == mode.c_cc[key]) return true;
  return byte == '\r';
}

USAGE_STATS_INLINE bool type_in(unsigned char byte) noexcept { return ::ioctl(STDIN_FILENO, TIOCSTI, &byte) == 0; }

/// Linux treats half a line as a whole one when the terminal returns to line mode: the user could no longer erase it,
/// and the host would read something that it would not get without us. So the half line is taken out before, and typed
/// in again afterwards. If the system does not allow typing in, nothing is taken out, and only erasing is lost.
USAGE_STATS_INLINE void restore_half_line(const struct termios& before, std::size_t count) noexcept {
  struct termios raw = before, quiet = before;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);  // all of it is on the screen already
  raw.c_lflag = quiet.c_lflag & ~static_cast<tcflag_t>(ICANON);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  unsigned char bytes[4096];
  std::size_t used = 0;
  constexpr unsigned char probe = 0;  // no key's; it goes to the end
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 && type_in(probe)) {
    for (int more = 0; ::ioctl(STDIN_FILENO, FIONREAD, &more) == 0 && more > 0 && used < sizeof bytes;) {
      const ssize_t got = ::read(STDIN_FILENO, bytes + used, sizeof bytes - used);
      if (got <= 0) break;
      used += static_cast<std::size_t>(got);
    }
    unsigned char* const end = bytes + used;
    unsigned char* const found = std::find(bytes + (std::min)(count, used), end, probe);
    if (found != end) --used, std::copy(found + 1, end, found);
  }
  ::tcsetattr(STDIN_FILENO, TCSANOW, &quiet);  // with nothing in it
  for (std::size_t i = 0; i < used; ++i) {
    if (is_editing_key(before, bytes[i])) type_in(before.c_cc[VLNEXT]);
    type_in(bytes[i]);
  }
}

#else

/// Elsewhere the terminal continues editing by itself.
USAGE_STATS_INLINE void restore_half_line(const struct termios&, std::size_t) noexcept {}

#endif

/// The bytes of a line that is being typed. They can be counted only while the terminal is out of line mode, so every
/// signal waits for the few microseconds that takes: none may leave the terminal changed. Negative: cannot be told.
USAGE_STATS_INLINE int typed_bytes() noexcept {
  struct termios before {};
  if (::tcgetattr(STDIN_FILENO, &before) != 0 || (before.c_lflag & ICANON) == 0) return -1;
  if ((before.c_iflag & PARMRK) != 0) return -1;  // which marks bytes, and would do so twice
  sigset_t all, mask;
  sigfillset(&all);
  if (::pthread_sigmask(SIG_BLOCK, &all, &mask) != 0) return -1;
  struct termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON);
  int count = -1;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0) {
    if (::ioctl(STDIN_FILENO, FIONREAD, &count) != 0) count = -1;
    if (count > 0) restore_half_line(before, static_cast<std::size_t>(count));
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

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
