// A program that parses with gflags, for tests/parsers.cpp.

#include <usage_stats/gflags.hpp>

DEFINE_int32(threads, 1, "how many threads");
DEFINE_bool(verbose, false, "say more");
DEFINE_bool(color, true, "in color");
DEFINE_int32(zoom, 0, "which resolution");
DEFINE_string(my_token, "", "a token");

int main(int argc, char** argv) {
  usage_stats::Options options("parser", "1.0");
  options.argument_values = {"zoom"};
  usage_stats::TelemetrySession session(options, argc, argv);
  usage_stats::describe_in_help();
  usage_stats::describe_in_help();
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  usage_stats::record_arguments(session, argc, argv);
  return session.exit_code(0);
}
