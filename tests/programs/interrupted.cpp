// A host that is interrupted where it hurts:
//   interrupted exit-in-set MICROSECONDS   a handler calls std::exit, then a static destructor uses the session
//   interrupted declare-in-handler         a handler declares what its own thread is just declaring
//   interrupted stop-in-call MICROSECONDS  a thread that calls the library all the time is stopped for good; then main
//   ends interrupted fork-in-loader             forks while a thread has the dynamic linker's lock; the child has a
//   session interrupted fork-in-dictionary         forks while a thread declares fields; the children have sessions
//   interrupted fork-in-session            forks while a thread begins and ends sessions; the children's are recorded
//   interrupted marked SIGNAL URL          tells a preloaded library that from now on it hangs, and dies of the signal
//   interrupted marked-children 0 URL      ... that it hangs in children, and ends
#include <usage_stats.hpp>

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace us = usage_stats;
using Session = us::TelemetrySession;

static const us::Field<us::Text> note{"note", "a text"};
static const us::Counter steps{"steps", "steps taken"};

static us::Options options(const std::string& url = {}) {
  us::Options chosen("interrupted", "1.0.0", url);
  chosen.unattended = us::Unattended::on;
  chosen.observed_signals = us::Signals::all;
  return chosen;
}

namespace {
struct AtExit {
  ~AtExit() {
    if (Session* const session = Session::current()) {
      session->set(note, "at the end");
      session->add(steps);
      session->command("end");
    }
    static_cast<void>(Session::current());
  }
};
}  // namespace

static int exit_in_set(long microseconds) {
  static const AtExit object;
  ::signal(SIGALRM, [](int) { std::exit(13); });
  static Session session(options());
  const itimerval once{{0, 0}, {0, microseconds}};
  ::setitimer(ITIMER_REAL, &once, nullptr);
  for (;;) {
    session.set(note, "a few words that take their time to look through, again and again");
    session.add(steps);
    static_cast<void>(Session::current());
  }
}

/// The timer is the process's own time, so that the handler comes as often however slow the machine is.
static int declare_in_handler() {
  static std::atomic<int> handled{0};
  ::signal(SIGPROF, [](int) {
    const us::Counter in_handler{"in_handler", "declared by a handler"};
    ++handled;
  });
  const itimerval often{{0, 1000}, {0, 1000}};
  ::setitimer(ITIMER_PROF, &often, nullptr);
  while (handled < 100) {
    for (int i = 0; i < 1000; ++i) const us::Counter short_lived{"short_lived", "declared and gone"};
  }
  return 11;
}

static int stop_in_call(long microseconds) {
  Session session(options());
  ::signal(SIGUSR1, [](int) {
    for (;;) ::pause();
  });
  std::thread thread([&] {
    const std::string value(4000, 'v');
    for (;;) session.argument("--note", value);  // looked through under the lock
  });
  ::usleep(static_cast<useconds_t>(microseconds));
  ::pthread_kill(thread.native_handle(), SIGUSR1);
  ::usleep(1000);
  thread.detach();
  session.finish();
  ::_exit(session.exit_code(11));
}

/// In a child that has no more than 20 s for it.
static int session_in_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    bool recorded = false;
    {
      Session session(options());
      recorded = session.enabled();
      session.exit_code(11);
    }
    ::_exit(recorded ? 11 : 12);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fork_in_loader() {
  static int ends[2], told[2];
  if (::pipe(ends) != 0 || ::pipe(told) != 0) return 99;
  std::thread thread([] {
    ::dl_iterate_phdr(
        [](dl_phdr_info*, std::size_t, void*) {
          char byte = 0;
          return ::write(told[1], "x", 1) == 1 && ::read(ends[0], &byte, 1) == 1 ? 1 : 2;
        },
        nullptr);
  });
  char byte = 0;
  if (::read(told[0], &byte, 1) != 1) return 99;
  const int code = session_in_child();
  if (::write(ends[1], "x", 1) != 1) return 99;
  thread.join();
  return code;
}

static int fork_in_dictionary() {
  std::atomic<bool> done{false};
  std::thread thread([&] {
    while (!done) const us::Counter short_lived{"short_lived", "declared and gone"};
  });
  int code = 11;
  for (int i = 0; i < 100 && code == 11; ++i) code = session_in_child();
  done = true;
  thread.join();
  return code;
}

static int fork_in_session() {
  us::Options other("interrupted_thread", "1.0.0");
  other.unattended = us::Unattended::local;
  { const Session first(other); }          // makes its folder
  other.unattended = us::Unattended::off;  // which is looked into again and again
  std::atomic<bool> done{false};
  std::thread thread([&] {
    while (!done) const Session off(other);
  });
  int code = 11;
  for (int i = 0; i < 50 && code == 11; ++i) code = session_in_child();
  done = true;
  thread.join();
  return code;
}

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  const std::string how = argv[1];
  if (how == "exit-in-set") return exit_in_set(std::atol(argv[2]));
  if (how == "declare-in-handler") return declare_in_handler();
  if (how == "stop-in-call") return stop_in_call(std::atol(argv[2]));
  if (how == "fork-in-loader") return fork_in_loader();
  if (how == "fork-in-dictionary") return fork_in_dictionary();
  if (how == "fork-in-session") return fork_in_session();
  if (argc < 4) return 99;
  Session session(options(argv[3]));
  const std::string place = "/usage_stats/" + how;
  ::access(place.c_str(), F_OK);
  if (const int number = std::atoi(argv[2])) ::raise(number);
  return session.exit_code(3);
}
