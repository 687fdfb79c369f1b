// What the include does to the source file that it stands in.
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compiler.hpp"

namespace {

using Names = std::set<std::string>;

/// The macros that our own headers have defined and not undefined again, after a source file of this one include.
Names left_behind(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"-E", "-dD"});
  const Result result = compile("#include <usage_stats.hpp>\n", flags);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  static const std::regex from("# [0-9]+ \"([^\"]*)\".*"), define("#define ([A-Za-z0-9_]+).*"),
      undef("#undef ([A-Za-z0-9_]+).*");
  std::istringstream lines(result.out);
  std::smatch match;
  Names left;
  bool ours = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] != '#') continue;
    if (std::regex_match(line, match, from))
      ours = match[1].str().find(USAGE_STATS_HEADERS) == 0;
    else if (std::regex_match(line, match, define) && ours)
      left.insert(match[1]);
    else if (std::regex_match(line, match, undef))
      left.erase(match[1]);
  }
  return left;
}

const Names documented{"USAGE_STATS_VERSION_MAJOR", "USAGE_STATS_VERSION_MINOR", "USAGE_STATS_VERSION_PATCH"};

}  // namespace

TEST_CASE("macros: only the version is left, in every form") {
  CHECK(left_behind({"-DUSAGE_STATS_COMPILED"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_DISABLED"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_NO_HTTPLIB"}) == documented);
  CHECK(left_behind({"-DUSAGE_STATS_NO_HTTPLIB", "-DUSAGE_STATS_NO_UPLOADER_HOOK"}) == documented);
  CHECK(left_behind({}) == documented);
}

TEST_CASE("macros: httplib's own are not touched, for another setting is another library") {
  const Result result = compile("#include <usage_stats.hpp>\n", {"-E", "-dD"});
  std::istringstream lines(result.out);
  bool ours = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 2, "# ") == 0) ours = line.find(USAGE_STATS_HEADERS) != std::string::npos;
    if (ours) CHECK(line.find("#define CPPHTTPLIB") == std::string::npos);
  }
}

TEST_CASE("macros: those of others, min and max of windows.h too, do no harm and stay") {
  const std::string source =
      "#include <algorithm>\n#include <string>\n"
      "#define min(a, b) ((a) < (b) ? (a) : (b))\n"
      "#define max(a, b) ((a) > (b) ? (a) : (b))\n"
      "#include <usage_stats.hpp>\n"
      "static_assert(min(1, 2) + max(1, 2) == 3, \"\");\n";
  for (const char* const form : {"-DUSAGE_STATS_COMPILED", "-DUSAGE_STATS_DISABLED", "-DUSAGE_STATS_NO_HTTPLIB"}) {
    const Result result = compile(source, {"-fsyntax-only", form});
    INFO(result.err.substr(0, 2000));
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("macros: the declarations need the standard library alone") {
  const Result result = compile("#include <usage_stats.hpp>\n", {"-E", "-DUSAGE_STATS_COMPILED"});
  for (const char* const header : {"nlohmann", "httplib", "openssl", "sys/socket.h"}) {
    CAPTURE(std::string(header));
    CHECK(result.out.find(header) == std::string::npos);
  }
}
