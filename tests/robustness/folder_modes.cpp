// What this library creates is for its owner only, and usable, whatever the umask; HOME and anything above it is never
// created.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

using nlohmann::json;

namespace {

constexpr unsigned nobody = 65534;

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

/// Behind `umask`, in a shell, and as a user to whom modes mean something, which they do not to root.
Command behind(Command command, const std::string& umask) {
  command.arguments.insert(command.arguments.begin(),
                           {"-c", "umask " + umask + "; exec \"$0\" \"$@\"", command.program.string()});
  command.program = "/bin/sh";
  if (::geteuid() != 0) return command;
  command.arguments.insert(command.arguments.begin(),
                           {"--reuid", std::to_string(nobody), "--regid", std::to_string(nobody), "--clear-groups",
                            command.program.string()});
  command.program = "setpriv";
  return command;
}

/// A home of that user's, with the standard places for state and config.
struct Home {
  Sandbox sandbox{};
  fs::path reporter = sandbox.root() / "bin" / "reporter";
  Home() {
    for (const char* const name : {"XDG_STATE_HOME", "XDG_CONFIG_HOME"}) sandbox.environment.erase(name);
    fs::create_directories(reporter.parent_path());
    fs::copy_file(program("reporter"), reporter);
    if (::geteuid() != 0) return;
    ::chmod(sandbox.root().c_str(), 0755);
    for (const fs::path& folder : {sandbox.home(), sandbox.root() / "tmp"})
      REQUIRE(::chown(folder.c_str(), nobody, nobody) == 0);
  }
  fs::path usage() const { return sandbox.home() / ".local" / "state" / "reporter" / "usage"; }
  Command command(const std::string& umask, const std::vector<std::string>& arguments) const {
    Command made = sandbox.command("reporter", arguments);
    made.program = reporter;
    return behind(made, umask);
  }
};

void check_modes(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    CAPTURE(entry.path());
    CHECK(mode_of(entry.path()) == (entry.is_directory() ? 0700U : 0600U));
  }
}

std::set<std::string> sessions(const Server& server) {
  std::set<std::string> ids;
  for (const ReceivedRequest& request : server.requests())
    ids.insert(json::parse(request.body)["session_id"].get<std::string>());
  return ids;
}

}  // namespace

TEST_CASE("folder modes: all that is made is 0700 and 0600, and usable, under every umask") {
  for (const std::string umask : {"0", "022", "077", "0177", "0277", "0777"}) {
    CAPTURE(umask);
    Server server(503);
    const Home home;
    CHECK(run(home.command(umask, {"--url", server.url(), "--as", "usage-stats", "enable"})).exit_code == 0);
    for (int i = 1; i <= 2; ++i) {
      CHECK(run(home.command(umask, sending_to(server.url(), {"--exit", "3", "--info"}))).exit_code == 3);
      CHECK(home.sandbox.wait_for_no_uploader());
    }
    CHECK(sessions(server).size() >= 1);
    CHECK(names_in(home.usage() / "pending").size() == 2);
    CHECK(names_in(home.usage() / "active").empty());
    check_modes(home.sandbox.home());
    // What has been made under a strange umask is of use under a plain one.
    CHECK(run(home.command("022", {"--url", server.url(), "--as", "usage-stats", "delete"})).exit_code != 2);
    CHECK(run(home.command("022", {"--url", server.url(), "--as", "usage-stats", "disable"})).exit_code == 0);
    check_modes(home.sandbox.home());
  }
}

TEST_CASE("folder modes: a host that sets a strange umask is reported all the same, and so are those after it") {
  for (const std::string umask : {"0177", "0777"}) {
    CAPTURE(umask);
    Server server;
    const Home home;
    for (std::size_t runs = 1; runs <= 2; ++runs) {
      std::vector<std::string> arguments = sending_to(server.url(), {"--umask", umask, "--exit", "3"});
      CHECK(run(home.command("022", arguments)).exit_code == 3);
      CHECK(home.sandbox.wait_for_no_uploader());
      CHECK(sessions(server).size() == runs);
    }
    check_modes(home.sandbox.home());
  }
}

TEST_CASE("folder modes: the config keeps the mode that its owner gave it, and the folders above it theirs") {
  const Sandbox sandbox;
  write_file(sandbox.config_file(), "{}");
  ::chmod(sandbox.config_file().c_str(), 0644);
  ::chmod(sandbox.config_file().parent_path().c_str(), 0755);
  CHECK(run_usage_stats(sandbox, {"disable"}).exit_code == 0);
  CHECK(mode_of(sandbox.config_file()) == 0644);
  CHECK(mode_of(sandbox.config_file().parent_path()) == 0755);
}

TEST_CASE("folder modes: a home that does not exist is not made, nor anything above it") {
  struct Place {
    const char* home;
    const char* state;  // relative to the sandbox; empty: below HOME
    const char* config;
  };
  for (const Place& place : {Place{"none", "", ""},
                             {"above/none", "", ""},
                             {"none", "none/state", "none/config"},
                             {"above/none", "above/state", "above/config"},
                             {"none/", "./none/state", "x/../none/config"}}) {
    CAPTURE(place.home);
    CAPTURE(place.state);
    Server server;
    Sandbox sandbox;
    const std::string root = sandbox.root().string() + "/";
    sandbox.environment["HOME"] = root + place.home;
    for (const auto& [name, value] : {std::pair{"XDG_STATE_HOME", place.state}, {"XDG_CONFIG_HOME", place.config}}) {
      sandbox.environment.erase(name);
      if (*value != '\0') sandbox.environment[name] = root + value;
    }
    const auto before = names_in(sandbox.root());
    const Result result = sandbox.run("reporter", sending_to(server.url(), {"--exit", "3", "--info"}));
    CHECK(result.exit_code == 3);
    CHECK_MESSAGE(result.out.find("the home folder does not exist") != std::string::npos, result.out);
    for (const char* const word : {"enable", "disable"}) {
      const Result told = run_usage_stats(sandbox, {word});
      CHECK(told.exit_code == 1);
      CHECK_MESSAGE(told.err.find("the home folder does not exist") != std::string::npos, told.err);
    }
    for (const char* const word : {"status", "send", "reset", "delete"}) run_usage_stats(sandbox, {word});
    CHECK(names_in(sandbox.root()) == before);
    CHECK(server.requests().empty());
  }
}

TEST_CASE("folder modes: without its home a program still uses places that are elsewhere") {
  Server server;
  Sandbox sandbox;
  sandbox.environment["HOME"] = (sandbox.root() / "none").string();
  CHECK(sandbox.run("reporter", sending_to(server.url())).exit_code == 0);  // XDG_STATE_HOME is not below it
  CHECK(server.requests().size() == 1);
  CHECK_FALSE(fs::exists(sandbox.root() / "none"));
}
