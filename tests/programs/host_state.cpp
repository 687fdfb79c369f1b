// A host that looks at its errno, its floating-point flags and its alternate signal stack after each thing that it asks
// of the library, and prints what has changed. host_state URL [traps]: any floating-point exception ends it.
#include <usage_stats.hpp>

#include <fenv.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

namespace us = usage_stats;

static const us::Field<double> share{"share", "a share"};
static const us::Field<std::int64_t> number{"number", "a number"};
static const us::Field<us::Text> note{"note", "a text"};
static const us::Counter steps{"steps", "steps taken"};
static const us::Event event{"event", "something happened"};
static const us::Stage stage{"stage", "some work"};

static const int flags = FE_INVALID | FE_UNDERFLOW;

static void prepare() {
  errno = 4711;
  std::feclearexcept(FE_ALL_EXCEPT);
  std::feraiseexcept(flags);
}

static void look(const char* what) {
  const int error = errno, now = std::fetestexcept(FE_ALL_EXCEPT);
  if (error != 4711) std::printf("%s: errno %d\n", what, error);
  if (now != flags) std::printf("%s: flags %x\n", what, static_cast<unsigned>(now ^ flags));
  prepare();
}

static bool has_signal_stack() {
  stack_t now{};
  return ::sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0;
}

static void one_run(const us::Options& options) {
  std::optional<us::TelemetrySession> session;
  session.emplace(options, std::vector<std::string>{"--threads=8", "file.txt"});
  look("constructor");
  session->set(share, 1.0 / 3);
  look("set a double");
  session->set(share, 9007199254740993);  // which no double is
  look("set a double to an integer");
  session->set(number, 12);
  look("set an integer");
  session->set(note, "a few words in /home/somebody");
  look("set a text");
  session->add(steps, 3);
  look("add");
  session->record(event, {{number, 5}});
  look("record");
  {
    us::StageScope scope = session->enter(stage);
    look("enter");
    scope.set(number, 5);
    look("set in a stage");
  }
  look("leave");
  session->command("copy");
  look("command");
  session->exit_code(3);
  look("exit_code");
  session->fail(std::runtime_error("cannot open /home/somebody/file"));
  look("fail");
  if (us::TelemetrySession::current() == nullptr) std::printf("no session\n");
  look("current");
  session->finish();
  look("finish");
  session.reset();
  look("destructor");
}

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  us::Options options("host_state", "1.0.0", argv[1]);
  options.unattended = us::Unattended::on;
  if (has_signal_stack()) std::printf("a signal stack at the beginning\n");
  prepare();
#if defined(__GLIBC__)
  if (argc > 2) {
    std::feclearexcept(FE_ALL_EXCEPT);
    ::feenableexcept(FE_ALL_EXCEPT);  // FE_INEXACT too, which nearly every division raises
    { us::TelemetrySession(options, std::vector<std::string>{"--share=nan"}).exit_code(3); }
    std::printf("traps %d\n", ::fegetexcept() == FE_ALL_EXCEPT ? 1 : 0);
    return 0;
  }
#endif
  one_run(options);
  if (has_signal_stack()) std::printf("a signal stack at the end\n");
  prepare();
  one_run(options);
  // One of the host's own, set while a session goes on, stays.
  static char memory[65536];
  {
    const us::TelemetrySession session(options);
    stack_t own{};
    own.ss_sp = memory;
    own.ss_size = sizeof memory;
    ::sigaltstack(&own, nullptr);
  }
  stack_t now{};
  ::sigaltstack(nullptr, &now);
  std::printf("%s\n", now.ss_sp == memory && (now.ss_flags & SS_DISABLE) == 0 ? "its own stays" : "its own is gone");
  return 0;
}
