#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

/// What /proc tells of a process.
struct Seen {
  std::string folder, arguments;
  std::set<std::string> streams, others;  // what descriptors 0 to 2 are, and what the others are
  long session = 0, niceness = 0;
};

Seen look_at(pid_t id) {
  const fs::path process = fs::path("/proc") / std::to_string(id);
  Seen seen;
  seen.folder = fs::read_symlink(process / "cwd").string();
  seen.arguments = read_file(process / "cmdline");
  for (const std::string& name : names_in(process / "fd"))
    (std::stoi(name) <= 2 ? seen.streams : seen.others).insert(fs::read_symlink(process / "fd" / name).string());
  const std::string status = read_file(process / "stat");
  std::istringstream fields(status.substr(status.rfind(')') + 2));
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    if (number == 6) seen.session = std::stol(field);
    if (number == 19) seen.niceness = std::stol(field);
  }
  return seen;
}

void check_nothing_was_started(const Sandbox& sandbox, const Server& server) {
  CHECK(sandbox.uploaders().empty());
  CHECK(sandbox.pending().size() == 1);
  CHECK(server.requests().empty());
}

const std::string not_main = "problem=this code is not part of the main executable";

}  // namespace

TEST_CASE("uploader hook: main and the program's global objects run once") {
  Server server;
  Sandbox sandbox;
  const fs::path file = sandbox.root() / "once";
  sandbox.environment["ONCE_FILE"] = file.string();
  CHECK(sandbox.run("once", {file.string(), server.url()}).exit_code == 0);
  server.wait_for(1);
  sandbox.end_uploaders();
  CHECK(read_file(file) == "global\nmain\n");
}

TEST_CASE("uploader hook: the uploader has a session of its own, folder /, null streams and nothing of the host's") {
  Sandbox sandbox;
  std::mutex mutex;
  Seen seen;
  pid_t id = 0;
  Server server([&](const ReceivedRequest&) {
    const std::lock_guard<std::mutex> guard(mutex);
    id = sandbox.uploaders().at(0);
    seen = look_at(id);
    return Answer{};
  });
  const fs::path secret = sandbox.root() / "open in the host";
  write_file(secret, "");
  Command command = sandbox.command(
      "reporter", {"--url", server.url(), "--api-key", "s3cret", "--unattended", "on", "--as", "--token=s3cret"});
  command.arguments.insert(command.arguments.begin(),
                           {"-c", "exec 7<'" + secret.string() + "'; exec \"$0\" \"$@\"", command.program.string()});
  command.program = "/bin/sh";
  const Result result = run(command);
  CHECK_FALSE(result.streams_held);
  server.wait_for(1);
  REQUIRE(wait_until([&] { return deliveries(sandbox).size() == 1; }));  // the handler has ended by then

  const std::lock_guard<std::mutex> guard(mutex);
  CHECK(seen.session == id);
  CHECK(seen.folder == "/");
  CHECK(seen.niceness == 19);
  CHECK(seen.arguments == std::string("reporter\0", 9));
  CHECK(seen.streams == std::set<std::string>{"/dev/null"});
  for (const std::string& other : seen.others) {
    CAPTURE(other);
    CHECK((other.find("socket:") == 0 || other == "anon_inode:inotify" ||
           other.find(sandbox.usage_folder().string()) == 0));
  }
}

TEST_CASE(
    "uploader hook: it has no descriptor of the host's with a high number either, also where close_range is missing") {
  if (!can_trace()) return;
  for (const bool old_kernel : {false, true}) {
    CAPTURE(old_kernel);
    Sandbox sandbox;
    const fs::path secret = sandbox.root() / "open in the host";
    write_file(secret, "");
    std::set<std::string> others;
    std::mutex mutex;
    Server server([&](const ReceivedRequest&) {
      const std::lock_guard<std::mutex> guard(mutex);
      others = look_at(sandbox.uploaders().at(0)).others;
      return Answer{};
    });
    Command command = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on"});
    command.arguments.insert(command.arguments.begin(),
                             {"-c", "ulimit -n 4096; exec 1023<\"$0\" 2000<\"$0\" 4095<\"$0\"; exec \"$@\"",
                              secret.string(), command.program.string()});
    command.program = "bash";
    if (old_kernel) command = under_strace(command, {"-f", "-o", "/dev/null", "-e", "inject=close_range:error=ENOSYS"});
    CHECK(run(command).exit_code == 0);
    REQUIRE(wait_until([&] { return deliveries(sandbox).size() == 1; }));
    const std::lock_guard<std::mutex> guard(mutex);
    CHECK_FALSE(others.empty());
    CHECK(others.count(secret.string()) == 0);
  }
}

TEST_CASE("uploader hook: from a plugin nothing is started, and problem() says so") {
  Server server;
  Sandbox sandbox;
  const Result result = sandbox.run("plugin_host", {program("plugin.so").string(), server.url(), "detached"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find(not_main) == 0);
  check_nothing_was_started(sandbox, server);

  SUBCASE("what waits is sent by the next program that can") {
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(server.wait_for(2).size() == 2);  // of two in the same second any may be the first
  }
  SUBCASE("what waits is sent in process") {
    sandbox.run("plugin_host", {program("plugin.so").string(), server.url(), "in_process"});
    CHECK(server.requests().size() == 2);
  }
}

TEST_CASE("uploader hook: under an interpreter the interpreter is not started again") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: an interpreter without the sanitizer cannot load a plugin that has it");
#else
  Server server;
  Sandbox sandbox;
  Command command = sandbox.command(
      "", {"-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1]).run_plugin(sys.argv[2].encode(), b'detached', None)",
           program("plugin.so").string(), server.url()});
  command.program = USAGE_STATS_PYTHON;
  const Result result = run(command);
  CHECK(result.exit_code == 0);
  CHECK(result.out.find(not_main) == 0);
  check_nothing_was_started(sandbox, server);
#endif
}

TEST_CASE("uploader hook: a program that the dynamic linker was told to run says that it cannot be started again") {
  const std::string loader = "/lib64/ld-linux-x86-64.so.2";
  if (!std::filesystem::exists(loader)) {
    MESSAGE("skipped: no " << loader);
    return;
  }
  Server server;
  Sandbox sandbox;
  Command command = sandbox.command("", {program("own_hook").string(), "call", server.url()});
  command.program = loader;
  CHECK(run(command).out.find(not_main) == 0);
  CHECK(sandbox.uploaders().empty());
  CHECK(sandbox.pending().size() == 1);
}

TEST_CASE("uploader hook: without the hook run_uploader does it, and forgetting it is reported") {
  Server server;
  Sandbox sandbox;
  CHECK(sandbox.run("own_hook", {"call", server.url()}).out == "problem=\n");
  server.wait_for(1);

  Sandbox other;
  CHECK(other.run("own_hook", {"forget", server.url()}).out.find(not_main) == 0);
  CHECK(other.uploaders().empty());
  CHECK(other.pending().size() == 1);
}

TEST_CASE("uploader hook: the variable set by hand to a folder that is not ours does nothing") {
  for (const bool given_away : {false, true}) {
    if (given_away && ::geteuid() != 0) {
      MESSAGE("skipped: only root can give a folder away");
      continue;
    }
    CAPTURE(given_away);
    Server server(503);
    Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    make_due(sandbox);
    const fs::path usage = sandbox.usage_folder();
    if (given_away)
      REQUIRE(::chown(usage.c_str(), 65534, 65534) == 0);
    else
      fs::permissions(usage, fs::perms::all);
    const std::vector<std::string> before = names_in(usage);
    sandbox.environment["USAGE_STATS_UPLOADER"] = usage.string();
    const Result result = sandbox.run("reporter", {"--print", "main"});

    CHECK(result.exit_code == 0);
    CHECK(result.out == "");
    CHECK(result.err == "");
    CHECK(server.requests().size() == 1);
    CHECK(names_in(usage) == before);
  }
}

TEST_CASE("uploader hook: the variable set by hand to nonsense ends the program without a word") {
  for (const std::string& value : {std::string(), std::string("/does/not/exist"), std::string("relative"),
                                   std::string("/dev/null"), std::string(100000, '/')}) {
    CAPTURE(value.substr(0, 50));
    Sandbox sandbox;
    sandbox.environment["USAGE_STATS_UPLOADER"] = value;
    const Result result = sandbox.run("reporter", {"--print", "main"});
    CHECK(result.exit_code == 0);
    CHECK(result.out == "");
    CHECK(result.err == "");
    CHECK_FALSE(fs::exists(sandbox.usage_folder()));
  }
}
