// A program that ends in every way there is: ends HOW URL
#include <usage_stats.hpp>

#include "ends/session.hpp"

namespace {

using Way = std::function<int(Session&, const std::string& url)>;

const std::map<std::string, Way> ways{
    {"return", [](Session& s, const std::string&) { return s.exit_code(3); }},
    {"exit", [](Session&, const std::string&) -> int { std::exit(7); }},
    {"exit-in-thread", [](Session&, const std::string&) { return in_thread([] { std::exit(8); }), 0; }},
    {"quick-exit", [](Session&, const std::string&) -> int { std::quick_exit(9); }},
    {"abort", [](Session&, const std::string&) -> int { std::abort(); }},
    {"uncaught", [](Session&, const std::string&) -> int { throw std::runtime_error("nobody catches this"); }},
    {"uncaught-int", [](Session&, const std::string&) -> int { throw 42; }},
    {"uncaught-in-thread",
     [](Session&, const std::string&) { return in_thread([] { throw std::out_of_range("in a thread"); }), 0; }},
    {"uncaught-while-unwinding",
     [](Session&, const std::string&) -> int {
       try {
         const ThrowsWhenDestroyed object;
         throw std::runtime_error("the first one");
       } catch (...) {
         return 0;
       }
     }},
    {"noexcept", [](Session&, const std::string&) -> int { throw_out_of_noexcept(); }},
    {"thread-not-joined",
     [](Session&, const std::string&) {
       const std::thread thread([] { ::pause(); });
       return 0;
     }},
    {"terminate-before", [](Session&, const std::string&) -> int { throw std::runtime_error("nobody catches this"); }},
    {"terminate-before-in-two-threads",
     [](Session&, const std::string&) -> int {
       std::thread([] { throw_something("in one thread"); }).detach();
       std::thread([] { throw_something("in one thread"); }).join();
       return 0;
     }},
    {"own-terminate-handler",
     [](Session&, const std::string&) -> int {
       std::set_terminate([] {
         say("the host's handler");
         std::_Exit(4);
       });
       throw std::runtime_error("nobody catches this");
     }},
    {"stack-overflow", [](Session&, const std::string&) { return overflow_the_stack(0); }},
    {"null-pointer", [](Session&, const std::string&) { return write_to_null(); }},
    {"divide-by-zero", [](Session&, const std::string&) { return divide(1, std::atoi("0")); }},
    {"illegal-instruction",
     [](Session&, const std::string&) -> int {
       __builtin_trap();
       return 0;
     }},
    {"beyond-the-file", [](Session&, const std::string&) { return read_beyond_a_file(); }},
    {"stack-overflow-in-thread",
     [](Session&, const std::string&) {
       in_thread([] { overflow_the_stack(0); });
       return 99;
     }},
    {"broken-pipe",
     [](Session&, const std::string&) -> int {
       int ends[2];
       if (::pipe(ends) != 0) return 99;
       ::close(ends[0]);
       return ::write(ends[1], "x", 1) == 1 ? 98 : 97;
     }},
    {"too-long",
     [](Session&, const std::string&) -> int {
       const rlimit second{1, 5};
       ::setrlimit(RLIMIT_CPU, &second);
       for (volatile unsigned turns = 0;; turns = turns + 1) {
       }
     }},
    {"exits-in-a-handler",
     [](Session&, const std::string& url) {
       on_signal(SIGALRM, [](int) { std::exit(13); });
       ::access("/usage_stats/begins", F_OK);
       Session(options(url)).exit_code(3);
       ::access("/usage_stats/ends", F_OK);
       return 98;
     }},
    {"fork-into-a-namespace",
     [](Session& s, const std::string&) {
       if (::unshare(CLONE_NEWPID) != 0) return 99;
       const pid_t child = ::fork();  // its number is that of its parent: 1
       if (child == 0) return 0;
       ::waitpid(child, nullptr, 0);
       return s.exit_code(3);
     }},
    {"vanish", [](Session&, const std::string&) -> int { ::_exit(5); }},
    {"exec",
     [](Session&, const std::string&) -> int {
       ::execl("/bin/echo", "echo", "another program", nullptr);
       return 99;
     }},
    {"cancelled",
     [](Session&, const std::string& url) {
       std::thread worker([&] {
         ::pthread_cancel(::pthread_self());  // it ends at the first call that waits, which is to be its own
         Session(options(url)).exit_code(12);
         ::pause();
       });
       worker.join();
       return 0;
     }},
    {"daemon", [](Session&, const std::string&) { return ::daemon(1, 0) == 0 ? 0 : 99; }},
};

const std::map<std::string, Way> more_ways{
    {"fork-child-exits",
     [](Session& s, const std::string&) {
       in_child([&] {
         s.add(steps, 100);
         std::exit(6);
       });
       return s.exit_code(3);
     }},
    {"fork-child-is-killed",
     [](Session& s, const std::string&) {
       in_child([] { ::raise(SIGTERM); });
       return s.exit_code(3);
     }},
    {"fork-child-throws",
     [](Session& s, const std::string&) {
       in_child([] { in_thread([] { throw 1; }); });
       return s.exit_code(3);
     }},
    {"fork-child-returns",
     [](Session& s, const std::string&) {
       if (::fork() == 0) return 4;
       ::wait(nullptr);
       return s.exit_code(3);
     }},
    {"fork-child-has-a-session",
     [](Session& s, const std::string& url) {
       in_child([&] {
         {
           Session own(options(url));
           own.exit_code(11);
         }
         std::exit(11);
       });
       return s.exit_code(3);
     }},
    {"fork-child-execs",
     [](Session& s, const std::string&) {
       in_child([] { ::execl("/bin/sh", "sh", "-c", "ls /proc/$$/fd", nullptr); });
       return s.exit_code(3);
     }},
    {"fork-child-of-a-cancelled-thread",
     [](Session& s, const std::string&) {
       pid_t child = 0;
       in_thread([&child] {
         ::pthread_cancel(::pthread_self());  // neither to fork nor to execute is a point at which it would end
         child = ::fork();
         if (child == 0) ::execl("/bin/true", "true", nullptr);
       });
       int status = 0;
       ::waitpid(child, &status, 0);
       say(WIFSIGNALED(status) ? "child died" : "child ended");
       return s.exit_code(3);
     }},
    {"fork-child-has-the-hosts-files",
     [](Session& s, const std::string&) {
       take_all_numbers(::open("/dev/null", O_RDONLY));
       in_child([] {
         for (int number = 3; number < 200; ++number)
           if (::fcntl(number, F_GETFD) == -1) std::_Exit(1);
         std::_Exit(0);
       });
       return s.exit_code(3);
     }},
    {"quick-exit-in-thread", [](Session&, const std::string&) { return in_thread([] { std::quick_exit(9); }), 0; }},
    {"other-rights", [](Session& s, const std::string&) { return ::setegid(65533) == 0 ? s.exit_code(12) : 99; }},
    {"other-rights-and-a-signal",
     [](Session&, const std::string&) { return ::seteuid(65533) == 0 ? ::raise(SIGTERM) : 99; }},
    {"another-user-for-good",
     [](Session& s, const std::string&) {
       return ::setgid(65533) == 0 && ::setuid(65533) == 0 ? s.exit_code(12) : 99;
     }},
    {"another-root",
     [](Session& s, const std::string&) {
       const bool there = ::chroot(std::getenv("TMPDIR")) == 0 && ::chdir("/") == 0;
       return there ? s.exit_code(12) : 99;
     }},
    {"fork-child-outlives",
     [](Session& s, const std::string&) {
       leave_a_child(3);
       return s.exit_code(3);
     }},
    {"two-sessions",
     [](Session&, const std::string& url) {
       const Session second(options(url));
       return ::raise(SIGTERM);
     }},
    {"sixty-sessions",
     [](Session&, const std::string& url) {
       std::list<Session> others;
       while (others.size() < 59) others.emplace_back(options(url));
       return ::raise(SIGTERM);
     }},
    {"seventy-sessions-and-a-kill",
     [](Session&, const std::string& url) {
       std::list<Session> others;
       while (others.size() < 69) others.emplace_back(options(url));
       leave_a_child(40);
       return ::raise(SIGKILL);
     }},
    {"session-in-a-thread",
     [](Session& s, const std::string& url) {
       in_thread([&] { Session(options(url)).exit_code(12); });
       return s.exit_code(3);
     }},
    {"signal-after-the-end",
     [](Session& s, const std::string&) {
       s.exit_code(3);
       s.finish();
       return ::raise(SIGTERM);
     }},
    {"handler-before", [](Session&, const std::string&) { return ::raise(SIGTERM), 0; }},
    {"handler-after",
     [](Session& s, const std::string&) {
       on_signal(SIGTERM, [](int) { say("handled"); });
       ::raise(SIGTERM);
       return s.exit_code(3);
     }},
    {"handler-exits",
     [](Session&, const std::string&) {
       on_signal(SIGTERM, [](int) { std::exit(13); });
       return ::raise(SIGTERM);
     }},
    {"handler-chains",
     [](Session&, const std::string&) {
       static struct sigaction former;
       struct sigaction own {};
       own.sa_sigaction = [](int number, siginfo_t* info, void* context) {
         say("handled");
         if ((former.sa_flags & SA_SIGINFO) != 0) return former.sa_sigaction(number, info, context);
         on_signal(number, SIG_DFL);
         ::raise(number);
       };
       own.sa_flags = SA_SIGINFO;
       ::sigaction(SIGTERM, &own, &former);
       return ::raise(SIGTERM);
     }},
    {"ignored-before",
     [](Session& s, const std::string&) {
       for (const int number : {SIGHUP, SIGTERM}) ::raise(number);
       return s.exit_code(3);
     }},
    {"ignored",
     [](Session& s, const std::string&) {
       on_signal(SIGTERM, SIG_IGN);
       ::raise(SIGTERM);
       return s.exit_code(3);
     }},
    {"descriptors-closed",
     [](Session&, const std::string&) {
       for (int number = 3; number < 1024; ++number) ::close(number);
       // The number of the envelope is now a file of the host's, with nothing in it but what the host writes.
       take_all_numbers(::open("own", O_RDWR | O_CREAT, 0600));
       return ::raise(SIGTERM);
     }},
    {"handler-after-the-end",
     [](Session& s, const std::string&) {
       on_signal(SIGTERM, [](int) { say("the host's handler"); });
       s.exit_code(3);
       s.finish();
       ::raise(SIGTERM);
       return 3;
     }},
    {"fork-child-outlives-a-kill",
     [](Session&, const std::string&) -> int {
       leave_a_child(40);
       return ::raise(SIGKILL);
     }},
    {"terminate-handler-between",
     [](Session&, const std::string& url) -> int {
       static std::terminate_handler before = nullptr;
       before = std::set_terminate([] {
         say("the host's handler");
         before();
       });
       const Session second(options(url));
       throw std::runtime_error("nobody catches this");
     }},
    {"signal-in-thread", [](Session&, const std::string&) { return in_thread([] { ::raise(SIGTERM); }), 0; }},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 99;
  const std::string how = argv[1], url = argv[2];
  if (how == "global") return 3;
  if (how == "static") {
    static Session session(options(url));
    return 3;
  }
  if (how == "through-the-session") {
    try {
      const Session session(options(url));
      throw std::runtime_error("passing by");
    } catch (const std::exception&) {
      return 2;
    }
  }
  if (how == "terminate-after-the-end") {
    {
      Session session(options(url));
      session.exit_code(3);
      std::set_terminate([] {
        say("the host's handler");
        std::_Exit(4);
      });
    }
    throw std::runtime_error("after the session");
  }
  if (how == "handler-before") on_signal(SIGTERM, [](int) { std::_Exit(14); });
  if (how == "ignored-before")
    for (const int number : {SIGHUP, SIGTERM}) on_signal(number, SIG_IGN);
  if (how == "terminate-before-in-two-threads") dying_threads = 2;
  if (how.find("terminate-before") == 0) std::set_terminate(&handle_terminate);
  Session session(options(url));
  for (const auto* const list : {&ways, &more_ways})
    if (const auto way = list->find(how); way != list->end()) return way->second(session, url);
  return ::raise(std::atoi(how.c_str()));  // any other word is the number of a signal
}
