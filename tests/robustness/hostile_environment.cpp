#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

// Wherever the program runs: what it prints and its exit code are those of the same program without the library, and
// USAGE_STATS_DEBUG=1 tells the cause of what does not work.
namespace fs = std::filesystem;

namespace {

/// Makes a sandbox, or a command in it, hostile.
using Change = std::function<void(Sandbox&, Command&)>;

const std::vector<std::string> work{"--url",          "http://127.0.0.1:9/", "--field", "--print", "done",
                                    "--print-errors", "complaint",           "--exit",  "3"};

Result run_in(const Change& change, const std::string& name, const std::vector<std::string>& arguments, bool debug) {
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";  // so that nothing is asked and no notice is shown
  if (debug) sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  Command command = sandbox.command(name, arguments);
  change(sandbox, command);
  command.environment = sandbox.environment;
  return run(command);
}

void check_unharmed(const Change& change, const std::string& cause, const std::vector<std::string>& arguments = work) {
  const Result without = run_in(change, "reporter_disabled", arguments, false);
  for (const char* const delivery : {"detached", "wait", "in_process"}) {
    CAPTURE(std::string(delivery));
    std::vector<std::string> with_delivery{"--delivery", delivery};
    with_delivery.insert(with_delivery.end(), arguments.begin(), arguments.end());
    const Result with = run_in(change, "reporter", with_delivery, false);
    CHECK(with.out == without.out);
    CHECK(with.err == without.err);
    CHECK(with.exit_code == without.exit_code);
    CHECK(with.signal == without.signal);
  }
  const Result told = run_in(change, "reporter", arguments, true);
  CHECK_MESSAGE(told.err.find(cause) != std::string::npos, told.err);
  CHECK(told.exit_code == without.exit_code);
}

/// Runs the command behind a shell's preparations.
void prepare(Command& command, const std::string& script) {
  command.arguments.insert(command.arguments.begin(),
                           {"-c", script + " && exec \"$0\" \"$@\"", command.program.string()});
  command.program = "/bin/sh";
}

/// The same in a mount namespace of its own.
void prepare_mounts(Command& command, const std::string& script) {
  prepare(command, script);
  command.arguments.insert(command.arguments.begin(), {"-m", command.program.string()});
  command.program = "unshare";
}

bool can_mount() {
  Command command{"unshare", {"-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"}};
  command.inherit_environment = true;
  if (::geteuid() == 0 && run(command).exit_code == 0) return true;
  MESSAGE("skipped: mounting needs root and CAP_SYS_ADMIN");
  return false;
}

std::string state(const Sandbox& sandbox) {
  fs::create_directories(sandbox.home() / "state");
  return (sandbox.home() / "state").string();
}

}  // namespace

TEST_CASE("hostile environment: no home folder") {
  check_unharmed(
      [](Sandbox& sandbox, Command&) {
        for (const char* const name : {"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"}) sandbox.environment.erase(name);
      },
      "no home folder");
}

TEST_CASE("hostile environment: a home folder that is nonsense, missing, or a file") {
  check_unharmed([](Sandbox& sandbox, Command&) { sandbox.environment["XDG_STATE_HOME"] = "/proc/no/such/place"; },
                 "nothing is recorded: /proc/no/such/place");
  check_unharmed([](Sandbox& sandbox, Command&) { sandbox.environment["XDG_STATE_HOME"] = "/dev/null"; },
                 "Not a directory");
  check_unharmed(
      [](Sandbox& sandbox, Command&) { sandbox.environment["XDG_STATE_HOME"] = "/" + std::string(5000, 'x'); },
      "File name too long");
}

TEST_CASE("hostile environment: a folder that may not be written") {
  check_unharmed(
      [](Sandbox& sandbox, Command& command) {
        ::chmod(state(sandbox).c_str(), 0500);
        if (::geteuid() != 0) return;
        // Root may write everywhere, but for this: what is started cannot have the capability to.
        command.arguments.insert(command.arguments.begin(),
                                 {"--bounding-set", "-dac_override,-dac_read_search", command.program.string()});
        command.program = "setpriv";
      },
      "Permission denied");
}

TEST_CASE("hostile environment: a folder of somebody else's") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can give a folder away");
    return;
  }
  check_unharmed(
      [](Sandbox& sandbox, Command&) {
        fs::create_directories(sandbox.usage_folder());
        ::chown(sandbox.usage_folder().c_str(), 65534, 65534) == 0 ? void() : throw std::runtime_error("chown");
      },
      "it belongs to another user");
}

TEST_CASE("hostile environment: a file system that is read-only") {
  if (!can_mount()) return;
  check_unharmed(
      [](Sandbox& sandbox, Command& command) {
        prepare_mounts(command, "mount -t tmpfs -o ro tmpfs '" + state(sandbox) + "'");
      },
      "Read-only file system");
}

TEST_CASE("hostile environment: a file system that is full") {
  if (!can_mount()) return;
  check_unharmed(
      [](Sandbox& sandbox, Command& command) {
        prepare_mounts(command, "mount -t tmpfs -o size=4k tmpfs '" + state(sandbox) + "' && echo full >'" +
                                    state(sandbox) + "/filler'");
      },
      "No space left on device");
}

TEST_CASE("hostile environment: a file system that gets full at any step") {
  if (!can_mount()) return;
  for (int files = 2; files <= 13; ++files) {
    CAPTURE(files);
    check_unharmed(
        [files](Sandbox& sandbox, Command& command) {
          prepare_mounts(command,
                         "mount -t tmpfs -o nr_inodes=" + std::to_string(files) + " tmpfs '" + state(sandbox) + "'");
        },
        files < 8 ? "No space left on device" : "");  // with some more the host has what it needs
  }
}

TEST_CASE("hostile environment: a limit on the size of files") {
  for (const rlim_t limit : {0U, 1U, 100U, 1000U, 2000U, 3000U}) {
    CAPTURE(limit);
    check_unharmed([limit](Sandbox&, Command& command) { command.limits.emplace_back(RLIMIT_FSIZE, limit); },
                   limit <= 1000 ? "File too large" : "");
  }
}

TEST_CASE("hostile environment: a limit on open files") {
  check_unharmed([](Sandbox&, Command& command) { command.limits.emplace_back(RLIMIT_NOFILE, 5); }, "descriptor limit");
  for (const rlim_t limit : {6U, 8U, 20U, 127U, 128U, 140U})
    check_unharmed([limit](Sandbox&, Command& command) { command.limits.emplace_back(RLIMIT_NOFILE, limit); }, "");
}

TEST_CASE("hostile environment: a state.json that makes no sense, or is not a file") {
  const Change nonsense = [](Sandbox& sandbox, Command&) {
    run(sandbox.command("reporter", {"--unattended", "local"}));
    write_file(sandbox.usage_folder() / "state.json", "\xff{{{");
  };
  check_unharmed(nonsense, "state.json is damaged");
  check_unharmed(
      [](Sandbox& sandbox, Command&) {
        fs::create_directories(sandbox.usage_folder() / "state.json");
        fs::permissions(sandbox.usage_folder(), fs::perms::owner_all);
      },
      "state.json cannot be read: Operation not permitted");
}

TEST_CASE("hostile environment: closed standard streams, in every combination") {
  for (int closed = 1; closed < 8; ++closed) {
    CAPTURE(closed);
    check_unharmed(
        [closed](Sandbox&, Command& command) {
          for (int stream = 0; stream < 3; ++stream)
            if ((closed >> stream & 1) != 0) command.closed_streams.push_back(stream);
        },
        "");
  }
}

TEST_CASE("hostile environment: with closed streams the report is whole, and what the program prints is not in it") {
  Server server;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";  // a notice would have nowhere to go
  Command command =
      sandbox.command("reporter", sending_to(server.url(), {"--print", "stray", "--print-errors", "stray"}));
  command.closed_streams = {0, 1, 2};
  CHECK(run(command).exit_code == 0);
  REQUIRE(server.requests().size() == 1);
  CHECK(sandbox.report()["final"] == true);
  for (const auto& entry : fs::recursive_directory_iterator(sandbox.usage_folder()))
    if (entry.is_regular_file()) CHECK(read_file(entry.path()).find("stray") == std::string::npos);
}

TEST_CASE("hostile environment: no arguments at all, and arguments that are no text") {
  std::vector<std::string> none = work;
  none.insert(none.begin(), "--no-arguments");
  check_unharmed([](Sandbox&, Command&) {}, "session ", none);
  std::vector<std::string> bytes = work;
  bytes.insert(bytes.end(), {"--note", "\xff\xfe", "--command", "\xc3\x28", "--format", "\xed\xa0\x80", "--throw",
                             "\xf0\x28\x8c\xbc", "--as", "\xff", "--\xff=\xfe", ""});
  check_unharmed([](Sandbox& sandbox, Command&) { sandbox.environment["LANG"] = "\xff"; }, "session ", bytes);
}

TEST_CASE("hostile environment: a working folder that is gone, and signals that somebody ignores") {
  check_unharmed(
      [](Sandbox& sandbox, Command& command) {
        const std::string folder = (sandbox.home() / "gone").string();
        prepare(command, "mkdir '" + folder + "' && cd '" + folder + "' && rmdir '" + folder + "'");
      },
      "session ");
  check_unharmed([](Sandbox&, Command& command) { command.ignored_signals = {SIGCHLD, SIGPIPE, SIGHUP}; }, "session ");
}
