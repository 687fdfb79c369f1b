// A program of somebody else, built in every way in which the library can be used. It ends well if its run was
// reported (or, with USAGE_STATS_DISABLED, if nothing was).
#include <usage_stats.hpp>

#include <cstdio>
#include <filesystem>

void use_it_elsewhere(usage_stats::TelemetrySession& session);

static const usage_stats::Field<double> ratio{"ratio", "how much smaller the output was than the input"};

static int tell(const char* problem) {
  std::printf("consumer: %s\n", problem);
  return 1;
}

int main(int argc, char** argv) {
  usage_stats::Options options("consumer", "1.0.0");
  if (usage_stats::handle_command(options, argc, argv)) return tell("took a command that was not there");
  std::filesystem::path report;
  {
    usage_stats::TelemetrySession session(options, argc, argv);
    session.set(ratio, 0.5);
    use_it_elsewhere(session);
    report = session.report_path();
    const int code = session.run([] { return 0; });
    if (session.exit_code(code) != 0) return tell("another exit code");
#if !defined(USAGE_STATS_DISABLED)
    if (!session.enabled()) return tell(session.decision().why.c_str());
#endif
  }
#if defined(USAGE_STATS_DISABLED)
  if (!report.empty()) return tell("a report, though disabled");
#else
  if (!std::filesystem::exists(report)) return tell("no report");
#endif
  std::printf("consumer: fine\n");
  return 0;
}
