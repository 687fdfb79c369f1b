// Files whose contents somebody made to do harm: numbers beyond all limits, depth, size, bytes that end a text.
#include <usage_stats.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;
namespace us = usage_stats::detail;

namespace {

const std::string id(32, 'a');
const char* const far_numbers[] = {
    "18446744073709551615", "9223372036854775807", "-9223372036854775808", "9007199254740992", "1e300", "-1"};

void make_private(const fs::path& file) { fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write); }

void make_sparse(const fs::path& file, off_t size) {
  write_file(file, "");
  REQUIRE(::truncate(file.c_str(), size) == 0);
  make_private(file);
}

std::string nested(int depth) {
  return "{\"usage_stats\": true, \"schema\": \"usage-stats-state/1\", \"x\": " +
         std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']') + "}";
}

}  // namespace

TEST_CASE("hostile files: an envelope's numbers stay where one can count on from them") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const auto envelope = us::parse_envelope(R"({"schema":"usage-stats-label/1","client_id":"local","session_id":")" +
                                             id + R"(","sequence":)" + number + R"(,"created":)" + number + "}\n{}\n" +
                                             R"({"signal":"SIGTERM","duration_ms":)" + number + "}\n");
    REQUIRE(envelope);
    CHECK(envelope->sequence == 1);
    CHECK_FALSE((envelope->duration && envelope->duration->count() < 0));
    CHECK(us::to_text(*us::parse_envelope(us::to_text(*envelope))) == us::to_text(*envelope));
  }
}

TEST_CASE("hostile files: a report of the last number there is closes as another one") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const auto closed =
        us::recover_report(R"({"schema":"usage-stats/1","session_id":"a","sequence":)" + number + R"(,"final":false})",
                           true, us::RunStatus::lost, "", std::nullopt);
    REQUIRE(closed);
    CHECK(nlohmann::json::parse(*closed)["sequence"].get<std::int64_t>() >= 0);
  }
}

TEST_CASE("hostile files: a state's counts go on from what is sensible") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const us::State state = us::parse_state(R"({"schema":"usage-stats-state/1","sent":)" + number + R"(,"dropped":)" +
                                            number + R"(,"backoff":{"u":{"failures":)" + number + "}}}");
    CHECK(state.sent == 0);
    CHECK(state.dropped == 0);
  }
}

TEST_CASE("hostile files: a state.json of any depth or size costs a run nothing and is replaced among our reports") {
  const std::pair<const char*, std::function<void(const fs::path&)>> makers[] = {
      {"10,000 deep", [](const fs::path& file) { write_file(file, nested(10000)); }},
      {"deep and never closed", [](const fs::path& file) { write_file(file, std::string(900000, '{')); }},
      {"a sparse gigabyte", [](const fs::path& file) { make_sparse(file, off_t{1} << 30); }},
      {"NUL bytes", [](const fs::path& file) { write_file(file, std::string(5000, '\0')); }},
      {"NUL behind JSON", [](const fs::path& file) {
         write_file(file, std::string("{\"schema\": \"usage-stats-state/1\", \"sent\": 3}\0}{", 48));
       }}};
  for (const auto& maker : makers) {
    CAPTURE(std::string(maker.first));
    Server server;
    Sandbox sandbox;
    sandbox.run("reporter", {"--unattended", "local"});
    maker.second(sandbox.usage_folder() / "state.json");
    make_private(sandbox.usage_folder() / "state.json");
    Command command = sandbox.command("reporter", sending_to(server.url(), {"--exit", "3"}));
#ifndef USAGE_STATS_SANITIZED
    command.limits.emplace_back(RLIMIT_AS, rlim_t{512} << 20);  // it is not read as a whole, either
#endif
    const Result result = run(command);
    CHECK(result.exit_code == 3);
    CHECK(result.out == "");
    CHECK(server.requests().size() == 1);
    CHECK(fs::file_size(sandbox.usage_folder() / "state.json") < 10000);
  }
}

TEST_CASE("hostile files: a config or policy file of any depth or size means off, and stays as it is") {
  for (const bool sparse : {false, true}) {
    for (const bool policy : {false, true}) {
      CAPTURE(sparse);
      CAPTURE(policy);
      Server server;
      Sandbox sandbox;
      const fs::path file = policy ? sandbox.root() / "policy.json" : sandbox.config_file();
      sparse ? make_sparse(file, off_t{1} << 30) : write_file(file, nested(10000));
      const auto size = fs::file_size(file);
      const Result result = sandbox.run(
          "reporter", sending_to(server.url(), {"--policy-file", (sandbox.root() / "policy.json").string(), "--info"}));
      CHECK(result.exit_code == 0);
      CHECK(result.out.find("verdict=off\nrule=10\n") == 0);
      CHECK(server.requests().empty());
      CHECK(fs::file_size(file) == size);
    }
  }
}

TEST_CASE("hostile files: a config or policy file that is none is not waited for, and means off") {
  const std::pair<const char*, std::function<void(const fs::path&)>> ways[] = {
      {"pipe", [](const fs::path& file) { REQUIRE(::mkfifo(file.c_str(), 0600) == 0); }},
      {"folder", [](const fs::path& file) { fs::create_directory(file); }},
      {"a link to what never ends", [](const fs::path& file) { fs::create_symlink("/dev/zero", file); }},
      {"a link to itself", [](const fs::path& file) { fs::create_symlink(file, file); }}};
  for (const auto& way : ways)
    for (const bool policy : {false, true}) {
      CAPTURE(way.first);
      CAPTURE(policy);
      Server server;
      Sandbox sandbox;
      const fs::path file = policy ? sandbox.root() / "policy.json" : sandbox.config_file();
      fs::create_directories(file.parent_path());
      way.second(file);
      const Result result = sandbox.run(
          "reporter", sending_to(server.url(), {"--policy-file", (sandbox.root() / "policy.json").string(), "--info"}));
      CHECK(result.exit_code == 0);
      CHECK(result.out.find("verdict=off\nrule=10\n") == 0);
      CHECK(server.requests().empty());
    }
}

TEST_CASE("hostile files: a report or envelope that has grown to a gigabyte is neither read nor sent") {
  for (const bool envelope : {false, true}) {
    CAPTURE(envelope);
    Server server(503);
    Sandbox sandbox;
    sandbox.collect = false;
    sandbox.run("reporter", sending_to(server.url()));
    make_due(sandbox);
    make_sparse(envelope ? sandbox.usage_folder() / "pending" / sandbox.pending().at(0) : sandbox.report_files().at(0),
                off_t{1} << 30);
    CHECK(sandbox.run("reporter", sending_to(server.url(), {"--exit", "3"})).exit_code == 3);
    CHECK(server.requests().size() == 2);
    for (const ReceivedRequest& request : server.requests()) CHECK(request.body.size() < 10000);
  }
}

TEST_CASE("hostile files: those of the working folder are nobody's settings") {
  Server server, theirs;
  Sandbox sandbox;
  sandbox.collect = false;  // what lies in its folder are no reports
  const fs::path folder = sandbox.root() / "work";
  const std::string settings = R"({"usage_stats": true, "usage_stats_endpoint": ")" + theirs.url() +
                               R"(", "usage_stats_additional_endpoints": [")" + theirs.url() + "\"]}";
  for (const char* const name : {"config.json", "usage_stats.json", "reporter/config.json", "reporter/usage_stats.json",
                                 ".config/reporter/config.json", "config/reporter/config.json",
                                 "etc/reporter/usage_stats.json", ".curlrc", "curlrc"})
    write_file(folder / name, settings);
  for (const char* const root : {"", ".", "config", "./config"}) {
    CAPTURE(std::string(root));
    sandbox.environment["XDG_CONFIG_HOME"] = root;  // the specification: what is not absolute is ignored
    for (const char* const name : {"reporter", "reporter_curl"}) {
      Command command = sandbox.command(name, sending_to(server.url(), {"--info"}));
      command.folder = folder;
      CHECK(run(command).out.find("verdict=on\nrule=15\n") == 0);
      sandbox.wait_for_no_uploader();
      fs::remove_all(sandbox.usage_folder());  // a notice that was shown would decide next time
    }
  }
  CHECK(theirs.requests().empty());
  CHECK(server.requests().size() == 8);
}
