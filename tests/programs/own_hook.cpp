// A program without the hook before main, that calls run_uploader itself, or forgets to.
//
//   own_hook call|forget URL

#define USAGE_STATS_NO_UPLOADER_HOOK
#include <usage_stats.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc < 3 || argv[1] != std::string("forget")) usage_stats::run_uploader();
  if (argc < 3) return 98;  // started as an uploader, and came back
  usage_stats::Options options("reporter", "1.2.3", argv[2]);
  options.unattended = usage_stats::Unattended::on;
  const usage_stats::TelemetrySession session(options, argc, argv);
  std::printf("problem=%s\n", std::string(session.problem()).c_str());
  return 0;
}
