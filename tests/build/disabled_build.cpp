// programs/reporter.cpp, which uses all of the interface, with USAGE_STATS_DISABLED.
#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"

TEST_CASE("disabled build: the session is off by rule 1 and says why") {
  const Sandbox sandbox;
  const Result result =
      sandbox.run("reporter_disabled", {"--unattended", "on", "--url", "https://example.org/", "--info"});
  CHECK(result.exit_code == 0);
  CHECK(result.out ==
        "verdict=off\nrule=1\nwhy=usage statistics were compiled out\nenabled=0\nsession_id=\nreport_path=\nproblem=\n"
        "current=1\n");
  CHECK(result.err == "");
}

TEST_CASE("disabled build: nothing is written, started or reported, whatever the program does") {
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  const Result result =
      sandbox.run("reporter_disabled", {"--url", "http://127.0.0.1:1/", "--field", "--threads", "2", "--fail", "text",
                                        "--finish", "--command", "cp", "--print", "text", "--exit", "3"});
  CHECK(result.exit_code == 3);
  CHECK(result.out == "text\n");
  CHECK(result.err == "");
  CHECK_FALSE(result.streams_held);
  CHECK(names_in(sandbox.home()).empty());
  CHECK(sandbox.uploaders().empty());
}

TEST_CASE("disabled build: the uploader's variable starts nothing") {
  Sandbox sandbox;
  sandbox.environment["USAGE_STATS_UPLOADER"] = sandbox.usage_folder().string();
  CHECK(sandbox.run("reporter_disabled", {"--print", "text"}).out == "text\n");
}

TEST_CASE("disabled build: any command says one line") {
  const Sandbox sandbox;
  for (const char* const command : {"status", "enable", "show", "delete", "nonsense", ""}) {
    const Result result = sandbox.run("reporter_disabled", {"--exit", "3", "--as", "usage-stats", command});
    CHECK(result.exit_code == 0);
    CHECK(result.out == "reporter was built without usage statistics: they were compiled out\n");
    CHECK(result.err == "");
  }
  CHECK(sandbox.run("reporter_disabled", {"--exit", "3", "--as", "status", "usage-stats"}).exit_code == 3);
  CHECK(names_in(sandbox.home()).empty());
}

TEST_CASE("disabled build: no library is linked and no code is left") {
  Command libraries{"/usr/bin/ldd", {program("reporter_disabled").string()}};
  libraries.environment["PATH"] = "/usr/bin:/bin";
  const std::string linked = run(libraries).out;
  CHECK(linked.find("libstdc++") != std::string::npos);
  for (const char* const name : {"httplib", "ssl", "crypto", "brotli", "libz"}) {
    CAPTURE(std::string(name));
    CHECK(linked.find(name) == std::string::npos);
  }
  const std::string bytes = read_file(program("reporter_disabled"));
  CHECK(bytes.find("compiled out") != std::string::npos);
  for (const char* const trace : {"nlohmann", "httplib", "USAGE_STATS_UPLOADER", "DO_NOT_TRACK", "/etc/os-release"}) {
    CAPTURE(std::string(trace));
    CHECK(bytes.find(trace) == std::string::npos);
  }
}
