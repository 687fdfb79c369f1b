// A usage folder full of strange files costs the host no more than an empty one.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

bool can_trace() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: a sanitizer makes system calls of its own");
  return false;
#else
  Command command{"strace", {"-o", "/dev/null", "true"}};
  command.inherit_environment = true;
  if (run(command).exit_code == 0) return true;
  MESSAGE("skipped: strace may not trace here");
  return false;
#endif
}

/// The names of the system calls of one run, in their order.
std::string calls_of_a_run(const Sandbox& sandbox, const std::string& url) {
  const fs::path file = sandbox.root() / "calls";
  Command command = sandbox.command("reporter", {"--url", url, "--unattended", "on", "--exit", "3"});
  command.arguments.insert(command.arguments.begin(), {"-o", file.string(), command.program.string()});
  command.program = "strace";
  CHECK(run(command).exit_code == 3);
  sandbox.end_uploaders();
  std::istringstream lines(read_file(file));
  std::string names;
  for (std::string line; std::getline(lines, line);) names += line.substr(0, line.find('(')) + "\n";
  return names;
}

void fill(const fs::path& folder, int count) {
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(directory >= 0);
  for (int i = 0; i < count; ++i) {
    const std::string name = "strange " + std::to_string(i);
    const int file = ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    ::close(file);
  }
  ::close(directory);
}

}  // namespace

TEST_CASE("strange files: 100,000 of them are nothing to the host, and no obstacle to the uploader") {
  if (!can_trace()) return;
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  calls_of_a_run(sandbox, server.url());
  const std::string before = calls_of_a_run(sandbox, server.url());
  for (const char* const name : {"active", "pending"}) fill(sandbox.usage_folder() / name, 30000);
  fill(sandbox.usage_folder(), 20000);
  fill(sandbox.report_files().at(0).parent_path().parent_path(), 20000);
  CHECK(calls_of_a_run(sandbox, server.url()) == before);
  const std::size_t sent = server.requests().size();
  sandbox.run("reporter", sending_to(server.url()));
  server.wait_for(sent + 1);
  CHECK(sandbox.wait_for_no_uploader(std::chrono::minutes(2)));
}
