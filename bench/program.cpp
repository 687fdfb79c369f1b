// The program that is measured: without the library (BENCH_PLAIN), with the same files written by plain C
// (BENCH_LOWER_BOUND), and with the library.
#include <cstdio>
#include <map>
#include <string>
#if defined(BENCH_LOWER_BOUND)
extern "C" void bench_begin(void);
extern "C" void bench_end(void);
#elif !defined(BENCH_PLAIN)
#include <usage_stats.hpp>
static const usage_stats::Field<double> throughput{"throughput_gbps", "average transfer speed, Gbit/s"};
#endif

/// A small tool's work: enough of the standard library that every build loads it.
static int work(int words) {
  std::map<std::string, int> counts;
  for (int i = 0; i < words; ++i) ++counts["word " + std::to_string(i % 100)];
  std::printf("%zu different words\n", counts.size());
  return 0;
}

int main(int argc, char** argv) {
#if defined(BENCH_PLAIN)
  static_cast<void>(argc);
  static_cast<void>(argv);
  return work(1000);
#elif defined(BENCH_LOWER_BOUND)
  static_cast<void>(argv);
  if (argc > 1) return 0;  // the child: a process start is all that the host pays for
  bench_begin();
  const int exit_code = work(1000);
  bench_end();
  return exit_code;
#else
  usage_stats::TelemetrySession session({"bench", "1.0.0"}, argc, argv);
  return session.run([&] {
    session.set(throughput, 3.2);
    return work(1000);
  });
#endif
}
