// A program whose library calls lie between two marks that strace sees:
//   faults URL [detached|wait|in_process|SIGTERM]
#include <usage_stats.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace us = usage_stats;

static const us::Field<std::int64_t> records{"records", "number of records"};

static int work(const char* url, const std::string& how) {
  us::Options options("faults", "1.0.0", url);
  options.observed_signals = us::Signals::all;
  options.unattended = us::Unattended::on;
  if (how == "wait") options.delivery = us::Delivery::wait;
  if (how == "in_process") options.delivery = us::Delivery::in_process;
  us::TelemetrySession session(options, {"--threads=8", "file"});
  return session.run([&] {
    session.set(records, 42);
    if (how == "SIGTERM") ::kill(::getpid(), SIGTERM);
    return 3;
  });
}

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  static_cast<void>(::access("/usage_stats/begins", F_OK));
  const int code = work(argv[1], argc > 2 ? argv[2] : "detached");
  static_cast<void>(::access("/usage_stats/ends", F_OK));
  std::puts("worked");
  return code;
}
