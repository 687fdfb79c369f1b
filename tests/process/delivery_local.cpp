#include <doctest/doctest.h>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

TEST_CASE("delivery local: the report is written, nothing is sent, and no id is made") {
  Server server;
  Sandbox sandbox;
  const Result result =
      sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "local", "--info"});

  CHECK(result.out.find("verdict=local\n") != std::string::npos);
  CHECK(sandbox.report().count("client_id") == 0);
  CHECK(sandbox.report_files().at(0).parent_path().parent_path() == sandbox.usage_folder() / "local");
  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.uploaders().empty());
  CHECK(state_of(sandbox).count("client_id") == 0);
  CHECK(server.requests().empty());
}

TEST_CASE(
    "local: a run that was taken for lost, for its host had closed the envelope, still reports how it really ended") {
  Sandbox sandbox;
  Command command =
      sandbox.command("reporter", {"--unattended", "local", "--close-all", "--wait-for-input", "--exit", "3"});
  command.open_input = true;
  Process living(command);
  living.wait_for_output("ready");
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
  CHECK(sandbox.active().empty());
  CHECK(sandbox.report()["outcome"]["status"] == "lost");
  living.close_input();
  CHECK(living.wait().exit_code == 3);
  CHECK(sandbox.report()["outcome"] == nlohmann::json({{"status", "failed"}, {"exit_code", 3}}));
}

TEST_CASE("delivery local: a report from then is not sent later either") {
  Server server;
  Sandbox sandbox;
  sandbox.run("reporter", {"--url", server.url(), "--unattended", "local"});
  sandbox.run("reporter", sending_to(server.url()));

  CHECK(sandbox.report_files().size() == 2);
  CHECK(server.requests().size() == 1);
  CHECK(server.requests()[0].body.find("\"client_id\"") != std::string::npos);
}
