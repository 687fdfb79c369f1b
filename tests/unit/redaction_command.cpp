// What scrub_report() leaves of a command that the program tells and no option lists.
#include <doctest/doctest.h>

#include <string>
#include <usage_stats.hpp>

using namespace usage_stats::detail;
using usage_stats::Options;

namespace {

std::string shown(const std::string& command, const SensitiveValues& sensitive = {},
                  const Options& options = {"a", "1"}) {
  Report report;
  report.command = command;
  scrub_report(report, options, sensitive);
  return report.command;
}

}  // namespace

TEST_CASE("redaction command: words of the program's stay, others go") {
  CHECK(shown("wombatize quokkas") == "wombatize quokkas");
  CHECK(shown("wombatize " + std::string("klmno") + "pqrst") == "wombatize <value>");
}

TEST_CASE("redaction command: a word that a library alone has is not the program's") {
  const std::string of_libc = std::string("Nume") + "rical";  // "Numerical result out of range"
  CHECK(find_own_names({of_libc}).value_or(std::vector<bool>{false})[0]);
  CHECK(shown("wombatize " + of_libc) == "wombatize <value>");
}

TEST_CASE("redaction command: what the program has as the end of a word only is not its word") {
  CHECK(shown(std::string("ombat") + "ize quokkas") == "<value> quokkas");
}

TEST_CASE("redaction command: a name is none, though the program has the word; any other value is left alone") {
  SensitiveValues sensitive;
  sensitive.add_name("Wombatize");
  sensitive.add_name("Jane Numbats");
  CHECK(shown("wombatize quokkas numbats", sensitive) == "<value> quokkas <value>");
  sensitive = {};
  sensitive.add("quokkas");  // CI has variables with words like "build"
  sensitive.add_arguments({"--user=quokkas", "wombatize", "-pnumbats"});
  CHECK(shown("wombatize quokkas numbats", sensitive) == "wombatize quokkas numbats");
}

TEST_CASE("redaction command: four words are all; a listed command is as it is") {
  CHECK(shown("wombatize quokkas numbats bilbies potoroos") == "wombatize quokkas numbats bilbies");
  Options options("a", "1");
  const std::string listed = std::string("klmno") + "pqrst a b c d e";
  options.subcommands = {listed};
  CHECK(shown(listed, {}, options) == listed);
}
