// A program that says which signals are handled in it that it has no handler for, while a session goes on and after it:
//   dispositions default|none|crashes|all [python]
// "python": then it does what Python and ncurses do, which handle SIGINT only where nobody else does, and gets one.
#include <usage_stats.hpp>

#include <signal.h>

#include <cstdio>
#include <map>
#include <string>

namespace us = usage_stats;

static const std::map<std::string, int> numbers{
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
    {"INT", SIGINT},   {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"SYS", SIGSYS},   {"TERM", SIGTERM},
    {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}};

static bool is_default(int number) {
  struct sigaction now {};
  return ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
}

static void print_handled() {
  for (const auto& [name, number] : numbers)
    if (!is_default(number)) std::printf("%s ", name.c_str());
  std::printf("\n");
  std::fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  const std::string which = argv[1];
  us::Options options("dispositions", "1.0.0");
  if (which == "none") options.observed_signals = us::Signals::none;
  if (which == "crashes") options.observed_signals = us::Signals::crashes;
  if (which == "all") options.observed_signals = us::Signals::all;
  us::TelemetrySession session(options);
  if (argc > 2) {
    if (is_default(SIGINT)) ::signal(SIGINT, [](int) { std::printf("KeyboardInterrupt\n"); });
    ::raise(SIGINT);
    return 0;
  }
  print_handled();
  {
    us::Options more = options;
    more.observed_signals = us::Signals::all;
    const us::TelemetrySession second(more);
    print_handled();
  }
  session.finish();
  print_handled();
  return 0;
}
