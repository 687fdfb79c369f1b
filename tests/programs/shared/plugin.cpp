// A plugin that reports its runs: a shared library, loaded by somebody else's program with dlopen.

#include <usage_stats.hpp>

#include <cstdio>
#include <string>

extern "C" int run_plugin(const char* url, int in_process) {
  usage_stats::Options options("reporter", "1.2.3", url);
  options.unattended = usage_stats::Unattended::on;
  if (in_process != 0) options.delivery = usage_stats::Delivery::in_process;
  const usage_stats::TelemetrySession session(options);
  std::printf("problem=%s\n", std::string(session.problem()).c_str());
  std::fflush(stdout);
  return 0;
}
