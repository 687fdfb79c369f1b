#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

// What somebody else may have put where the library's files belong. Each time the program does its work, and neither a
// byte of the stranger's file is changed nor one of it sent.
namespace fs = std::filesystem;

namespace {

constexpr const char* stranger_text = "{\"stranger\": \"do not read me, do not write me\"}\n";

/// Something in the way of a run: `put` is told the usage folder, which exists, and a stranger's file.
struct Obstacle {
  const char* name;
  std::function<void(const fs::path& usage, const fs::path& stranger)> put;
};

void remake(const fs::path& folder, unsigned mode) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  ::chmod(folder.c_str(), mode);
}

const Obstacle whole_folder[] = {
    {"a link in place of the folder",
     [](const fs::path& usage, const fs::path& stranger) {
       fs::remove_all(usage);
       fs::create_directory_symlink(stranger.parent_path(), usage);
     }},
    {"a file in place of the folder",
     [](const fs::path& usage, const fs::path&) {
       fs::remove_all(usage);
       write_file(usage, "");
     }},
    {"a folder that anybody may write", [](const fs::path& usage, const fs::path&) { remake(usage, 0777); }},
    {"a folder that its group may write", [](const fs::path& usage, const fs::path&) { remake(usage, 0770); }},
    {"a folder in one that anybody may write",
     [](const fs::path& usage, const fs::path&) { ::chmod(usage.parent_path().c_str(), 0777); }},
    {"active/ that anybody may write", [](const fs::path& usage, const fs::path&) { remake(usage / "active", 0777); }},
    {"active/ is a link",
     [](const fs::path& usage, const fs::path& stranger) {
       fs::remove_all(usage / "active");
       fs::create_directory_symlink(stranger.parent_path(), usage / "active");
     }},
    {"a file in place of active/",
     [](const fs::path& usage, const fs::path&) {
       fs::remove_all(usage / "active");
       write_file(usage / "active", "");
     }},
    {"a pipe in place of active/",
     [](const fs::path& usage, const fs::path&) {
       fs::remove_all(usage / "active");
       ::mkfifo((usage / "active").c_str(), 0600);
     }},
    {"a link in place of state.json",
     [](const fs::path& usage, const fs::path& stranger) {
       fs::remove(usage / "state.json");
       fs::create_symlink(stranger, usage / "state.json");
     }},
    {"a stranger's file in place of state.json",
     [](const fs::path& usage, const fs::path& stranger) {
       fs::remove(usage / "state.json");
       fs::create_hard_link(stranger, usage / "state.json");
     }},
    {"a pipe in place of state.json",
     [](const fs::path& usage, const fs::path&) {
       fs::remove(usage / "state.json");
       ::mkfifo((usage / "state.json").c_str(), 0600);
     }},
    {"a folder in place of state.json",
     [](const fs::path& usage, const fs::path&) {
       fs::remove(usage / "state.json");
       fs::create_directory(usage / "state.json");
     }},
};

const Obstacle inner_folder[] = {
    {"a link", [](const fs::path& folder,
                  const fs::path& stranger) { fs::create_directory_symlink(stranger.parent_path(), folder); }},
    {"anybody may write it", [](const fs::path& folder, const fs::path&) { remake(folder, 0777); }},
    {"a file", [](const fs::path& folder, const fs::path&) { write_file(folder, ""); }},
    {"a pipe", [](const fs::path& folder, const fs::path&) { REQUIRE(::mkfifo(folder.c_str(), 0600) == 0); }},
};

struct Stranger {
  Server server{};
  Sandbox sandbox{};
  fs::path file = sandbox.root() / "stranger" / "file.json";

  Stranger() {
    write_file(file, stranger_text);
    sandbox.run("reporter", {"--unattended", "local"});
    fs::remove_all(sandbox.usage_folder() / "local");
    sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  }
  Result run() { return sandbox.run("reporter", sending_to(server.url(), {"--print", "done", "--exit", "3"})); }
  /// A run whose report waits, and is due again; from then on the server takes what comes. Returns where it lies.
  fs::path waiting_report() {
    sandbox.collect = false;
    server.answer([](const ReceivedRequest&) { return Answer{503}; });
    run();
    CHECK(sandbox.wait_for_no_uploader());
    make_due(sandbox);
    server.answer([](const ReceivedRequest&) { return Answer{200}; });
    return sandbox.report_files().at(0);
  }
  void check_untouched() const {
    CHECK(read_file(file) == stranger_text);
    CHECK(names_in(file.parent_path()) == std::vector<std::string>{"file.json"});
    for (const ReceivedRequest& request : server.requests()) CHECK(request.body.find("stranger") == std::string::npos);
  }
};

void check_host(const Result& result) {
  CHECK(result.exit_code == 3);
  CHECK(result.out == "done\n");
}

}  // namespace

TEST_CASE("storage refuses: a folder or state.json that is not what it should be makes the session inert") {
  for (const Obstacle& obstacle : whole_folder) {
    CAPTURE(obstacle.name);
    Stranger stranger;
    obstacle.put(stranger.sandbox.usage_folder(), stranger.file);
    const Result result = stranger.run();
    check_host(result);
    CHECK(result.err.find("nothing is recorded: " + stranger.sandbox.usage_folder().string()) != std::string::npos);
    CHECK(stranger.server.requests().empty());
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: a folder of somebody else's") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can give a folder away");
    return;
  }
  for (const char* const inner : {"", "active"}) {
    CAPTURE(inner);
    Stranger stranger;
    REQUIRE(::chown((stranger.sandbox.usage_folder() / inner).c_str(), 65534, 65534) == 0);
    const Result result = stranger.run();
    check_host(result);
    CHECK(result.err.find("nothing is recorded") != std::string::npos);
    CHECK(stranger.server.requests().empty());
    CHECK(stranger.sandbox.report_files().empty());
  }
}

TEST_CASE("storage refuses: links and pipes among the envelopes are neither followed nor waited for") {
  for (const char* const folder : {"active", "pending"}) {
    CAPTURE(folder);
    Stranger stranger;
    const fs::path place = stranger.sandbox.usage_folder() / folder;
    fs::create_directories(place);
    ::chmod(place.c_str(), 0700);
    fs::create_symlink(stranger.file, place / std::string(32, 'a'));
    fs::create_hard_link(stranger.file, place / std::string(32, 'b'));
    ::mkfifo((place / std::string(32, 'c')).c_str(), 0600);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().size() == 1);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: what is in place of pending/ keeps reports waiting, until it is gone") {
  for (const Obstacle& obstacle : inner_folder) {
    CAPTURE(obstacle.name);
    Stranger stranger;
    const fs::path pending = stranger.sandbox.usage_folder() / "pending";
    fs::remove_all(pending);
    obstacle.put(pending, stranger.file);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().empty());
    CHECK(stranger.sandbox.active().size() == 1);
    stranger.check_untouched();
    fs::remove_all(pending);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().size() == 2);
    CHECK(stranger.sandbox.active().empty());
  }
}

TEST_CASE("storage refuses: what is in place of the client's folder is not written, and the run counts as lost") {
  for (const Obstacle& obstacle : inner_folder) {
    CAPTURE(obstacle.name);
    Stranger stranger;
    check_host(stranger.run());
    const fs::path client = stranger.sandbox.report_files().at(0).parent_path().parent_path();
    fs::remove_all(client);
    obstacle.put(client, stranger.file);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().size() == 1);
    stranger.check_untouched();
    fs::remove_all(client);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    std::multiset<std::string> outcomes;
    for (const ReceivedRequest& request : stranger.server.requests())
      outcomes.insert(nlohmann::json::parse(request.body)["outcome"]["status"].get<std::string>());
    CHECK(outcomes == std::multiset<std::string>{"failed", "failed", "lost"});
  }
}

TEST_CASE("storage refuses: a link in place of a folder leads to no report") {
  for (const bool whole_client : {false, true}) {
    CAPTURE(whole_client);
    Stranger stranger;
    const fs::path session = stranger.waiting_report().parent_path(), client = session.parent_path();
    const fs::path theirs = stranger.sandbox.root() / "theirs", their_session = theirs / session.filename();
    write_file(their_session / "usage_stats.json", stranger_text);
    fs::remove_all(whole_client ? client : session);
    fs::create_directory_symlink(whole_client ? theirs : their_session, whole_client ? client : session);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(names_in(theirs) == std::vector<std::string>{session.filename().string()});
    CHECK(names_in(their_session) == std::vector<std::string>{"usage_stats.json"});
    CHECK(read_file(their_session / "usage_stats.json") == stranger_text);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: a report that is a link is not sent, nor is what a second name of a file says") {
  for (const bool hard : {false, true}) {
    CAPTURE(hard);
    Stranger stranger;
    const fs::path report = stranger.waiting_report();
    fs::remove(report);
    hard ? fs::create_hard_link(stranger.file, report) : fs::create_symlink(stranger.file, report);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().size() == 2);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: an uploader.lock that is a link or a pipe stops the sending, not the program") {
  for (const bool pipe : {false, true}) {
    CAPTURE(pipe);
    Stranger stranger;
    const fs::path lock = stranger.sandbox.usage_folder() / "uploader.lock";
    fs::remove(lock);
    pipe ? static_cast<void>(::mkfifo(lock.c_str(), 0600)) : fs::create_symlink(stranger.file, lock);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().empty());
    CHECK(stranger.sandbox.pending().size() == 1);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: a report that is a pipe is not waited for") {
  Stranger stranger;
  const fs::path report = stranger.waiting_report();
  fs::remove(report);
  REQUIRE(::mkfifo(report.c_str(), 0600) == 0);
  check_host(stranger.run());
  CHECK(stranger.server.requests().size() == 2);
}

TEST_CASE("storage refuses: a delivery.json that is a link or a pipe is replaced, and the report is sent") {
  for (const std::string what : {"link", "hard link", "pipe"}) {
    CAPTURE(what);
    Stranger stranger;
    const fs::path file = stranger.waiting_report().parent_path() / "delivery.json";
    REQUIRE(fs::remove(file));
    if (what == "link") fs::create_symlink(stranger.file, file);
    if (what == "hard link") fs::create_hard_link(stranger.file, file);
    if (what == "pipe") REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    check_host(stranger.run());
    CHECK(stranger.server.wait_for(3).size() == 3);
    CHECK(stranger.sandbox.wait_for_no_uploader());
    REQUIRE(fs::is_regular_file(fs::symlink_status(file)));
    CHECK(read_file(file).find("delivered") != std::string::npos);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: an uploader.lock that has a second name is as good, and is not written") {
  Stranger stranger;
  const fs::path lock = stranger.sandbox.usage_folder() / "uploader.lock";
  fs::remove(lock);
  fs::create_hard_link(stranger.file, lock);
  check_host(stranger.run());
  CHECK(stranger.sandbox.wait_for_no_uploader());
  CHECK(stranger.server.requests().size() == 1);
  stranger.check_untouched();
}

TEST_CASE("storage refuses: an uploader.log that is a link or a pipe is not written, and the report is sent") {
  for (const std::string what : {"link", "hard link", "pipe"}) {
    CAPTURE(what);
    Stranger stranger;
    const fs::path log = stranger.sandbox.usage_folder() / "uploader.log";
    fs::remove(log);
    if (what == "link") fs::create_symlink(stranger.file, log);
    if (what == "hard link") fs::create_hard_link(stranger.file, log);
    if (what == "pipe") REQUIRE(::mkfifo(log.c_str(), 0600) == 0);
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    CHECK(stranger.server.requests().size() == 1);
    stranger.check_untouched();
  }
}

TEST_CASE("storage refuses: a link is a link behind a slash, too") {
  for (const std::string behind : {"", "/", "//", "/.", "/./"}) {
    CAPTURE(behind);
    Sandbox sandbox;
    const fs::path theirs = sandbox.root() / "theirs", link = sandbox.root() / "link";
    fs::create_directory(theirs);
    fs::permissions(theirs, fs::perms::owner_all);
    fs::create_directory_symlink(theirs, link);
    const auto run_in = [&](const fs::path& folder) {
      const Result result =
          sandbox.run("reporter", {"--unattended", "local", "--exit", "3", "--directory", folder.string() + behind});
      CHECK(result.exit_code == 3);
      CHECK(result.err == "");
    };
    run_in(link);
    CHECK(names_in(theirs).empty());
    run_in(theirs);
    CHECK_FALSE(names_in(theirs).empty());
  }
}

TEST_CASE("storage refuses: an envelope that points out of the folder leads nowhere") {
  const std::string id(32, 'a');
  for (const auto& target : {std::pair<std::string, std::string>{"../../../stranger", id},
                             {"local", "../../../../stranger"},
                             {"..", id},
                             {"local/..", id},
                             {id + "/../..", id},
                             {"local", id.substr(1)},
                             {"LOCAL", id},
                             {std::string(1, '\0'), id}}) {
    CAPTURE(target.first);
    CAPTURE(target.second);
    Stranger stranger;
    stranger.sandbox.collect = false;
    write_file(stranger.file.parent_path() / "usage_stats.json", stranger_text);
    const nlohmann::json envelope = {
        {"schema", "usage-stats-label/1"},
        {"app", "reporter"},
        {"version", "1"},
        {"client_id", target.first},
        {"session_id", target.second},
        {"sequence", 1},
        {"created", 1},
        {"rule", 7},
        {"destinations", {{{"url", stranger.server.url("/outside")}, {"protocol", "json"}}}}};
    for (const char* const folder : {"active", "pending"}) {
      const fs::path place = stranger.sandbox.usage_folder() / folder;
      write_file(place / id, envelope.dump() + "\n");
      ::chmod(place.c_str(), 0700);
    }
    check_host(stranger.run());
    CHECK(stranger.sandbox.wait_for_no_uploader());
    for (const ReceivedRequest& request : stranger.server.requests()) CHECK(request.target == "/v1/usage");
    CHECK(stranger.server.requests().size() == 1);
    CHECK(read_file(stranger.file) == stranger_text);
    CHECK(read_file(stranger.file.parent_path() / "usage_stats.json") == stranger_text);
  }
}

TEST_CASE("storage refuses: files that anybody may read are made its owner's alone again when they are written") {
  Stranger stranger;
  stranger.waiting_report();
  stranger.server.answer([](const ReceivedRequest&) { return Answer{503}; });
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(stranger.sandbox.usage_folder()))
    if (entry.is_regular_file()) files.push_back(entry.path());
  for (const fs::path& file : files) fs::permissions(file, static_cast<fs::perms>(0666));
  check_host(stranger.run());
  int rewritten = 0;
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (name != "state.json" && name != "delivery.json" && file.parent_path().filename() != "pending") continue;
    CAPTURE(file);
    CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    ++rewritten;
  }
  CHECK(rewritten == 3);
}
