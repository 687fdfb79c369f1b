// What an uploader inherits from its host, and what it does not: priority, processors, folder, name.
#include <doctest/doctest.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "compiler.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

namespace fs = std::filesystem;

/// An uploader that is at work, started by the command behind `prefix`.
struct AtWork {
  Server server{[](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; }};  // silent
  Sandbox sandbox;
  pid_t id = 0;

  void start(std::vector<std::string> prefix, const fs::path& folder = {}) {
    Command command = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on"});
    command.folder = folder;
    if (!prefix.empty()) {
      prefix.push_back(command.program.string());
      command.arguments.insert(command.arguments.begin(), prefix.begin() + 1, prefix.end());
      command.program = prefix[0];
      command.inherit_environment = true;
    }
    const Result result = run(command);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    server.wait_for(1);
    id = sandbox.has_lock();
    REQUIRE(id > 0);
  }
  std::string of(const std::string& name) const { return read_file("/proc/" + std::to_string(id) + "/" + name); }
};

void check_lowest(const AtWork& uploader) {
  const int policy = ::sched_getscheduler(uploader.id);
  CHECK((policy == SCHED_OTHER || policy == SCHED_IDLE));
  CHECK((policy == SCHED_IDLE || ::getpriority(PRIO_PROCESS, static_cast<id_t>(uploader.id)) == 19));
}

}  // namespace

TEST_CASE("uploader inherits: the lowest priority, whatever the host's") {
  const std::vector<std::vector<std::string>> hosts{{}, {"nice", "-n", "5"}, {"nice", "-n", "19"}};
  for (const auto& prefix : hosts) {
    AtWork uploader;
    uploader.start(prefix);
    check_lowest(uploader);
  }
}

TEST_CASE("uploader inherits: what is lower than that stays: SCHED_IDLE, SCHED_BATCH, no turn at a busy disk") {
  for (const auto& [option, policy] : {std::pair{"-i", SCHED_IDLE}, std::pair{"-b", SCHED_BATCH}}) {
    AtWork uploader;
    uploader.start({"chrt", option, "0"});
    CHECK(::sched_getscheduler(uploader.id) == policy);
  }
  constexpr long of_process = 1, class_shift = 13, ordinary_last = (2 << class_shift) | 7;
  AtWork idle, ordinary;
  idle.start({"ionice", "-c", "3"});
  CHECK((::syscall(SYS_ioprio_get, of_process, idle.id) >> class_shift) == 3);
  ordinary.start({"ionice", "-c", "2", "-n", "0"});
  CHECK(::syscall(SYS_ioprio_get, of_process, ordinary.id) == ordinary_last);
}

TEST_CASE("uploader inherits: no real-time scheduling") {
  Command allowed{"chrt", {"-f", "50", "true"}};
  allowed.inherit_environment = true;
  if (run(allowed).exit_code != 0) {
    MESSAGE("skipped: this user may not have a process scheduled before others");
    return;
  }
  AtWork uploader;
  uploader.start({"chrt", "-f", "50"});
  check_lowest(uploader);
}

TEST_CASE("uploader inherits: not the one processor that the host was given") {
  cpu_set_t ours;
  REQUIRE(::sched_getaffinity(0, sizeof ours, &ours) == 0);
  if (CPU_COUNT(&ours) < 2) {
    MESSAGE("skipped: there is only one processor");
    return;
  }
  int first = 0;
  while (!CPU_ISSET(first, &ours)) ++first;
  AtWork uploader;
  uploader.start({"taskset", "-c", std::to_string(first)});
  cpu_set_t its;
  REQUIRE(::sched_getaffinity(uploader.id, sizeof its, &its) == 0);
  CHECK(CPU_COUNT(&its) >= CPU_COUNT(&ours));
}

TEST_CASE("uploader inherits: the program's name in lists of processes, and no folder") {
  AtWork uploader;
  uploader.start({});
  CHECK(uploader.of("comm") == "reporter\n");
  CHECK(fs::read_symlink("/proc/" + std::to_string(uploader.id) + "/cwd") == "/");
}

TEST_CASE("uploader inherits: relative paths of libraries and certificates mean what they mean to the host") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer has to be the first library");
#else
  AtWork uploader;
  const fs::path folder = uploader.sandbox.root() / "tool";
  fs::create_directories(folder / "lib");
  const Result built = compile("extern \"C\" int nothing() { return 0; }\n",
                               {"-shared", "-fPIC", "-o", (folder / "lib" / "relative.so").string()});
  REQUIRE(built.exit_code == 0);
  uploader.sandbox.environment["LD_PRELOAD"] = "lib/relative.so";
  uploader.sandbox.environment["SSL_CERT_FILE"] = "lib/own.pem";
  uploader.sandbox.environment["SSL_CERT_DIR"] = "lib/certs:/etc/ssl/certs:more";
  uploader.sandbox.environment["CURL_CA_BUNDLE"] = "/etc/ssl/absolute.pem";
  uploader.start({}, folder);
  CHECK(uploader.of("maps").find("/tool/lib/relative.so") != std::string::npos);
  const std::string here = fs::canonical(folder).string(), environment = uploader.of("environ");
  const auto has = [&](const std::string& entry) {
    return environment.find(entry + std::string(1, '\0')) != std::string::npos;
  };
  CHECK(has("SSL_CERT_FILE=" + here + "/lib/own.pem"));
  CHECK(has("SSL_CERT_DIR=" + here + "/lib/certs:/etc/ssl/certs:" + here + "/more"));
  CHECK(has("CURL_CA_BUNDLE=/etc/ssl/absolute.pem"));
#endif
}
