#pragma once
// The session that ends, and what the ways to end are made of.
#include <usage_stats.hpp>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace us = usage_stats;
using Session = us::TelemetrySession;

namespace {

const us::Counter steps{"steps", "steps taken"};

us::Options options(const std::string& url) {
  us::Options chosen("ends", "1.0.0", url);
  chosen.unattended = us::Unattended::on;
  chosen.observed_signals = us::Signals::all;
  return chosen;
}

// Static storage, made before main where ENDS_GLOBAL is set; the object's life is that of a global one.
std::optional<Session> global;
const bool global_made = [] {
  if (const char* const url = std::getenv("ENDS_GLOBAL")) global.emplace(options(url));
  return true;
}();

void say(const char* text) {
  std::printf("%s\n", text);
  std::fflush(stdout);
}

struct ThrowsWhenDestroyed {
  ~ThrowsWhenDestroyed() noexcept(false) { throw std::logic_error("while unwinding"); }
};

[[noreturn]] void throw_something(const char* text) { throw std::runtime_error(text); }
[[noreturn]] void throw_out_of_noexcept() noexcept { throw_something("out of noexcept"); }

volatile int depth = 0;
int overflow_the_stack(int n) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(n);
  depth = n;
  if (depth < 0) return 0;
  const int deeper = overflow_the_stack(n + 1);
  return deeper + frame[0];
}

int divide(int a, int b) { return a / b; }

int read_beyond_a_file() {
  std::FILE* const file = std::tmpfile();
  const void* const page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, ::fileno(file), 0);
  return *static_cast<const volatile char*>(page);
}

int write_to_null() {
  int* volatile nowhere = nullptr;
  *nowhere = 1;
  return 0;
}

void in_thread(const std::function<void()>& work) { std::thread(work).join(); }

int dying_threads = 1;
/// Ends the process when all of them are in here: none must be stopped on its way by what becomes of another.
void handle_terminate() {
  static std::atomic<int> inside{0};
  const bool first = ++inside == 1;
  if (first) say("the host's handler");
  while (inside < dying_threads) std::this_thread::yield();
  while (!first) ::pause();
  say("has come to its end");
  std::_Exit(4);
}

/// A fork's child that lives on without the parent's streams, of which it has let go when this returns.
void leave_a_child(unsigned seconds) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  if (::fork() == 0) {
    for (int stream = 0; stream < 3; ++stream) ::close(stream);
    ::alarm(seconds);
    for (const int end : ends) ::close(end);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char nothing = 0;
  if (::read(ends[0], &nothing, 1) != 0) std::abort();
  ::close(ends[0]);
}

/// Also those of the library's files.
void take_all_numbers(int own) {
  for (int number = 3; number < 200; ++number)
    if (number != own) ::dup2(own, number);
}

/// In a fork's child; the parent waits for it.
void in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) work();
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    std::printf("child died of %d\n", WTERMSIG(status));
  else
    std::printf("child ended with %d\n", WEXITSTATUS(status));
}

void on_signal(int number, void (*handler)(int)) { ::signal(number, handler); }

}  // namespace
