// A preloaded library whose functions replace the C library's, and wait for a lock that is never released.
#include <doctest/doctest.h>

#include <signal.h>

#include <string>

#include "compiler.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

/// Its functions hang for ever once access("/usage_stats/marked") has been called, or, after "marked-children", in
/// every process but the one that called it.
const char* const library = R"(
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile int hang = 0;
static volatile long spared = 0;
static void maybe_hang() {
  while (hang != 0 && syscall(SYS_getpid) != spared) syscall(SYS_sched_yield), syscall(SYS_poll, 0, 0, 20);
}
extern "C" int access(const char* path, int mode) noexcept {
  if (strcmp(path, "/usage_stats/marked") == 0) hang = 1;
  if (strcmp(path, "/usage_stats/marked-children") == 0) spared = syscall(SYS_getpid), hang = 1;
  return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}
#define IN_PLACE_OF(type, name, declared, passed) \
  extern "C" type name declared { \
    maybe_hang(); \
    static type(*const next) declared = (type(*) declared)dlsym(RTLD_NEXT, #name); \
    return next passed; \
  }
IN_PLACE_OF(int, dup2, (int a, int b), (a, b))
IN_PLACE_OF(int, dup3, (int a, int b, int c), (a, b, c))
IN_PLACE_OF(int, close, (int a), (a))
IN_PLACE_OF(ssize_t, write, (int a, const void* b, size_t c), (a, b, c))
IN_PLACE_OF(int, chdir, (const char* a), (a))
IN_PLACE_OF(pid_t, setsid, (), ())
IN_PLACE_OF(mode_t, umask, (mode_t a), (a))
IN_PLACE_OF(unsigned, alarm, (unsigned a), (a))
IN_PLACE_OF(int, sigprocmask, (int a, const sigset_t* b, sigset_t* c), (a, b, c))
IN_PLACE_OF(int, pthread_sigmask, (int a, const sigset_t* b, sigset_t* c), (a, b, c))
IN_PLACE_OF(int, sigaction, (int a, const struct sigaction* b, struct sigaction* c), (a, b, c))
IN_PLACE_OF(int, execve, (const char* a, char* const* b, char* const* c), (a, b, c))
IN_PLACE_OF(pid_t, waitpid, (pid_t a, int* b, int c), (a, b, c))
IN_PLACE_OF(int, clock_gettime, (clockid_t a, struct timespec* b), (a, b))
IN_PLACE_OF(int, nanosleep, (const struct timespec* a, struct timespec* b), (a, b))
IN_PLACE_OF(uid_t, getuid, (), ())
IN_PLACE_OF(uid_t, geteuid, (), ())
extern "C" int open(const char* path, int flags, ...) {
  maybe_hang();
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}
extern "C" int fcntl(int file, int what, ...) {
  maybe_hang();
  va_list list;
  va_start(list, what);
  void* const argument = va_arg(list, void*);
  va_end(list);
  return (int)syscall(SYS_fcntl, file, what, argument);
}
)";

bool preloading_is_possible() {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer stands in for the same functions");
  return false;
#else
  return true;
#endif
}

void build(const std::filesystem::path& file) {
  const Result built = compile(std::string("#include <stdarg.h>\n") + library,
                               {"-shared", "-fPIC", "-w", "-D_GNU_SOURCE", "-U_FORTIFY_SOURCE", "-o", file.string()});
  INFO(built.err);
  REQUIRE(built.exit_code == 0);
}

/// Runs it with such a library, and returns the outcome that is reported.
json reported(const std::vector<std::string>& arguments, int signal, int exit_code) {
  Server server;
  Sandbox sandbox;
  build(sandbox.root() / "hangs.so");
  Command command = sandbox.command("interrupted", arguments);
  command.arguments.push_back(server.url());
  command.environment["LD_PRELOAD"] = (sandbox.root() / "hangs.so").string();
  command.environment["INTERRUPTED_USAGE_STATS_ENABLED"] = "1";
  command.time_limit = std::chrono::seconds(20);
  const Result result = run(command);
  CHECK(result.signal == signal);
  CHECK(result.exit_code == exit_code);
  const json outcome = json::parse(server.wait_for(1)[0].body)["outcome"];
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending("interrupted").empty());
  return outcome;
}

}  // namespace

TEST_CASE("interposed open: a signal ends the host, is recorded, and leaves no process") {
  if (!preloading_is_possible()) return;
  for (const auto& [number, name] : {std::pair{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGSEGV, "SIGSEGV"}}) {
    CAPTURE(number);
    CHECK(reported({"marked", std::to_string(number)}, number, -1) == json{{"status", "signal"}, {"signal", name}});
  }
}

TEST_CASE("interposed open: at an ordinary end the uploader starts") {
  if (!preloading_is_possible()) return;
  CHECK(reported({"marked-children", "0"}, 0, 3) == json{{"status", "failed"}, {"exit_code", 3}});
}
