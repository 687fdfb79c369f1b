// A program with children of its own, which it waits for after a run of the library, or while one goes on:
//   children URL ended|interim
// It prints what its wait() found, and how many signals reported the end of a child.
#include <usage_stats.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace us = usage_stats;

static volatile sig_atomic_t told = 0;

static us::Options options_for(const char* url, bool interim) {
  us::Options options("children", "1.0.0", url);
  options.unattended = us::Unattended::on;
  if (interim) options.report_every = std::chrono::milliseconds(20);
  return options;
}

static const char* waited_for(pid_t worker) {
  pid_t found = -1;
  do found = ::wait(nullptr);
  while (found < 0 && errno == EINTR);
  return found == worker ? "the worker" : found < 0 && errno == ECHILD ? "nobody" : "a stranger";
}

int main(int argc, char** argv) {
  if (argc != 3) return 99;
  ::signal(SIGCHLD, [](int) { told = told + 1; });
  const bool interim = argv[2] == std::string("interim");
  std::optional<us::TelemetrySession> session(std::in_place, options_for(argv[1], interim));
  if (!interim) session.reset();
  std::getchar();  // until the uploader is at work
  const pid_t worker = ::fork();
  if (worker == 0) ::_exit(7);
  const char* const first = waited_for(worker);
  const char* const second = waited_for(worker);
  std::printf("%s, %s, %d\n", first, second, static_cast<int>(told));
  return 0;
}
