// A consumer's compiler reports nothing in our headers, even with warnings that few projects turn on; and what
// -ffast-math does to NaN and infinity.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "compiler.hpp"
#include "sandbox.hpp"

namespace {

std::vector<std::string> strict() {
  std::vector<std::string> flags{
      "-fsyntax-only", "-Wall",        "-Wextra",           "-Wpedantic",
      "-Wshadow",      "-Wconversion", "-Wsign-conversion", "-Wold-style-cast",
      "-Wextra-semi",  "-Wundef",      "-Werror",           "-Wzero-as-null-pointer-constant"};
#if defined(__clang__)
  for (const char* const other : {"-Wcast-align", "-Wcomma"}) flags.emplace_back(other);
#else
  for (const char* const other :
       {"-Wuseless-cast", "-Wcast-align=strict", "-Wswitch-default", "-Wredundant-tags", "-Wnoexcept"})
    flags.emplace_back(other);
#endif
  return flags;
}

void check_silent(const std::string& source, std::vector<std::string> more) {
  std::vector<std::string> flags = strict();
  flags.insert(flags.end(), more.begin(), more.end());
  const Result result = compile(source, flags);
  CHECK_MESSAGE(result.exit_code == 0, result.err.substr(0, 4000));
}

}  // namespace

TEST_CASE("warnings: none of declarations alone, of a disabled build, or of all of it") {
  check_silent("#include <usage_stats.hpp>\n", {"-DUSAGE_STATS_COMPILED"});
  check_silent("#include <usage_stats.hpp>\n", {"-DUSAGE_STATS_DISABLED"});
  check_silent("#include <usage_stats.hpp>\n", {"-DUSAGE_STATS_NO_HTTPLIB", "-DUSAGE_STATS_NO_UPLOADER_HOOK"});
  check_silent("#include <usage_stats.hpp>\n", {});
}

TEST_CASE("warnings: with -ffast-math NaN and infinity are left out of a report all the same") {
  const Sandbox sandbox;
  const auto source = sandbox.root() / "fast.cpp", program = sandbox.root() / "fast";
  write_file(source, R"(#include <usage_stats.hpp>
#include <cstring>
#include <cstdint>
static const usage_stats::Field<double> none{"nan", "no number"}, infinite{"infinite", "too large a number"},
    negative{"negative", "too small a number"}, good{"good", "a number"};
static double of(std::uint64_t bits) {
  double number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}
int main(int argc, char** argv) {
  usage_stats::Options options("fast", "1.0.0");
  options.sample = argc > 1 ? of(0x7ff8000000000000) : 1.0;
  usage_stats::TelemetrySession session(options, argc, argv);
  session.set(none, of(0x7ff8000000000000));
  session.set(infinite, of(0x7ff0000000000000));
  session.set(negative, of(0xfff0000000000000));
  session.set(good, 2.5);
  return session.problem().empty() ? 0 : 5;
}
)");
  Command compiler{USAGE_STATS_CXX,
                   {"-std=c++17", "-O2", "-ffast-math", "-DUSAGE_STATS_NO_HTTPLIB", "-I", USAGE_STATS_HEADERS,
                    source.string(), "-o", program.string(), "-pthread"}};
  compiler.inherit_environment = true;
  compiler.time_limit = std::chrono::minutes(4);
  const Result compiled = run(compiler);
  INFO(compiled.err);
  REQUIRE(compiled.exit_code == 0);
  Command command{program, {}, sandbox.environment};
  CHECK(run(command).exit_code == 0);
  CHECK(sandbox.report("fast")["fields"] == nlohmann::json({{"good", 2.5}}));
  command.arguments = {"x"};
  CHECK(run(command).exit_code == 5);
}
