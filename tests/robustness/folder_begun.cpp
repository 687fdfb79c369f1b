// A usage folder that a run has created and not yet filled, in a place where an empty one counts as somebody else's.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "strace.hpp"

namespace fs = std::filesystem;

TEST_CASE("folder begun: of runs that begin together in a new folder in HOME none is refused") {
  if (!can_trace()) return;
  Sandbox sandbox;
  const fs::path folder = sandbox.home() / ".others";  // empty, it would be taken for somebody else's
  const std::vector<std::string> arguments{"--unattended", "local", "--directory", folder.string(), "--info"};
  // Between the folder and its first file the first run is held up.
  Process first(
      under_strace(sandbox.command("reporter", arguments),
                   {"-qq", "-o", "/dev/null", "-e", "inject=rename,renameat,renameat2:delay_enter=200000:when=1"}));
  REQUIRE(wait_until([&] { return fs::exists(folder); }));
  CHECK_FALSE(fs::exists(folder / "active"));
  const Result second = sandbox.run("reporter", arguments);
  CHECK_MESSAGE(second.out.find("verdict=local") == 0, second.out);
  CHECK(first.wait().out.find("verdict=local") == 0);
}

TEST_CASE("folder begun: one that was left empty is not waited for, and can be removed to be made anew") {
  const Sandbox sandbox;
  const fs::path folder = sandbox.home() / ".others";
  REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
  fs::last_write_time(folder, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const std::vector<std::string> arguments{"--unattended", "local", "--directory", folder.string(), "--info"};
  CHECK(sandbox.run("reporter", arguments).out.find("for other things, too") != std::string::npos);
  CHECK(names_in(folder).empty());
  fs::remove(folder);
  CHECK(sandbox.run("reporter", arguments).out.find("verdict=local") == 0);
}
