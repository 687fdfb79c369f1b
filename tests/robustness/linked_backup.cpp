// A backup that links (cp -al): files of ours have second names then. That is not an attack, and what is in the backup
// does not change. What cannot be read is never reported as empty.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "tree.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;

using nlohmann::json;

namespace {

fs::path back_up(const Sandbox& sandbox) {
  const fs::path backup = sandbox.root() / "backup";
  Command copy{"cp", {"-al", sandbox.home().string(), backup.string()}};
  copy.inherit_environment = true;
  REQUIRE(run(copy).exit_code == 0);
  REQUIRE(fs::hard_link_count(sandbox.usage_folder() / "state.json") == 2);
  return backup;
}

/// Contents of all files below, by their path there.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all[entry.path().lexically_relative(folder).string()] = read_file(entry.path());
  return all;
}

}  // namespace

TEST_CASE("linked backup: runs, uploader and commands go on with the files they have, and the backup keeps its own") {
  Server server;
  Sandbox sandbox;
  sandbox.collect = false;
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";  // so that there is a log, which grows
  const std::vector<std::string> url{"--url", server.url()};
  sandbox.run("reporter", sending_to(server.url()));
  const json id = state_of(sandbox)["client_id"];
  server.answer([](const ReceivedRequest&) { return Answer{503}; });
  sandbox.run("reporter", sending_to(server.url()));
  make_due(sandbox);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(fs::exists(sandbox.usage_folder() / "uploader.log"));
  const fs::path backup = back_up(sandbox);
  const auto before = contents_of(backup);
  server.answer([](const ReceivedRequest&) { return Answer{200}; });

  const Result status = run_usage_stats(sandbox, {"status", "--json"}, url);
  CHECK(json::parse(status.out)["client_id"] == id);
  CHECK(json::parse(status.out)["waiting"]["reports"] == 1);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 4);  // both that were to be sent, after the first two
  CHECK(state_of(sandbox)["client_id"] == id);
  CHECK(sandbox.pending().empty());
  CHECK(contents_of(backup) == before);

  CHECK(run_usage_stats(sandbox, {"delete"}, url).exit_code == 0);
  CHECK(server.requests().back().method == "DELETE");
  CHECK(server.requests().back().target.find(id.get<std::string>()) != std::string::npos);
  CHECK(contents_of(backup) == before);
}

TEST_CASE(
    "linked backup: a lock that is empty, as an uploader leaves it that came to nothing, stays so in the backup") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const fs::path lock = sandbox.usage_folder() / "uploader.lock";
  fs::resize_file(lock, 0);
  const fs::path backup = back_up(sandbox);
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(server.requests().size() == 2);
  CHECK(read_file(backup / lock.lexically_relative(sandbox.home())) == "");
}

TEST_CASE("linked backup: what cannot be read is not reported as empty, and `delete` says that it cannot ask") {
  if (!can_trace()) return;
  for (const std::string error : {"EACCES", "EIO", "ESTALE"}) {
    CAPTURE(error);
    Server server(503);
    Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    const auto before = tree(sandbox.home());
    const auto broken = [&](std::vector<std::string> words) {
      std::vector<std::string> arguments{"--url", server.url(), "--as", "usage-stats"};
      arguments.insert(arguments.end(), words.begin(), words.end());
      return run(under_strace(sandbox.command("reporter", arguments),
                              {"-qq", "-o", "/dev/null", "-P", (sandbox.usage_folder() / "state.json").string(), "-e",
                               "trace=pread64", "-e", "inject=pread64:error=" + error}));
    };
    Result result = broken({"status"});
    CHECK_MESSAGE(result.out.find("state.json cannot be read") != std::string::npos, result.out);
    CHECK(result.out.find("none yet") == std::string::npos);
    CHECK(result.out.find("nothing") == std::string::npos);
    CHECK(result.out.find("never") == std::string::npos);
    const json told = json::parse(broken({"status", "--json"}).out);
    CHECK(told["client_id"].is_null());
    CHECK(told["waiting"]["reports"].is_null());
    CHECK(told["sent"].is_null());
    for (const char* const word : {"delete", "show", "send", "reset"}) {
      CAPTURE(word);
      result = broken({word});
      CHECK(result.exit_code == 1);
      CHECK_MESSAGE(result.err.find("state.json cannot be read") != std::string::npos, result.err);
      const bool asks_servers = std::string(word) == "delete";
      CHECK((result.err.find("no server can be asked") != std::string::npos) == asks_servers);
    }
    CHECK(tree(sandbox.home()) == before);
    CHECK(server.requests().size() == 1);
  }
}

TEST_CASE("linked backup: a pending/ that cannot be used is reported, not taken for an empty one") {
  Server server(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  ::chmod((sandbox.usage_folder() / "pending").c_str(), 0777);
  const Result status = run_usage_stats(sandbox, {"status"}, {"--url", server.url()});
  CHECK(status.out.find("unknown:") != std::string::npos);
  CHECK(status.out.find("nothing") == std::string::npos);
  CHECK(json::parse(run_usage_stats(sandbox, {"status", "--json"}).out)["waiting"]["reports"].is_null());
  const Result sending = run_usage_stats(sandbox, {"send"}, {"--url", server.url()});
  CHECK(sending.exit_code == 1);
  CHECK(sending.err.find("pending cannot be read") != std::string::npos);
}
