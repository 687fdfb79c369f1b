// What very many arguments add to a run's time grows no faster than their number, and is small.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace us = usage_stats::detail;

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_of(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return best;
}

std::vector<std::string> words(std::size_t count) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < count; ++i) many.push_back("sample" + std::to_string(i * 7919) + "/reads.bam");
  return many;
}

/// What a run with these arguments and an exception does with them.
double time_with(std::size_t count) {
  const std::vector<std::string> arguments = words(count);
  usage_stats::Options options("reporter", "1.2.3");
  options.argument_values = {"threads"};
  return milliseconds_of([&] {
    us::SensitiveValues sensitive = us::ambient_values();
    us::Report report = us::report_at_start(options, std::string(32, 'a'), arguments, sensitive);
    sensitive.add_arguments(arguments);
    report.outcome.error = {{"std::runtime_error", "cannot open sample7919/reads.bam"}};
    us::scrub_report(report, options, sensitive);
    CHECK(report.outcome.error[0].message.find("7919") == std::string::npos);
  });
}

}  // namespace

TEST_CASE("many arguments: fifty thousand arguments and an exception cost hardly more than a thousand") {
  const double few = time_with(1000), many = time_with(50000);
  CAPTURE(few);
  CAPTURE(many);
  CHECK(many < 2 * few + 25);  // in a debug build, on a busy machine
}
