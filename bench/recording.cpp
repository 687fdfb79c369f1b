// What a call that records costs, next to an atomic addition, in the same run: one counter, many, and many threads;
// then the longest calls. Usage: recording [DECLARATIONS]; with so many fields declared, only what the beginning takes.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include <thread>
#include <usage_stats.hpp>
#include <vector>

namespace us = usage_stats;
using Clock = std::chrono::steady_clock;

static const us::Field<us::Text> note{"note", "a text"};
static const us::Field<std::int64_t> size{"size", "a size, bytes"};
static const us::Event sent{"sent", "something was sent"};
static const us::Stage part{"part", "a part of the work"};

/// Nanoseconds for one of `count` calls.
template <class Call>
static double nanoseconds(long count, Call call) {
  const auto begin = Clock::now();
  for (long i = 0; i < count; ++i) call(i);
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / static_cast<double>(count);
}

/// The same of one thread of eight.
template <class Call>
static double of_eight_threads(long count, Call call) {
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (long k = 0; k < count; ++k) call(k);
    });
  for (std::thread& thread : threads) thread.join();
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / static_cast<double>(8 * count);
}

/// Milliseconds of one call.
template <class Call>
static double milliseconds(Call call) {
  return nanoseconds(1, [&](long) { call(); }) / 1e6;
}

/// The longest of each kind, for a report that is as full as it can be.
static void print_longest(us::TelemetrySession& session) {
  double longest = 0;
  const std::string text(16 * 1024, 'x');
  for (long i = 0; i < 300; ++i) {
    longest = std::max(longest, milliseconds([&] { session.set(note, text); }));
    longest = std::max(longest, milliseconds([&] { session.record(sent, {{size, i}, {note, text}}); }));
    longest = std::max(longest, milliseconds([&] { const auto stage = session.enter(part); }));
  }
  std::printf("%-44s %10.3f ms\n", "the longest call of 900", longest);
  std::printf("%-44s %10.3f ms\n", "finish, a report of 64 KiB", milliseconds([&] { session.finish(); }));
}

int main(int argc, char** argv) {
  std::deque<std::string> names;
  std::deque<us::Counter> counters;
  for (int i = 0; i < 64; ++i) {
    names.push_back("counter" + std::to_string(i));
    counters.emplace_back(names.back().c_str(), "one of many");
  }
  const auto folder = std::filesystem::temp_directory_path() / ("usage_stats_recording_" + std::to_string(std::rand()));
  us::Options options("bench", "1.0");
  options.unattended = us::Unattended::local;
  options.directory = folder / "usage";
  options.config_file = folder / "config.json";
  std::deque<us::Field<std::int64_t>> fields;
  for (int i = 0; argc > 1 && i < std::atoi(argv[1]); ++i) {
    names.push_back("field" + std::to_string(i));
    fields.emplace_back(names.back().c_str(), "one of many");
  }
  const auto begin = Clock::now();
  us::TelemetrySession session(options);
  if (argc > 1) {
    const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
    std::printf("begin with %zu declarations: %.3f ms\n", fields.size(), took.count());
    return session.finish(), std::filesystem::remove_all(folder), 0;
  }
  if (!session.enabled()) return std::fprintf(stderr, "nothing is recorded: %s\n", session.decision().why.c_str()), 1;
  std::atomic<std::int64_t> plain{0};
  constexpr long many = 2000000, few = 200;
  const double add = nanoseconds(many, [&](long) { plain.fetch_add(1); });
  const double add_of_eight = of_eight_threads(many / 8, [&](long) { plain.fetch_add(1); });
  const auto print = [](const char* name, double ns, double reference) {
    std::printf("%-44s %10.1f ns %8.2fx\n", name, ns, ns / reference);
  };
  print("an atomic addition", add, add);
  print("add, one counter", nanoseconds(many, [&](long) { session.add(counters[0]); }), add);
  print("add, 64 counters in turn",
        nanoseconds(many, [&](long i) { session.add(counters[static_cast<std::size_t>(i % 64)]); }), add);
  print("an atomic addition, 8 threads", add_of_eight, add_of_eight);
  print("add, one counter, 8 threads", of_eight_threads(many / 8, [&](long) { session.add(counters[0]); }),
        add_of_eight);
  print("set, a number", nanoseconds(many, [&](long i) { session.set(size, i); }), add);
  const std::string text(16 * 1024, 'x');
  print("set, a text of 16 KiB", nanoseconds(many / 10, [&](long) { session.set(note, text); }), add);
  print("record, an event with a field", nanoseconds(few, [&](long i) { session.record(sent, {{size, i}}); }), add);
  print("enter and leave a stage", nanoseconds(few, [&](long) { const auto stage = session.enter(part); }), add);
  print_longest(session);
  std::filesystem::remove_all(folder);
}
