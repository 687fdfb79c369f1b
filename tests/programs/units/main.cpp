// A program of two source files, each with a session and declarations of its own. tests/CMakeLists.txt builds it
// several times: with two versions of the library in it, without exceptions, without RTTI ...
//
//   units [URL [until-a-signal|briefly]]      with a word it makes interim reports
#include <usage_stats.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "elsewhere.hpp"

namespace us = usage_stats;

namespace {
const us::Field<us::Text> where{"where", "which source file it was"};
const us::Counter calls{"calls", "how often the other one was called"};
const us::Event called{"called", "the other one was called"};
const us::Stage working{"working", "all of the work"};
}  // namespace

int main(int argc, char** argv) {
  const char* const url = argc > 1 && std::strchr(argv[1], ':') != nullptr ? argv[1] : "";
  us::Options options("units", "1.0.0", url);
  options.observed_signals = us::Signals::all;
  options.unattended = us::Unattended::on;
  options.delivery = us::Delivery::wait;
  options.wait_limit = std::chrono::seconds(30);
  if (argc > 2) options.report_every = std::chrono::milliseconds(10);
  us::TelemetrySession session(options, argc, argv);
  std::printf("main %d.%d.%d\n", USAGE_STATS_VERSION_MAJOR, USAGE_STATS_VERSION_MINOR, USAGE_STATS_VERSION_PATCH);
  return session.run([&] {
    const us::StageScope stage = session.enter(working);
    session.set(where, "in main");
    session.add(calls);
    session.record(called, {{where, "from main"}});
    if (argc > 2 && std::strcmp(argv[2], "until-a-signal") == 0) ::pause();
    return call_elsewhere(url);
  });
}
