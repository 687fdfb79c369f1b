// A usage folder full of strange files costs the host no more than an empty one.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

std::set<std::string> sessions_of(const Sandbox& sandbox) {
  std::set<std::string> sessions;
  for (const fs::path& file : sandbox.report_files()) sessions.insert(file.parent_path().filename().string());
  return sessions;
}

/// The names of the system calls of one run, in their order. Of a run that does not look after those that have
/// vanished, as one in sixteen does.
std::string calls_of_a_run(const Sandbox& sandbox, const std::string& url) {
  const fs::path file = sandbox.root() / "calls";
  const Command command = sandbox.command("reporter", {"--url", url, "--unattended", "on", "--exit", "3"});
  for (;;) {
    const std::set<std::string> before = sessions_of(sandbox);
    CHECK(run(under_strace(command, {"-o", file.string()})).exit_code == 3);
    sandbox.end_uploaders();
    std::vector<std::string> added;
    const std::set<std::string> after = sessions_of(sandbox);
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(added));
    REQUIRE(added.size() == 1);
    if (added[0][0] != '0') break;
  }
  std::istringstream lines(read_file(file));
  std::string names;
  for (std::string line; std::getline(lines, line);)
    // Whether it waits for the uploader's start, or finds it done, is a matter of luck.
    if (line.compare(0, 6, "futex(") != 0) names += line.substr(0, line.find('(')) + "\n";
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
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader(std::chrono::minutes(2)));
  // However deep among them, each report has been found.
  std::set<std::string> sessions;
  for (const ReceivedRequest& request : server.requests())
    sessions.insert(nlohmann::json::parse(request.body)["session_id"].get<std::string>());
  CHECK(sessions == sessions_of(sandbox));
  CHECK(sessions.size() >= 5);
}
