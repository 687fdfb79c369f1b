// Files of a later version of this library are left alone, and reported.
#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;
const std::string session = "0123456789abcdef0123456789abcdef";

std::string newer_label(const std::string& url) {
  return json({{"schema", "usage-stats-label/2"}, {"app", "reporter"}, {"session_id", session}, {"to", url}}).dump() +
         "\nwhatever\n";
}

}  // namespace

TEST_CASE("newer versions: a state.json is not overwritten, nothing is recorded or sent, and status says why") {
  const Server server;
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto file = sandbox.usage_folder() / "state.json";
  const std::string text = "{\"schema\": \"usage-stats-state/2\", \"app\": \"reporter\", \"id\": \"precious\"}\n";
  write_file(file, text);
  const std::size_t before = sandbox.report_files().size();
  Command command = sandbox.command("reporter", sending_to(server.url(), {"--exit", "3"}));
  command.environment["USAGE_STATS_DEBUG"] = "1";
  const Result result = run(command);
  CHECK(result.exit_code == 3);
  CHECK(result.err.find("a newer version") != std::string::npos);
  CHECK(sandbox.report_files().size() == before);
  CHECK(server.requests().size() == 1);
  for (const char* const word : {"status", "disable", "enable", "send", "show", "reset", "delete"}) {
    CAPTURE(std::string(word));
    const Result said = run_usage_stats(sandbox, {word}, {"--url", server.url(), "--unattended", "on"});
    CHECK((said.out + said.err).find("newer") != std::string::npos);
    CHECK(read_file(file) == text);
  }
}

TEST_CASE("newer versions: one that appears in the middle of a run is not overwritten either") {
  const Server server;
  const Sandbox sandbox;
  Command command = sandbox.command("reporter", sending_to(server.url(), {"--wait-for-input"}));
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  const auto file = sandbox.usage_folder() / "state.json";
  write_file(file, "{\"schema\": \"usage-stats-state/2\", \"app\": \"reporter\"}\n");
  process.close_input();
  CHECK(process.wait().exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(read_file(file) == "{\"schema\": \"usage-stats-state/2\", \"app\": \"reporter\"}\n");
  CHECK(server.requests().empty());
}

TEST_CASE("newer versions: envelopes are neither removed nor sent, and status counts them") {
  const Server server;
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const auto folder = sandbox.usage_folder();
  std::filesystem::create_directories(folder / "pending");
  write_file(folder / "pending" / session, newer_label(server.url()));
  write_file(folder / "active" / session, newer_label(server.url()));
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 2);
  CHECK(read_file(folder / "pending" / session) == newer_label(server.url()));
  CHECK(read_file(folder / "active" / session) == newer_label(server.url()));
  CHECK(state_of(sandbox)["dropped"] == 0);
  const Result status = run_usage_stats(sandbox, {"status"}, {"--url", server.url(), "--unattended", "on"});
  CHECK(status.out.find("2 reports of a newer version") != std::string::npos);
}
