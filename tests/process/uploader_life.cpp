// The limits on an uploader's life, whatever it waits for.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace {

std::vector<std::string> detached(const std::string& url) { return {"--url", url, "--unattended", "on"}; }

/// The files of a home, at any depth.
std::vector<std::string> files_in(const std::filesystem::path& home) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(home, error), end; !error && it != end; it.increment(error))
    if (!it->is_directory()) files.push_back(it->path().lexically_relative(home).string());
  return files;
}

}  // namespace

TEST_CASE("uploader life: before it is another program it asks the kernel to end it after 60 s") {
  if (!can_trace()) return;
  Server server;
  const Sandbox sandbox;
  const auto file = sandbox.root() / "calls";
  run(under_strace(sandbox.command("reporter", detached(server.url())),
                   {"-f", "-e", "trace=alarm,execve", "-e", "signal=none", "-o", file.string()}));
  CHECK(sandbox.wait_for_no_uploader());
  std::istringstream lines(read_file(file));
  std::vector<std::string> calls;
  for (std::string line; std::getline(lines, line);)
    if (const auto begin = line.find_first_not_of("0123456789 "); line.find('(') != line.npos)
      calls.push_back(line.substr(begin, line.find_first_of(",)") - begin));
  REQUIRE(calls.size() >= 3);
  CHECK(calls[0].find("execve(") == 0);
  CHECK(calls[1] == "alarm(60");
  CHECK(calls[2] == "execve(\"/proc/self/exe\"");
  REQUIRE(calls.size() >= 4);  // and once more as the uploader, which may have been started in another way
  for (std::size_t i = 3; i < calls.size(); ++i) CHECK(calls[i] == "alarm(60");
}

TEST_CASE("uploader life: its alarm ends it while it waits for a server, and the next one sends the report") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  const Sandbox sandbox;
  CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
  const std::string body = server.wait_for(1)[0].body;
  REQUIRE(sandbox.uploaders().size() == 1);
  REQUIRE(::kill(sandbox.uploaders()[0], SIGALRM) == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 1);

  server.answer([](const ReceivedRequest&) { return Answer{200}; });
  CHECK(sandbox.run("reporter", sending_to(server.url())).exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().empty());
  std::multiset<std::string> bodies;
  for (const ReceivedRequest& request : server.requests()) bodies.insert(request.body);
  CHECK(bodies.size() == 3);
  CHECK(bodies.count(body) == 2);  // told by its session_id and sequence that it is the same
}

TEST_CASE("uploader life: where more waits than one of them can send, a successor goes on") {
  constexpr std::size_t reports = 8;
  Server server(503);
  const Sandbox sandbox;
  for (std::size_t i = 1; i < reports; ++i) sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  REQUIRE(sandbox.pending().size() == reports - 1);
  make_due(sandbox);
  const std::size_t refused = server.requests().size();
  server.answer([](const ReceivedRequest&) { return Answer{200, {}, {}, std::chrono::seconds(8)}; });  // slow, no more

  std::set<pid_t> lives;
  CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
  CHECK(wait_until(
      [&] {
        if (const pid_t id = sandbox.has_lock()) lives.insert(id);
        return sandbox.pending().empty();
      },
      std::chrono::seconds(120)));
  CHECK(lives.size() == 2);
  std::set<std::string> bodies;
  const std::vector<ReceivedRequest> requests = server.requests();
  for (std::size_t i = refused; i < requests.size(); ++i) bodies.insert(requests[i].body);
  CHECK(bodies.size() == reports);
  CHECK(requests.size() == refused + reports);
}

TEST_CASE("uploader life: it ends with its folder, and makes none") {
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, std::chrono::milliseconds(500)}; });
  const Sandbox sandbox;
  CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
  server.wait_for(1);
  REQUIRE(sandbox.uploaders().size() == 1);
  std::filesystem::remove_all(sandbox.home());
  CHECK(sandbox.wait_for_no_uploader());
  CHECK_FALSE(std::filesystem::exists(sandbox.home()));
}

TEST_CASE("uploader life: a file that is removed while it waits for an answer does not come back") {
  const std::string kinds[] = {"state.json", "uploader.lock", "usage_stats.json", ""};  // the last: all that there are
  for (const std::string& kind : kinds)
    for (const int status : {200, 404, 503}) {
      CAPTURE(kind);
      CAPTURE(status);
      std::atomic<bool> held{true};
      Server server([&](const ReceivedRequest&) {
        wait_until([&] { return !held; });
        return Answer{status};
      });
      const Sandbox sandbox;
      CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
      server.wait_for(1);
      std::vector<std::string> removed;
      for (const std::string& file : files_in(sandbox.home()))
        if (kind.empty() || std::filesystem::path(file).filename() == kind) removed.push_back(file);
      // What lies beside a report goes with it, and comes only now.
      if (kind == "usage_stats.json")
        removed.push_back((std::filesystem::path(removed.at(0)).parent_path() / "delivery.json").string());
      REQUIRE_FALSE(removed.empty());
      for (const std::string& file : removed) std::filesystem::remove(sandbox.home() / file);
      held = false;
      CHECK(sandbox.wait_for_no_uploader());
      for (const std::string& file : removed) CHECK_MESSAGE(!std::filesystem::exists(sandbox.home() / file), file);
      if (kind.empty()) CHECK(files_in(sandbox.home()).empty());
    }
}

TEST_CASE("uploader life: a home can be removed right after a run, and nothing comes back") {
  constexpr int runs = 40;
  int failed = 0;
  Server server;
  const Sandbox sandbox;
  Command remove{"rm", {"-rf", sandbox.home().string()}};
  remove.inherit_environment = true;
  for (int i = 0; i < runs; ++i) {
    std::filesystem::create_directories(sandbox.home());
    CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
    failed += run(remove).exit_code == 0 ? 0 : 1;
    CHECK(sandbox.wait_for_no_uploader());
    for (const std::string& file : files_in(sandbox.home())) CHECK_MESSAGE(false, file << " is there again");
    std::filesystem::remove_all(sandbox.home());
  }
  // `rm` may meet the temporary name of a file, which exists for some microseconds; longer where the machine is busy.
  CHECK(failed <= runs / 10);
}

TEST_CASE("uploader life: it has a limit on its memory above what the program has") {
  Server server;
  const Sandbox sandbox;
  server.answer([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  CHECK(sandbox.run("reporter", detached(server.url())).exit_code == 0);
  server.wait_for(1);
  REQUIRE(sandbox.uploaders().size() == 1);
  struct rlimit limit {};
  REQUIRE(::prlimit(sandbox.uploaders()[0], RLIMIT_DATA, nullptr, &limit) == 0);
#if !defined(USAGE_STATS_SANITIZED)
  // What it has, by proc(5), is what the program had and the stacks of its threads, and little of its own.
  const std::string known = read_file("/proc/" + std::to_string(sandbox.uploaders()[0]) + "/status");
  const auto kib = [&](const char* name) { return std::stoul(known.substr(known.find(name) + std::strlen(name))); };
  CHECK(limit.rlim_cur <= (kib("VmData:") + kib("VmStk:") + 64 * 1024) * 1024);
  CHECK(limit.rlim_cur > 64 * 1024 * 1024);
#endif
}
