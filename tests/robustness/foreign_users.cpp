// Programs run as another user, in homes and folders of others. It needs root: only root can be two users.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

constexpr unsigned alice = 65533, bob = 65532;

/// The command, started by that user.
Command as(Command command, unsigned user) {
  command.arguments.insert(command.arguments.begin(), {"--reuid", std::to_string(user), "--regid", std::to_string(user),
                                                       "--clear-groups", command.program.string()});
  command.program = "setpriv";
  return command;
}

/// What root cannot do here is a fault of the machine or of a test before: skipped in silence it would hide both.
bool can_be_others() {
  const bool root = ::geteuid() == 0;
  if (!root) MESSAGE("skipped: to be two users needs root");
  Command command = as(Command{"true", {}}, alice);
  command.inherit_environment = true;
  if (root) REQUIRE(run(command).exit_code == 0);
  return root;
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
  nlohmann::json envelope = waiting_envelope(sandbox);
  envelope["destinations"][0]["url"] = url;
  set_waiting_envelope(sandbox, envelope);
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

TEST_CASE("foreign users: a setuid program that is asked to be an uploader does not do that work") {
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

TEST_CASE("foreign users: root and others with the user's HOME, new or in use, are off and leave nothing there") {
  if (!can_be_others()) return;
  for (const bool used : {false, true})
    for (const unsigned runner : {0U, bob}) {
      CAPTURE(used);
      CAPTURE(runner);
      Server server;
      const Shared shared(alice);
      if (used) run(as(shared.command(sending_to(server.url())), alice));
      for (const auto& entry : fs::recursive_directory_iterator(shared.sandbox.home()))
        if (entry.is_directory()) ::chmod(entry.path().c_str(), 0777);  // it is not modes that keep them out
      const auto before = tree(shared.sandbox.home());
      const std::size_t sent = server.requests().size();
      Command command = shared.command(sending_to(server.url(), {"--info", "--exit", "3"}));
      command.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
      const Result result = run(as(command, runner));
      CHECK(result.exit_code == 3);
      CHECK(result.err == "");
      CHECK(result.out.find("verdict=off\nrule=1\n") == 0);
      CHECK(result.out.find("this home folder belongs to another user: " + shared.sandbox.home().string()) !=
            std::string::npos);
      CHECK(tree(shared.sandbox.home()) == before);
      CHECK(server.requests().size() == sent);
    }
}

TEST_CASE("foreign users: what the environment decides needs no look at whose home it is") {
  if (!can_be_others()) return;
  const Shared shared(alice);
  Command command = shared.command({"--info"});
  command.environment["DO_NOT_TRACK"] = "1";
  CHECK(run(command).out.find("verdict=off\nrule=4\n") == 0);
}

TEST_CASE("foreign users: commands with the user's HOME say whose it is, and touch nothing") {
  if (!can_be_others()) return;
  for (const bool used : {false, true}) {
    CAPTURE(used);
    Server server;
    const Shared shared(alice);
    if (used) run(as(shared.command(sending_to(server.url())), alice));
    // What the user could put there for root to follow: a link to a file that only root may write.
    const fs::path secret = shared.sandbox.root() / "root's.json", config = shared.sandbox.config_file();
    write_file(secret, "{\"secret\": 1}");
    ::chmod(secret.c_str(), 0600);
    fs::create_directories(config.parent_path());
    fs::create_symlink(secret, config);
    give_all(shared.sandbox.home(), alice);
    const auto before = tree(shared.sandbox.root());
    for (const std::string word : {"status", "enable", "disable", "show", "preview", "send", "delete", "reset"}) {
      CAPTURE(word);
      const Result result = run(shared.command({"--url", server.url(), "--as", "usage-stats", word}));
      CHECK(result.exit_code == (word == "status" ? 0 : 1));
      const std::string told = result.out + result.err;
      CHECK_MESSAGE(told.find("this home folder belongs to another user") != std::string::npos, told);
    }
    CHECK(tree(shared.sandbox.root()) == before);
    CHECK(server.requests().size() == (used ? 1 : 0));
  }
}

TEST_CASE("foreign users: a folder of XDG that is another user's counts as a home that is; root's own does not") {
  if (!can_be_others()) return;
  for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"})
    for (const unsigned owner : {bob, 0U}) {
      CAPTURE(name);
      CAPTURE(owner);
      const Shared shared(alice);
      const fs::path place = shared.sandbox.root() / "place";
      fs::create_directory(place);
      give(place, owner);
      Command command = shared.command({"--unattended", "local", "--info"});
      command.environment[name] = place.string();
      const std::string out = run(as(command, alice)).out;
      CHECK((out.find("verdict=off\nrule=1\n") == 0) == (owner == bob));
    }
}

TEST_CASE("foreign users: a service whose HOME is \"/\" has no home, and still may use a folder of its own") {
  if (!can_be_others()) return;
  Server server;
  const Shared shared(alice);
  Command command = shared.command(
      sending_to(server.url(), {"--directory", (shared.sandbox.home() / "var" / "usage").string(), "--exit", "3"}));
  command.environment["HOME"] = "/";
  for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"}) command.environment.erase(name);
  CHECK(run(as(command, alice)).exit_code == 3);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("foreign users: an uploader in the home of another user ends without having looked at anything") {
  if (!can_be_others()) return;
  Server server;
  const Shared shared(0);
  SilentPort nobody(SilentPort::Behaviour::refuses);
  CHECK(run(shared.command(sending_to(nobody.url()))).exit_code == 0);
  make_due(shared.sandbox);
  json_endpoint(shared.sandbox, server.url());
  Command command = shared.command({"--print", "main"});
  command.environment["USAGE_STATS_UPLOADER"] = shared.sandbox.usage_folder();
  command.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
  give(shared.sandbox.home(), alice);
  CHECK(run(command).out == "");
  CHECK(server.requests().empty());
  give(shared.sandbox.home(), 0);
  CHECK(run(command).out == "");
  CHECK(server.requests().size() == 1);
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

namespace {

/// Who owns the link, the mode and the owner of its folder, and whether Alice follows it.
struct Link {
  const char* what;
  unsigned owner;
  unsigned folders_owner;
  mode_t mode;
  bool followed;
};

void check_link(const Link& link, bool relative) {
  const bool old_kernel = relative && can_trace();  // without openat2
  CAPTURE(link.what);
  CAPTURE(relative);
  Server server;
  const Shared shared(alice);
  const fs::path place = shared.sandbox.root() / "place", target = shared.sandbox.root() / "target";
  fs::create_directory(place);
  fs::create_directory(target);
  fs::create_directory_symlink(relative ? fs::path("../target") : target, place / "x");
  ::chmod(place.c_str(), link.mode);
  give(target, alice);
  give(place / "x", link.owner);
  give(place, link.folders_owner);
  const std::string through = (place / "x" / "inner" / "usage").string();
  const auto started = [&](Command command) {
    if (old_kernel)
      command = under_strace(command, {"-f", "-qq", "-o", "/dev/null", "-e", "inject=openat2:error=ENOSYS"});
    return run(as(command, alice));
  };
  const Result result = started(
      shared.command(sending_to(server.url(), {"--directory", through, "--info", "--config-file",
                                               (place / "x" / "conf" / "config.json").string(), "--exit", "3"})));
  CHECK(result.exit_code == 3);
  CHECK(server.requests().size() == (link.followed ? 1 : 0));
  if (link.followed) {
    CHECK(all_belong_to(target, alice));
    CHECK(fs::exists(target / "inner" / "usage" / "state.json"));
  } else {
    // The config file comes first: what cannot be read there means off.
    CHECK_MESSAGE(result.out.find("another user") != std::string::npos, result.out);
    CHECK(names_in(target).empty());
    const std::vector<std::string> arguments = sending_to(server.url(), {"--directory", through, "--info"});
    CHECK(started(shared.command(arguments)).out.find("problem=" + through + ": another") != std::string::npos);
    Command command = shared.command(
        {"--config-file", (place / "x" / "conf" / "config.json").string(), "--as", "usage-stats", "disable"});
    CHECK(started(command).exit_code == 1);
    CHECK(names_in(target).empty());
  }
}

}  // namespace

TEST_CASE("foreign users: no link on the way is followed that another user may have put there") {
  if (!can_be_others()) return;
  for (const Link& link : {Link{"Bob's in a folder for all", bob, 0, 01777, false},
                           {"Alice's own in a folder for all", alice, 0, 01777, false},
                           {"root's in a folder for all", 0, 0, 01777, false},
                           {"Bob's in Bob's folder", bob, bob, 0755, false},
                           {"root's in Bob's folder", 0, bob, 0755, false},
                           {"Alice's in a folder that her group may write", alice, alice, 0775, false},
                           {"Alice's own in her own folder", alice, alice, 0755, true},
                           {"root's in root's folder", 0, 0, 0755, true}})
    for (const bool relative : {false, true}) check_link(link, relative);
}

TEST_CASE("foreign users: who exchanges folders for links all the time leads neither a run nor a command astray") {
  if (!can_be_others()) return;
  // Bob owns the folder above: he may do there what he likes, but it must not reach what is Alice's or root's.
  for (const unsigned victim : {alice, 0U}) {
    CAPTURE(victim);
    Server server;
    const Shared shared(victim);
    const fs::path bobs = shared.sandbox.root() / "bobs", precious = shared.sandbox.root() / "precious";
    fs::create_directories(bobs / "a" / "b");
    fs::create_directories(precious / "b" / "usage");
    write_file(precious / "b" / "config.json", "{\"precious\": 1}\n");
    give_all(bobs, bob);
    give_all(precious, victim);
    give(bobs / "a" / "b", victim);
    fs::create_directory_symlink(precious, bobs / "link");
    give(bobs / "link", bob);
    const auto before = tree(precious);
    const std::string script =
        "cd '" + bobs.string() + "'; while :; do mv a c; mv -T link a; mv -T a link; mv c a; done 2>/dev/null";
    Command exchanging{"/bin/sh", {"-c", script}};
    exchanging.inherit_environment = true;
    Process exchanger(as(exchanging, bob));
    for (int i = 0; i < 60; ++i) {
      run(as(shared.command(
                 {"--url", server.url(), "--unattended", "on", "--directory", (bobs / "a" / "b" / "usage").string()}),
             victim));
      run(as(shared.command({"--config-file", (bobs / "a" / "b" / "config.json").string(), "--as", "usage-stats",
                             i % 2 == 0 ? "disable" : "enable"}),
             victim));
    }
    exchanger.signal(SIGKILL);
    exchanger.wait();
    CHECK(tree(precious) == before);
    bool met = false;  // at some moments it was the folder that it should be
    for (const char* const name : {"a", "c", "link"})
      met = met || fs::exists(bobs / name / "b" / "usage" / "state.json");
    CHECK(met);
  }
}
