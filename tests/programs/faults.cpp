// A program whose library calls lie between two marks that strace sees: faults URL
#include <usage_stats.hpp>

#include <unistd.h>

#include <cstdio>

namespace us = usage_stats;

static const us::Field<std::int64_t> records{"records", "number of records"};

static int work(const char* url) {
  us::Options options("faults", "1.0.0", url);
  options.unattended = us::Unattended::on;
  us::TelemetrySession session(options, {"--threads=8", "file"});
  return session.run([&] {
    session.set(records, 42);
    return 3;
  });
}

int main(int argc, char** argv) {
  if (argc != 2) return 99;
  static_cast<void>(::access("/usage_stats/begins", F_OK));
  const int code = work(argv[1]);
  static_cast<void>(::access("/usage_stats/ends", F_OK));
  std::puts("worked");
  return code;
}
