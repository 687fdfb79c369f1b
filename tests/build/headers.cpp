#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

// Each with httplib and with curl.
const std::string reporters[] = {"reporter", "reporter_curl"};

ReceivedRequest only_request(const Sandbox& sandbox, const std::string& reporter,
                             const std::vector<std::string>& more = {}) {
  Server server;
  sandbox.run(reporter, sending_to(server.url(), more));
  const std::vector<ReceivedRequest> requests = server.requests();
  REQUIRE(requests.size() == 1);
  return requests[0];
}

/// A curl in front of the system's in PATH that tells in files how it was started.
void put_curl_that_tells(Sandbox& sandbox) {
  const auto script = sandbox.root() / "bin" / "curl";
  const std::string folder = sandbox.root().string();
  write_file(script, "#!/bin/sh\nprintf '%s\\n' \"$@\" >" + folder + "/arguments\nenv >" + folder +
                         "/environment\nPATH=${PATH#*:} exec curl \"$@\"\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  sandbox.environment["PATH"] = script.parent_path().string() + ":" + sandbox.environment["PATH"];
}

}  // namespace

TEST_CASE("headers: who sends, what, and which report it is") {
  for (const std::string& reporter : reporters) {
    CAPTURE(reporter);
    const Sandbox sandbox;
    const ReceivedRequest request = only_request(sandbox, reporter);
    const std::string session = sandbox.report()["session_id"];
    const std::string library = std::to_string(USAGE_STATS_VERSION_MAJOR) + "." +
                                std::to_string(USAGE_STATS_VERSION_MINOR) + "." +
                                std::to_string(USAGE_STATS_VERSION_PATCH);
    CHECK(request.header("Idempotency-Key") == session + "/1");
    CHECK(request.header("User-Agent") == "reporter/1.2.3 usage_stats/" + library);
    CHECK(request.header("Content-Type") == "application/json");
    CHECK(request.header("Content-Length") == std::to_string(request.body.size()));
    CHECK(request.body == read_file(sandbox.report_files().at(0)));
    CHECK(request.header("Authorization") == "");
    CHECK(request.header("Cookie") == "");
    CHECK(request.header("Expect") == "");
  }
}

TEST_CASE("headers: the author's key and headers arrive as they are") {
  const std::string odd = "a \"quoted\\ value\" = {with} $signs; and 'more'";
  for (const std::string& reporter : reporters) {
    CAPTURE(reporter);
    const Sandbox sandbox;
    const ReceivedRequest request = only_request(
        sandbox, reporter, {"--api-key", "s3cret-key", "--header", "X-Odd=" + odd, "--header", "X-Empty="});
    CHECK(request.header("Authorization") == "Bearer s3cret-key");
    CHECK(request.header("X-Odd") == odd);
  }
}

TEST_CASE("headers: the key is in no report, and in no file that others can read") {
  const SilentPort port(SilentPort::Behaviour::refuses);
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(port.url(), {"--api-key", "s3cret-key", "--as", "cp"}));
  CHECK(read_file(sandbox.report_files().at(0)).find("s3cret-key") == std::string::npos);
  for (const nlohmann::json& line : deliveries(sandbox)) CHECK(line.dump().find("s3cret-key") == std::string::npos);
}

TEST_CASE("headers: nothing of a report or a key is among curl's arguments, nor the uploader's variable around it") {
  Sandbox sandbox;
  put_curl_that_tells(sandbox);
  only_request(sandbox, "reporter_curl", {"--api-key", "s3cret-key", "--header", "X-Secret=hush"});
  const std::string arguments = read_file(sandbox.root() / "arguments");
  CHECK(arguments == "-q\n--config\n-\n");
  const std::string environment = read_file(sandbox.root() / "environment");
  CHECK(environment.find("HOME=") != std::string::npos);
  CHECK(environment.find("USAGE_STATS_UPLOADER") == std::string::npos);
  CHECK(environment.find("s3cret-key") == std::string::npos);
}

TEST_CASE("headers: ~/.curlrc and ~/.netrc are not asked") {
  for (const std::string& reporter : reporters) {
    CAPTURE(reporter);
    const Sandbox sandbox;
    const std::string curlrc = "header = \"X-Curlrc: yes\"\nnetrc\nproxy = \"http://127.0.0.1:9\"\noutput = leftover\n";
    for (const char* const name : {"home/.curlrc", "home/config/curlrc", "home/config/.curlrc"})
      write_file(sandbox.root() / name, curlrc);
    write_file(sandbox.home() / ".netrc", "machine 127.0.0.1 login me password hush\ndefault login me password hush\n");
    const ReceivedRequest request = only_request(sandbox, reporter);
    CHECK(request.header("X-Curlrc") == "");
    CHECK(request.header("Authorization") == "");
  }
}

TEST_CASE("headers: OTEL_* variables and other people's tokens are not forwarded") {
  for (const std::string& reporter : reporters) {
    CAPTURE(reporter);
    Sandbox sandbox;
    sandbox.environment["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer hush";
    sandbox.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9/";
    sandbox.environment["GITHUB_TOKEN"] = "hush";
    const ReceivedRequest request = only_request(sandbox, reporter);
    for (const auto& [name, value] : request.headers) CHECK((name + value).find("hush") == std::string::npos);
    CHECK(request.body.find("hush") == std::string::npos);
  }
}

TEST_CASE("headers: a user's endpoint gets neither the author's key nor the author's headers") {
  Server own, theirs;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = theirs.url();
  sandbox.run("reporter", sending_to(own.url(), {"--api-key", "s3cret-key", "--header", "X-Secret=hush"}));
  CHECK(own.requests().empty());
  REQUIRE(theirs.requests().size() == 1);
  CHECK(theirs.requests()[0].header("Authorization") == "");
  CHECK(theirs.requests()[0].header("X-Secret") == "");
}

TEST_CASE("headers: no line break gets into a request, by whatever way it comes") {
  const std::string evil = "x\r\nX-Injected: yes\r\n\r\nGET /injected HTTP/1.1\r\n";
  for (const std::string& reporter : reporters) {
    CAPTURE(reporter);
    for (const std::string option : {"--app", "--version", "--api-key", "--header", "--url"}) {
      CAPTURE(option);
      Server server;
      const Sandbox sandbox;
      const std::string value = option == "--header" ? "X-A=" + evil : option == "--url" ? server.url() + evil : evil;
      const Result result = sandbox.run(reporter, sending_to(server.url(), {option, value, "--info"}));
      CHECK(result.exit_code == 0);
      CHECK(result.out.find("verdict=off\nrule=1\n") == 0);
      CHECK(server.requests().empty());
    }
    Server server;
    Sandbox sandbox;
    write_file(
        sandbox.config_file(),
        nlohmann::json{{"usage_stats", true}, {"usage_stats_additional_endpoints", {server.url() + evil}}}.dump());
    sandbox.run(reporter, sending_to(server.url(), {"--note", evil, "--command", evil, "--throw", evil, "--as", evil}));
    REQUIRE(server.requests().size() == 1);
    CHECK(server.requests()[0].header("X-Injected") == "");
    CHECK(server.requests()[0].target == "/v1/usage");
    CHECK(server.requests()[0].body.find('\r') == std::string::npos);
  }
}
