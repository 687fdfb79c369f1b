// A program that parses with getopt_long, for tests/parsers.cpp. It tells what it saw after record_arguments() too.

#include <usage_stats/getopt.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  usage_stats::Options options("parser", "1.0");
  options.argument_values = {"zoom"};
  usage_stats::TelemetrySession session(options, argc, argv);
  int quick = 0;
  const option table[] = {{"threads", required_argument, nullptr, 'p'},  {"verbose", no_argument, nullptr, 'v'},
                          {"color", optional_argument, nullptr, 'c'},    {"zoom", required_argument, nullptr, 1000},
                          {"my_token", required_argument, nullptr, 't'}, {"quick", no_argument, &quick, 1},
                          {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0}};
  const char* const letters = "p:vc::t:xh";
  for (int given = 0; (given = getopt_long(argc, argv, letters, table, nullptr)) != -1;)
    if (given == 'h') std::printf("usage: parser [OPTION]...\n%s", usage_stats::help_text().c_str());
  const int first = optind, quick_before = quick;
  usage_stats::record_arguments(session, argc, argv, letters, table);
  for (int i = optind; i < argc; ++i) std::printf("%s\n", argv[i]);
  return session.exit_code(optind == first && quick == quick_before ? 0 : 3);
}
