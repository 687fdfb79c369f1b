// A run on a clock that is sixty times as fast: minutes of back-off pass in seconds. It says when its session has begun
// and when it has ended: fast_clock URL
#include <usage_stats.hpp>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace us = usage_stats;

// In place of the C library's; FAST_CLOCK_ANCHOR is the moment at which both clocks agree.
extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const long anchor = [] {
    const char* const text = std::getenv("FAST_CLOCK_ANCHOR");
    return text == nullptr ? 0 : std::atol(text);
  }();
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (clock != CLOCK_REALTIME || anchor == 0) return static_cast<int>(result);
  const long long past_ns = (time->tv_sec - anchor) * 1000000000LL + time->tv_nsec;
  const long long fast_ns = past_ns * 60;
  time->tv_sec = anchor + static_cast<time_t>(fast_ns / 1000000000LL);
  time->tv_nsec = static_cast<long>(fast_ns % 1000000000LL);
  return static_cast<int>(result);
}

static void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(98);
}

int main(int argc, char** argv) {
  if (argc != 2) return 99;
  us::Options options("fast_clock", "1.0.0", argv[1]);
  options.unattended = us::Unattended::on;
  {
    us::TelemetrySession session(options);
    say("begun " + std::string(session.session_id()) + "\n");
    session.exit_code(3);
  }
  say("ended\n");
  return 3;
}
