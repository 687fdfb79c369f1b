// What cannot be done now is reported at once, and holds nobody up.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <signal.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "compiler.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// A preloaded library that makes every file system one without locks: $NO_LOCKS is the error.
const char* const no_locks = R"(
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int answer(int file, int what, void* argument) {
  switch (what) {
    case F_GETLK: case F_SETLK: case F_SETLKW: case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW:
      errno = atoi(getenv("NO_LOCKS"));
      return -1;
  }
  return (int)syscall(SYS_fcntl, file, what, argument);
}
#define IN_PLACE_OF(name) \
  extern "C" int name(int file, int what, ...) { \
    va_list list; \
    va_start(list, what); \
    void* const argument = va_arg(list, void*); \
    va_end(list); \
    return answer(file, what, argument); \
  }
IN_PLACE_OF(fcntl)
IN_PLACE_OF(fcntl64)
)";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> of_command(const std::string& url, const std::vector<std::string>& words) {
  std::vector<std::string> all{"--url", url, "--unattended", "on", "--as", "usage-stats"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

}  // namespace

TEST_CASE("misleading waits: `send` on a disk that takes nothing says so, and does not wait for anybody") {
  SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string folder = sandbox.usage_folder().string();
  Command command =
      sandbox.command("reporter", {"--url", dead.url(), "--unattended", "on", "--as", "usage-stats", "send"});
  const std::string program = command.program.string();
  command.program = "unshare";
  command.arguments.insert(command.arguments.begin(),
                           {"--mount", "--map-root-user", "sh", "-c",
                            "mount --bind '" + folder + "' '" + folder + "' && mount -o remount,bind,ro '" + folder +
                                "' || exit 77; exec \"$0\" \"$@\"",
                            program});
  const auto start = Clock::now();
  const Result result = run(command);
  if (result.exit_code == 77 || result.err.find("unshare") == 0) {
    MESSAGE("skipped: this machine allows no mounts of one's own");
    return;
  }
  CHECK(Clock::now() - start < std::chrono::seconds(10));
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("Read-only file system") != std::string::npos);
  CHECK(result.err.find("another process") == std::string::npos);
}

TEST_CASE("misleading waits: a file system without locks is named, and holds no command up") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer has to be the first library");
#else
  for (const int error : {ENOLCK, ENOSYS, EOPNOTSUPP}) {
    CAPTURE(error);
    const Server server;
    Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.wait_for_no_uploader());
    const auto library = sandbox.root() / "no_locks.so";
    REQUIRE(compile(no_locks, {"-shared", "-fPIC", "-o", library.string()}).exit_code == 0);
    sandbox.environment["LD_PRELOAD"] = library.string();
    sandbox.environment["NO_LOCKS"] = std::to_string(error);
    CHECK(sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--exit", "3"}).exit_code == 3);

    const auto start = Clock::now();
    const json status = json::parse(sandbox.run("reporter", of_command(server.url(), {"status", "--json"})).out);
    CHECK(status["verdict"] == "off");
    CHECK(has(status["why"], "files cannot be locked there"));
    CHECK(has(status["problems"].dump(), "files cannot be locked there"));
    CHECK(has(status["change"], "set XDG_STATE_HOME to a folder that you can write to"));
    CHECK(status["uploader_at_work"] == false);
    const Result disabled = sandbox.run("reporter", of_command(server.url(), {"disable"}));
    CHECK_MESSAGE(disabled.exit_code == 0, disabled.err);
    CHECK(has(disabled.err, "files cannot be locked there"));
    CHECK_FALSE(has(disabled.err, "try again"));
    CHECK(json::parse(read_file(sandbox.config_file()))["usage_stats"] == false);
    CHECK(Clock::now() - start < std::chrono::seconds(10));
  }
#endif
}

TEST_CASE("misleading waits: a full disk is named by `status`, also where nothing is on it yet") {
  const Sandbox sandbox;
  const std::string state = (sandbox.home() / "state").string();
  Command command = sandbox.command("reporter", of_command("http://127.0.0.1:9/", {"status", "--json"}));
  const std::string program = command.program.string();
  command.program = "unshare";
  command.arguments.insert(
      command.arguments.begin(),
      {"--mount", "--map-root-user", "sh", "-c",
       "mkdir -p '" + state + "' && mount -t tmpfs -o size=64k,mode=700 none '" + state +
           "' || exit 77; head -c 200000 /dev/zero >'" + state + "/all' 2>/dev/null; exec \"$0\" \"$@\"",
       program});
  const Result result = run(command);
  if (result.exit_code == 77 || result.err.find("unshare") == 0) {
    MESSAGE("skipped: this machine allows no mounts of one's own");
    return;
  }
  CHECK(result.exit_code == 0);
  const json status = json::parse(result.out);
  CHECK(status["verdict"] == "off");
  CHECK(has(status["problems"].dump(), "nothing can be written there: No space left on device"));
  CHECK(has(status["change"], "to a folder that you can write to"));
}

TEST_CASE("misleading waits: of an uploader that was stopped `status`, `send` and `disable` say so at once") {
  const Server silent([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  const Sandbox sandbox;
  sandbox.run("reporter", {"--url", silent.url(), "--unattended", "on"});
  silent.wait_for(1);
  const pid_t uploader = sandbox.has_lock();
  REQUIRE(uploader > 0);
  const std::string id = std::to_string(uploader);
  const auto told = [&](const std::string& text) { return has(text, "process " + id + ", "); };
  CHECK_FALSE(told(sandbox.run("reporter", of_command(silent.url(), {"status", "--json"})).out));
  REQUIRE(::kill(uploader, SIGSTOP) == 0);
  REQUIRE(wait_until([&] { return has(read_file("/proc/" + id + "/stat"), ") T "); }));
  const auto start = Clock::now();
  const json status = json::parse(sandbox.run("reporter", of_command(silent.url(), {"status", "--json"})).out);
  CHECK_MESSAGE(told(status["waiting"].dump()), status["waiting"].dump());
  CHECK_FALSE(has(sandbox.run("reporter", of_command(silent.url(), {"status"})).out, "being sent now"));
  const Result sent = sandbox.run("reporter", of_command(silent.url(), {"send"}));
  CHECK(sent.exit_code == 1);
  CHECK_MESSAGE(told(sent.err), sent.err);
  const Result disabled = sandbox.run("reporter", of_command(silent.url(), {"disable"}));
  CHECK(disabled.exit_code == 0);
  CHECK_MESSAGE(told(disabled.err), disabled.err);
  CHECK(Clock::now() - start < std::chrono::seconds(10));
  CHECK(::kill(uploader, SIGCONT) == 0);
}
