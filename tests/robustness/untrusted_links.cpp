// What a link leads to is not used if somebody else may have created the link, even if it exists and belongs to the
// user.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

namespace {

/// place/x, a link to a folder `target`, in a folder that its group may write.
struct Linked {
  Sandbox sandbox{};
  fs::path target = sandbox.root() / "target", way = sandbox.root() / "place" / "x";

  Linked() {
    fs::create_directory(target);
    fs::create_directory(way.parent_path());
    fs::create_directory_symlink(target, way);
    ::chmod(way.parent_path().c_str(), 0775);
  }
};

}  // namespace

TEST_CASE("untrusted links: a usage folder that is in use") {
  Server server;
  const Linked linked;
  const Sandbox& sandbox = linked.sandbox;
  sandbox.run("reporter", sending_to(server.url(), {"--directory", (linked.target / "usage").string()}));
  REQUIRE(server.requests().size() == 1);
  const auto before = tree(linked.target);
  const std::string folder = (linked.way / "usage").string();
  const Result result = sandbox.run("reporter", sending_to(server.url(), {"--directory", folder, "--info"}));
  CHECK_MESSAGE(
      result.out.find("problem=" + folder + ": another user could have made a link on the way") != std::string::npos,
      result.out);
  Command uploader = sandbox.command("reporter", {"--print", "main"});
  uploader.environment["USAGE_STATS_UPLOADER"] = folder;
  uploader.environment["USAGE_STATS_UPLOADER_STAY_MS"] = "0";
  CHECK(run(uploader).out == "");
  CHECK(run_usage_stats(sandbox, {"delete"}, {"--url", server.url(), "--directory", folder}).exit_code == 1);
  CHECK(tree(linked.target) == before);
  CHECK(server.requests().size() == 1);
  // Where nobody else may write, it is the user's own.
  ::chmod(linked.way.parent_path().c_str(), 0755);
  sandbox.run("reporter", sending_to(server.url(), {"--directory", folder}));
  CHECK(server.requests().size() == 2);
}

TEST_CASE("untrusted links: a config file that says yes") {
  const Linked linked;
  write_file(linked.target / "config.json", "{\"usage_stats\": true}");
  const std::string file = (linked.way / "config.json").string();
  const auto decided = [&] {
    return linked.sandbox.run("reporter", {"--consent", "opt_in", "--config-file", file, "--info"}).out;
  };
  CHECK_MESSAGE(decided().find("verdict=off\nrule=10\n") == 0, decided());
  CHECK(run_usage_stats(linked.sandbox, {"disable"}, {"--config-file", file}).exit_code == 1);
  CHECK(read_file(linked.target / "config.json") == "{\"usage_stats\": true}");
  ::chmod(linked.way.parent_path().c_str(), 0755);
  CHECK_MESSAGE(decided().find("rule=9\n") != std::string::npos, decided());
}

TEST_CASE("untrusted links: a user's own links in the home are followed, to another disk as well") {
  Server server;
  Sandbox sandbox;
  const fs::path disk = sandbox.root() / "disk";
  fs::create_directory(disk);
  fs::create_directory_symlink(disk, sandbox.home() / "state");
  fs::create_directory_symlink("../disk", sandbox.home() / "config");
  CHECK(sandbox.run("reporter", sending_to(server.url())).exit_code == 0);
  CHECK(server.requests().size() == 1);
  CHECK(run_usage_stats(sandbox, {"disable"}).exit_code == 0);
  CHECK(names_in(disk / "reporter") == std::vector<std::string>{"config.json", "usage"});
  CHECK(fs::is_symlink(sandbox.home() / "state"));
}
