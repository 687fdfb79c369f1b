#pragma once
// What a report adds to the figures: facts, each of which counts something in a series and a bin.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../ingest/report_v1.hpp"

namespace collector {

/// What is counted. A series is a metric of an app with a name and a value, where it has them. The numbers are in the
/// database: never change one.
enum class Metric {
  app = 0,              // value: the name of the program. No series, but it has a term like them
  runs = 1,             // bin 0
  version = 2,          // value: app.version
  os = 3,               // value: system.os, empty if unknown
  command = 4,          // value: command.name, empty if there was none
  arch = 5,             // value
  os_version = 6,       // value
  status = 7,           // value: ok, failed, exception, signal, lost, running
  option = 8,           // name: --threads, once for each run that used it
  error = 9,            // name: type, value: message
  signal = 10,          // value: SIGSEGV
  duration = 11,        // bins of seconds
  boolean = 12,         // name: of the field, value: true, false
  integer = 13,         // name: of the field, bins
  number = 14,          // name: of the field, bins
  text = 15,            // name: of the field, value: what a Choice or Text said
  hashed = 16,          // name: of the field, bin: hash modulo hash_bins
  counter = 17,         // name, bins of the count
  counter_low = 18,     // name; n is the sum of the lower 32 bits of the counts ...
  counter_high = 19,    // ... and of the rest, so that no sum can overflow
  stage = 20,           // name; runs that entered it
  stage_status = 21,    // name, value: ok, failed, running; each time that it was entered
  stage_duration = 22,  // name, bins of seconds
  stage_start = 23,     // name, bins of seconds from the run's start to the first time
  event = 24,           // name; runs in which it happened
  event_times = 25,     // name; how often it happened
  event_moment = 26,    // name; when in the run it first happened: bin 0 to 19, twentieths of the run
  active = 27,          // name: day, week or month, whose first day is the cell's: installations (presence, cells.hpp)
};

/// Those whose words a user may have influenced, and the runs of a program: of them it is kept whether five
/// installations share them (publish).
constexpr bool needs_witnesses(Metric metric) {
  switch (metric) {
    case Metric::runs:
    case Metric::version:
    case Metric::os:
    case Metric::command:
    case Metric::arch:
    case Metric::os_version:
    case Metric::option:
    case Metric::error:
    case Metric::signal:
    case Metric::text:
      return true;
    default:
      return false;
  }
}

inline constexpr std::int64_t hash_bins = 4096;

struct Fact {
  Metric metric;
  std::string name, value;
  std::int64_t bin = 0, n = 1;
};

/// A report as the store takes it. Made outside of the writing thread.
struct Report {
  std::string session, client, client_hash;  // bytes; client and its SHA-256 are empty where there is no client_id
  std::int64_t sequence = 0;
  std::string body;  // the report as JSON on one line
  std::string app, version, os, command;
  bool ci = false;
  std::vector<Fact> facts;
};

/// `json` is report v1 (parse_report).
Report report_of(const Json& json);

/// The SHA-256 of a client id's digits, as tombstones have it.
std::string hash_of_client(std::string_view digits);

}  // namespace collector
