// Whatever waits, `usage-stats status` says why, in words.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "compiler.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

Command in_namespace(const Command& command, const std::string& preparation) {
  Command changed = command;
  changed.program = "unshare";
  changed.arguments = {
      "--mount", "--map-root-user", "sh", "-c", preparation + " exec \"$0\" \"$@\"", command.program.string()};
  changed.arguments.insert(changed.arguments.end(), command.arguments.begin(), command.arguments.end());
  return changed;
}

std::vector<std::string> status_of(const std::string& url) {
  return {"--url", url, "--unattended", "on", "--as", "usage-stats", "status", "--json"};
}

/// The reasons that status gives; checks that each report that waits has one.
std::string reasons(const Result& result) {
  REQUIRE(result.exit_code == 0);
  const json waiting = json::parse(result.out)["waiting"];
  std::size_t count = 0;
  std::string text;
  for (const json& reason : waiting.value("reasons", json::array())) {
    count += reason["count"].get<std::size_t>();
    text += reason["why"].get<std::string>() + "\n";
  }
  CHECK(count == waiting["reports"].get<std::size_t>() + waiting["deletions"].get<std::size_t>());
  return text;
}

std::string reasons(const Sandbox& sandbox, const std::string& url, const std::string& name = "reporter") {
  return reasons(sandbox.run(name, status_of(url)));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("waiting reasons: a server that does not answer, with what the last try met, also in the text") {
  const SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  for (int i = 0; i < 3; ++i) sandbox.run("reporter", sending_to(dead.url()));  // two of which are not even tried
  CHECK(sandbox.wait_for_no_uploader());
  const std::string why = reasons(sandbox, dead.url());
  CAPTURE(why);
  CHECK(has(why, dead.url() + ": "));
  CHECK(why.size() > dead.url().size() + 10);
  const Result text = run_usage_stats(sandbox, {"status"}, {"--url", dead.url(), "--unattended", "on"});
  CHECK(has(text.out, "3: " + dead.url()));
}

TEST_CASE("waiting reasons: a server that answers with an error, by its status") {
  const Server server(503);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(has(reasons(sandbox, server.url()), "status 503"));
}

TEST_CASE("waiting reasons: a proxy that refuses") {
  const Server proxy(407);
  Sandbox sandbox;
  sandbox.environment["http_proxy"] = "http://127.0.0.1:" + std::to_string(proxy.port());
  const std::string url = "http://stats.example.org/v1/usage";
  sandbox.run("reporter", sending_to(url, {"--plain-http", "yes"}));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string why = reasons(sandbox.run("reporter", {"--url", url, "--plain-http", "yes", "--unattended", "on",
                                                           "--as", "usage-stats", "status", "--json"}));
  CAPTURE(why);
  CHECK(has(why, "proxy"));
}

TEST_CASE("waiting reasons: neither TLS nor curl") {
  Sandbox sandbox;
  sandbox.environment["PATH"] = "/nonexistent";
  const std::string url = "https://127.0.0.1:1/v1/usage";
  sandbox.run("reporter_curl", sending_to(url));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string why = reasons(sandbox, url, "reporter_curl");
  CAPTURE(why);
  CHECK(has(why, "there is no curl"));  // as the README says
}

TEST_CASE("waiting reasons: a config file that cannot be read now") {
  const SilentPort dead(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(dead.url()));
  CHECK(sandbox.wait_for_no_uploader());
  write_file(sandbox.config_file(), "{\"usage_stats\": tr");
  const std::string why = reasons(sandbox, dead.url());
  CAPTURE(why);
  CHECK(has(why, sandbox.config_file().string()));
}

TEST_CASE("waiting reasons: an uploader that was ended in the middle of a try") {
  const Server silent([](const ReceivedRequest&) { return Answer{200, {}, {}, {}, true}; });
  const Sandbox sandbox;
  sandbox.run("reporter", {"--url", silent.url(), "--unattended", "on"});
  silent.wait_for(1);
  CHECK(has(reasons(sandbox, silent.url()), "being sent now"));
  REQUIRE(sandbox.has_lock() > 0);
  CHECK(::kill(sandbox.has_lock(), SIGKILL) == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(has(reasons(sandbox, silent.url()), "killed during an attempt"));
}

TEST_CASE("waiting reasons: an uploader that could not be loaded, or died before its first step") {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer has to be the first library");
#else
  const Server server;
  Sandbox sandbox;
  // What a loader that lacks a library does, as far as anybody sees: the new process ends before main.
  const fs::path source = sandbox.root() / "dies.cpp", library = sandbox.root() / "dies.so";
  write_file(source,
             "#include <cstdlib>\n#include <unistd.h>\n__attribute__((constructor(101))) static void die() {\n"
             "  if (std::getenv(\"USAGE_STATS_UPLOADER\")) _exit(127);\n}\n");
  Command compiler{USAGE_STATS_CXX, {"-shared", "-fPIC", "-o", library.string(), source.string()}};
  compiler.inherit_environment = true;
  REQUIRE(run(compiler).exit_code == 0);
  Command command = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on"});
  command.environment["LD_PRELOAD"] = library.string();
  CHECK(run(command).exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(server.requests().empty());
  CHECK(has(reasons(sandbox, server.url()), "ended before its first step"));
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(server.wait_for(2).size() == 2);
#endif
}

TEST_CASE("waiting reasons: no /proc, so that the program cannot start itself") {
  const Server server;
  const Sandbox sandbox;
  const std::string without = "mount -t tmpfs none /proc || exit 77;";
  const Result result =
      run(in_namespace(sandbox.command("reporter", {"--url", server.url(), "--unattended", "on"}), without));
  if (result.exit_code == 77 || result.err.find("unshare") == 0) {
    MESSAGE("skipped: this machine allows no mounts of one's own");
    return;
  }
  CHECK(result.exit_code == 0);
  const Result there = run(in_namespace(sandbox.command("reporter", status_of(server.url())), without));
  const std::string why = reasons(there);
  CAPTURE(why);
  CHECK(has(why, "/proc"));
  CHECK(server.requests().empty());
}
