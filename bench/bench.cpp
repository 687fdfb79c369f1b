// What a reported run costs the program that is reported: wall time from its start to its end as its parent sees it,
// all variants interleaved in one run, in random order. Usage: bench ROUNDS PLAIN LOWER_BOUND LINKLESS COMPILED
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "receivers.hpp"

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Variant {
  std::string name, program, url;
  bool on = false;
  std::vector<std::string> arguments{};
  std::vector<double> ms{};

  double quantile(double share) const {
    std::vector<double> sorted = ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
  }
};

static const fs::path scratch = fs::temp_directory_path() / ("usage_stats_bench_" + std::to_string(::getpid()));

static pid_t start(const Variant& variant) {
  const fs::path home = scratch / "home";
  std::vector<std::string> variables = {"HOME=" + home.string(), "PATH=/usr/bin:/bin",
                                        "BENCH_USAGE_STATS_ENDPOINT=" + variant.url,
                                        std::string("BENCH_USAGE_STATS_ENABLED=") + (variant.on ? "1" : "0"),
                                        "BENCH_FOLDER=" + (home / ".local/state/bench/usage").string()};
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::vector<std::string> words = variant.arguments;
  words.insert(words.begin(), variant.program);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t id = 0;
  if (::posix_spawn(&id, arguments[0], &actions, nullptr, arguments.data(), environment.data()) != 0) std::abort();
  ::posix_spawn_file_actions_destroy(&actions);
  return id;
}

/// Uploaders become our children when their parent ends (we are their reaper): end them, so that each run finds none.
static void end_uploaders() {
  for (;;) {
    std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    pid_t id = 0;
    while (list >> id) ::kill(id, SIGKILL);
    if (::waitpid(-1, nullptr, 0) < 0) return;
  }
}

/// A usage folder as an earlier run has left it: with an id, with nothing waiting.
static void prepare_home() {
  const fs::path folder = scratch / "home/.local/state/bench/usage";
  fs::remove_all(scratch / "home");
  fs::create_directories(folder / "active");
  fs::create_directories(folder / "pending");
  for (fs::path path = folder; path != scratch; path = path.parent_path()) fs::permissions(path, fs::perms::owner_all);
  fs::permissions(folder / "active", fs::perms::owner_all);
  fs::permissions(folder / "pending", fs::perms::owner_all);
  std::ofstream state(folder / "state.json");
  state << R"({"schema": "usage-stats-state/1", "client_id": "0123456789abcdef0123456789abcdef",
 "sent_ids": ["0123456789abcdef0123456789abcdef"], "notice_shown": true})";
  state.close();
  fs::permissions(folder / "state.json", fs::perms::owner_read | fs::perms::owner_write);
}

static double measure(const Variant& variant) {
  prepare_home();
  const auto begin = Clock::now();
  const pid_t id = start(variant);
  int status = 0;
  while (::waitpid(id, &status, 0) < 0) {
  }
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "%s failed with status %d\n", variant.name.c_str(), status);
    std::exit(1);
  }
  end_uploaders();
  return ms;
}

static void print(const std::vector<Variant>& variants) {
  const double plain = variants[0].quantile(0.5), bound = variants[1].quantile(0.5);
  std::printf("%-38s %8s %8s %8s %9s %10s %9s\n", "wall time of a run, ms", "median", "1st qu.", "3rd qu.", "to bound",
              "added, us", "to bound");
  double good = 0;
  for (const Variant& variant : variants) {
    const double added = variant.quantile(0.5) - plain;
    if (variant.name.find("that answers") != std::string::npos) good = variant.quantile(0.5);
    std::printf("%-38s %8.3f %8.3f %8.3f %8.2fx %10.0f %8.2fx", variant.name.c_str(), variant.quantile(0.5),
                variant.quantile(0.25), variant.quantile(0.75), variant.quantile(0.5) / bound, added * 1000,
                added / (bound - plain));
    if (variant.on && variant.arguments.empty() && good > 0)
      std::printf("  %+5.1f %% of the good network", (variant.quantile(0.5) / good - 1) * 100);
    std::printf("\n");
  }
}

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: bench ROUNDS PLAIN LOWER_BOUND LINKLESS COMPILED\n"), 2;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const bench::Receiver answers(bench::Manner::answers), late(bench::Manner::answers_late),
      silent(bench::Manner::never_answers);
  const std::string plain = argv[2], bound = argv[3], linkless = argv[4], compiled = argv[5];
  std::vector<Variant> variants = {
      {"without the library", plain, ""},
      {"lower bound: same files in plain C", bound, ""},
      {"off (no link flags)", linkless, answers.url()},
      {"on, receiver that answers", linkless, answers.url(), true},
      {"on, answers after 300 ms", linkless, late.url(), true},
      {"on, accepts and never answers", linkless, silent.url(), true},
      {"on, refuses", linkless, "http://127.0.0.1:9/v1/usage", true},
      {"on, name does not resolve", linkless, "http://stats.invalid/v1/usage", true},
      {"off (httplib and its TLS linked)", compiled, answers.url()},
      {"on, answers (httplib and TLS linked)", compiled, answers.url(), true},
      {"`usage-stats status` (aim: under 20 ms)", linkless, answers.url(), true, {"usage-stats", "status"}}};
  std::mt19937 random(1);
  const int rounds = std::max(std::atoi(argv[1]), 3);
  for (int round = -2; round < rounds; ++round) {  // two rounds to warm up
    std::vector<std::size_t> order(variants.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      const double ms = measure(variants[i]);
      if (round >= 0) variants[i].ms.push_back(ms);
    }
  }
  print(variants);
  fs::remove_all(scratch);
}
