// What is kept, and for how long.
#include <doctest/doctest.h>

#include <algorithm>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

std::string numbered(int number) {
  std::string digits = std::to_string(number);
  return std::string(32 - digits.size(), '0') + digits;
}

void age(const std::filesystem::path& path, std::chrono::hours by) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - by);
}

/// Copies the only report there is under other names, each an hour older than the one before.
void copy_sessions(const Sandbox& sandbox, int count) {
  const auto session = sandbox.report_files().at(0).parent_path();
  for (int i = 0; i < count; ++i) {
    const auto copy = session.parent_path() / numbered(i);
    std::filesystem::copy(session, copy);
    age(copy, std::chrono::hours(i + 1));
  }
}

}  // namespace

TEST_CASE("retention: the uploader keeps 50 sessions, the newest") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  copy_sessions(sandbox, 80);
  CHECK(sandbox.report_files().size() == 81);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto files = sandbox.report_files();
  CHECK(files.size() == 50);
  CHECK(std::any_of(files.begin(), files.end(),
                    [](const auto& file) { return file.parent_path().filename() == numbered(0); }));
  CHECK(std::none_of(files.begin(), files.end(),
                     [](const auto& file) { return file.parent_path().filename() == numbered(60); }));
}

TEST_CASE("retention: 30 days") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  const auto old = sandbox.report_files().at(0).parent_path();
  age(old, std::chrono::hours(24 * 30 + 1));
  const auto younger = old.parent_path() / numbered(1);
  std::filesystem::copy(old, younger);
  age(younger, std::chrono::hours(24 * 30 - 1));
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK_FALSE(std::filesystem::exists(old));
  CHECK(std::filesystem::exists(younger));
}

TEST_CASE("retention: local reports are pruned too, without a server") {
  Sandbox sandbox;
  const std::vector<std::string> local{"--unattended", "local"};
  sandbox.run("reporter", local);
  copy_sessions(sandbox, 180);
  sandbox.run("reporter", local);
  CHECK(wait_until([&] { return sandbox.report_files().size() == 50; }));
}

TEST_CASE("retention: of local reports there are never many more than 50, and none that is much older than 30 days") {
  Sandbox sandbox;
  const std::vector<std::string> local{"--unattended", "local"};
  sandbox.run("reporter", local);
  CHECK(sandbox.uploaders().empty());
  copy_sessions(sandbox, 66);
  sandbox.run("reporter", local);
  CHECK(wait_until([&] { return sandbox.report_files().size() == 50; }));

  CHECK(sandbox.wait_for_no_uploader());
  const auto old = sandbox.report_files().at(10).parent_path();
  age(old, std::chrono::hours(24 * 30 + 1));
  sandbox.run("reporter", local);
  CHECK(wait_until([&] { return !std::filesystem::exists(old); }));
}

TEST_CASE("retention: reports that were sent go after 30 days, also where only local ones are made now") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto sent = sandbox.report_files().at(0).parent_path();
  const std::vector<std::string> local{"--unattended", "local"};
  age(sent, std::chrono::hours(24 * 30 + 1));
  age(sent.parent_path(), std::chrono::hours(24 * 30 + 1));
  sandbox.run("reporter", local);
  CHECK(wait_until([&] { return !std::filesystem::exists(sent); }));
}

TEST_CASE("retention: a dead server leaves a thousand waiting, be it in its back-off") {
  SilentPort dead(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.collect = false;
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto pending = sandbox.usage_folder() / "pending";
  const std::string name = sandbox.pending().at(0), envelope = read_file(pending / name);
  const std::string report = read_file(sandbox.report_files().at(0));
  const auto client = sandbox.report_files().at(0).parent_path().parent_path();
  const auto renamed = [&](std::string text, const std::string& id) {
    for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 32)) text.replace(at, 32, id);
    return text;
  };
  for (int i = 1; i < 1010; ++i) {
    std::string id = std::to_string(i);
    id = std::string(32 - id.size(), '0') + id;
    std::filesystem::create_directory(client / id);
    write_file(client / id / "usage_stats.json", renamed(report, id));
    write_file(pending / id, renamed(envelope, id));
  }
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(wait_until([&] { return sandbox.pending().size() == 1000; }));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 1000);
  CHECK(state_of(sandbox)["dropped"] == 11);
}

TEST_CASE("retention: where no uploader can be started, the program itself holds the limits") {
  Sandbox sandbox;
  sandbox.collect = false;
  sandbox.environment["ASAN_OPTIONS"] = "detect_leaks=0";  // as in plugin.cpp
  Command command = sandbox.command(
      "plugin_host", {program("plugin_unloadable.so").string(), "http://127.0.0.1:9/", "detached", "1010"});
  command.time_limit = std::chrono::minutes(5);
  CHECK(run(command).exit_code == 0);
  CHECK(sandbox.report_files().size() == 1010);
  CHECK(sandbox.pending().size() == 1000);
}

TEST_CASE("retention: an envelope that says nothing goes, and is counted") {
  Server server(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string name = sandbox.pending().at(0);
  write_file(sandbox.usage_folder() / "pending" / name, "{\"torn");
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().size() == 1);
  CHECK(sandbox.pending().at(0) != name);
  CHECK(state_of(sandbox)["dropped"] == 1);
}

TEST_CASE("retention: `disable` prunes, for no uploader comes any more") {
  Sandbox sandbox;
  sandbox.run("reporter", {"--unattended", "local"});
  copy_sessions(sandbox, 80);
  CHECK(sandbox.run("reporter", {"--as", "usage-stats", "disable"}).exit_code == 0);
  CHECK(sandbox.report_files().size() == 50);
}

TEST_CASE("retention: folders of ids that nobody uses any more go") {
  Server server;
  Sandbox sandbox;
  for (int i = 0; i < 3; ++i) {
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.wait_for_no_uploader());
    CHECK(run_usage_stats(sandbox, {"reset"}).exit_code == 0);
  }
  for (const auto& file : sandbox.report_files()) {
    age(file.parent_path(), std::chrono::hours(24 * 40));
  }
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  for (const auto& entry : std::filesystem::directory_iterator(sandbox.usage_folder()))
    if (entry.is_directory() && entry.path().filename() != "active" && entry.path().filename() != "pending")
      age(entry.path(), std::chrono::hours(2));
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  int folders = 0;
  for (const std::string& name : names_in(sandbox.usage_folder())) folders += name.size() == 32;
  CHECK(folders == 1);
}
