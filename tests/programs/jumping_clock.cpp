// A run during which somebody sets the wall clock back, by a day each time it is read.
#include <usage_stats.hpp>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace us = usage_stats;

static const us::Event event{"event", "something happened"};
static const us::Stage stage{"stage", "some work"};

// In place of the C library's.
extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static std::atomic<int> days{0};
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec -= 86400L * days++;
  return static_cast<int>(result);
}

int main() {
  us::TelemetrySession session(us::Options("jumping_clock", "1.0.0"));
  const us::StageScope scope = session.enter(stage);
  session.record(event);
  return 0;
}
