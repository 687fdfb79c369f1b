// Programs that run as somebody else than the one who started them, in homes and folders of somebody else. All of it
// needs root: only root can be two users.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

constexpr unsigned alice = 65533, bob = 65532;

bool can_be_others() {
  Command command{"setpriv",
                  {"--reuid", std::to_string(alice), "--regid", std::to_string(alice), "--clear-groups", "true"}};
  command.inherit_environment = true;
  if (::geteuid() == 0 && run(command).exit_code == 0) return true;
  MESSAGE("skipped: to be two users needs root");
  return false;
}

/// The command, started by that user.
Command as(Command command, unsigned user) {
  command.arguments.insert(command.arguments.begin(), {"--reuid", std::to_string(user), "--regid", std::to_string(user),
                                                       "--clear-groups", command.program.string()});
  command.program = "setpriv";
  return command;
}

void give(const fs::path& path, unsigned user) { REQUIRE(::lchown(path.c_str(), user, user) == 0); }

void give_all(const fs::path& folder, unsigned user) {
  give(folder, user);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) give(entry.path(), user);
}

/// A sandbox whose home is that user's, with a copy of the reporter that anybody may start.
struct Shared {
  Sandbox sandbox{};
  fs::path reporter = sandbox.root() / "bin" / "reporter";

  explicit Shared(unsigned owner) {
    fs::create_directories(reporter.parent_path());
    fs::copy_file(program("reporter"), reporter);
    ::chmod(sandbox.root().c_str(), 0755);
    give_all(sandbox.home(), owner);
    give_all(sandbox.root() / "tmp", owner);
  }
  Command command(const std::vector<std::string>& arguments) const {
    Command made = sandbox.command("reporter", arguments);
    made.program = reporter;
    return made;
  }
};

/// Where what waits is sent.
void json_endpoint(const Sandbox& sandbox, const std::string& url) {
  nlohmann::json label = waiting_label(sandbox);
  label["destinations"][0]["url"] = url;
  set_waiting_label(sandbox, label);
}

bool all_belong_to(const fs::path& folder, unsigned user) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0 || status.st_uid != user) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("foreign users: a program that runs with its owner's rights is off, whatever anybody wants") {
  if (!can_be_others()) return;
  struct Rights {
    const char* what;
    unsigned owner;
    mode_t mode;
  };
  for (const Rights& rights :
       {Rights{"setuid bob", bob, 04755}, {"setuid root", 0, 04755}, {"setgid bob", bob, 02755}}) {
    CAPTURE(std::string(rights.what));
    Server server;
    const Shared shared(alice);
    give(shared.reporter, rights.owner);
    REQUIRE(::chmod(shared.reporter.c_str(), rights.mode) == 0);
    Command command = shared.command(sending_to(server.url(), {"--info", "--print", "done", "--exit", "3"}));
    command.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    const auto before = tree(shared.sandbox.root());
    const Result result = run(as(command, alice));
    CHECK(result.exit_code == 3);
    CHECK(result.err == "");
    CHECK(result.out.find("verdict=off\nrule=1\n") == 0);
    CHECK(result.out.find("\ndone\n") != std::string::npos);
    CHECK(tree(shared.sandbox.root()) == before);
    CHECK(server.requests().empty());
  }
}

TEST_CASE("foreign users: a setuid program that is told to be an uploader does not work for whoever tells it") {
  if (!can_be_others()) return;
  for (const char* const name : {"reporter", "reporter_curl"}) {
    CAPTURE(std::string(name));
    Server server;
    const Shared shared(0);
    fs::copy_file(program(name), shared.reporter, fs::copy_options::overwrite_existing);
    // Root's own folder with a report that is due, and a program of Alice's where curl is looked for first.
    SilentPort nobody(SilentPort::Behaviour::refuses);
    CHECK(run(shared.command(sending_to(nobody.url()))).exit_code == 0);
    make_due(shared.sandbox);
    json_endpoint(shared.sandbox, server.url());
    const fs::path theirs = shared.sandbox.root() / "theirs";
    write_file(theirs / "curl", "#!/bin/sh\necho called >'" + (theirs / "called").string() + "'\n");
    ::chmod((theirs / "curl").c_str(), 0755);
    give_all(theirs, alice);
    REQUIRE(::chmod(shared.reporter.c_str(), 04755) == 0);
    Command command = shared.command({"--print", "done"});
    command.environment["USAGE_STATS_UPLOADER"] = shared.sandbox.usage_folder();
    command.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
    command.environment["PATH"] = theirs.string() + ":/usr/bin:/bin";
    const auto before = tree(shared.sandbox.root());
    CHECK(run(as(command, alice)).out == "");
    CHECK(tree(shared.sandbox.root()) == before);
    CHECK(server.requests().empty());
    // It is that which keeps it from working: Root itself can.
    ::chmod(shared.reporter.c_str(), 0755);
    command.environment["PATH"] = "/usr/bin:/bin";
    run(command);
    CHECK(server.requests().size() == 1);
  }
}

TEST_CASE("foreign users: without those rights the same program is on") {
  if (!can_be_others()) return;
  Server server;
  const Shared shared(alice);
  Command command = shared.command(sending_to(server.url()));
  CHECK(run(as(command, alice)).exit_code == 0);
  CHECK(server.requests().size() == 1);
  CHECK(all_belong_to(shared.sandbox.home(), alice));
}

TEST_CASE("foreign users: root with the user's HOME leaves nothing there, neither in a new home nor in one in use") {
  if (!can_be_others()) return;
  for (const bool used : {false, true}) {
    CAPTURE(used);
    Server server;
    const Shared shared(alice);
    if (used) run(as(shared.command(sending_to(server.url())), alice));
    const auto before = tree(shared.sandbox.home());
    const std::size_t sent = server.requests().size();
    Command command = shared.command(sending_to(server.url(), {"--exit", "3"}));
    command.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    command.environment["USAGE_STATS_DEBUG"] = "1";
    const Result result = run(command);
    CHECK(result.exit_code == 3);
    CHECK(result.err.find("nothing is recorded") != std::string::npos);
    CHECK(tree(shared.sandbox.home()) == before);
    CHECK(all_belong_to(shared.sandbox.home(), alice));
    CHECK(server.requests().size() == sent);
    if (used) CHECK(run(as(shared.command(sending_to(server.url())), alice)).exit_code == 0);
    if (used) CHECK(server.requests().size() == sent + 1);
  }
}

TEST_CASE("foreign users: a decision that root takes with the user's HOME is the user's, and so are its files") {
  if (!can_be_others()) return;
  for (const bool used : {false, true})
    for (const char* const word : {"enable", "disable"}) {
      CAPTURE(used);
      CAPTURE(word);
      const Shared shared(alice);
      const fs::path config = shared.sandbox.config_file();
      if (used) CHECK(run(as(shared.command({"--as", "usage-stats", "enable"}), alice)).exit_code == 0);
      CHECK(run(shared.command({"--as", "usage-stats", word})).exit_code == 0);
      CHECK(read_file(config).find(word[0] == 'e' ? "true" : "false") != std::string::npos);
      CHECK(all_belong_to(config.parent_path(), alice));
      CHECK(all_belong_to(shared.sandbox.home(), alice));
    }
}

TEST_CASE("foreign users: a folder that somebody else has put into a place for all is not used") {
  if (!can_be_others()) return;
  Server server;
  const Shared shared(alice);
  const fs::path place = shared.sandbox.root() / "tmp for all", folder = place / "usage";
  fs::create_directories(folder);
  REQUIRE(::chmod(place.c_str(), 01777) == 0);
  give(folder, bob);
  for (const mode_t mode : {0700U, 0755U, 0777U}) {
    CAPTURE(mode);
    REQUIRE(::chmod(folder.c_str(), mode) == 0);
    Command command = shared.command(sending_to(server.url(), {"--directory", folder.string(), "--exit", "3"}));
    command.environment["USAGE_STATS_DEBUG"] = "1";
    const Result result = run(as(command, alice));
    CHECK(result.exit_code == 3);
    CHECK(result.err.find("nothing is recorded: " + folder.string()) != std::string::npos);
    CHECK(names_in(folder).empty());
  }
  CHECK(server.requests().empty());
  fs::remove(folder);  // where nobody was first, it can be made, for its owner alone
  run(as(shared.command(sending_to(server.url(), {"--directory", folder.string()})), alice));
  CHECK(server.requests().size() == 1);
  CHECK(all_belong_to(folder, alice));
}
