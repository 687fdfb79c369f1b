// With a parser's adapter a report names subcommand and options as the program's --help does, however they were
// spelled.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sandbox.hpp"

namespace {

using Strings = std::vector<std::string>;

struct Row {
  Strings given;
  std::string command;  // as reported; empty: none
  Strings reported;
  std::map<std::string, std::string> environment{};
  std::string config{};  // the text of the file that CONFIG among `given` stands for
};

std::string joined(const Strings& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

nlohmann::json report_of(const std::string& parser, const Row& row) {
  Sandbox sandbox;
  for (const auto& [name, value] : row.environment) sandbox.environment[name] = value;
  const auto file = sandbox.root() / "options.ini";
  write_file(file, row.config);
  Strings given = row.given;
  for (std::string& word : given)
    if (word == "CONFIG") word = file.string();
  const Result result = sandbox.run("parser_" + parser, given);
  CHECK(result.exit_code == 0);
  CHECK(result.err == "");
  return sandbox.report("parser");
}

std::string help_of(const std::string& parser, const Strings& words = {"--help"}) {
  Sandbox sandbox;
  const Result result = sandbox.run("parser_" + parser, words);
  return result.out + result.err;
}

/// Every name that is reported stands in the --help of the program or of the subcommand.
void check_names(const std::string& parser, const Row& row) {
  std::string help = help_of(parser);
  Strings chain;
  std::istringstream words(row.command);
  for (std::string word; words >> word;) {
    CHECK(help.find("  " + word) != std::string::npos);
    chain.push_back(word);
    Strings given = chain;
    given.push_back("--help");
    help += help_of(parser, given);
  }
  for (const std::string& argument : row.reported) {
    if (argument[0] == '<') continue;
    CAPTURE(argument);
    CHECK(help.find(argument.substr(0, argument.find('='))) != std::string::npos);
  }
}

void check(const std::string& parser, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(joined(row.given));
    const nlohmann::json command = report_of(parser, row)["command"];
    CHECK(command.value("name", "") == row.command);
    CHECK(joined(command["arguments"].get<Strings>()) == joined(row.reported));
    if (parser == "cli11" || parser == "cxxopts") check_names(parser, row);
  }
}

}  // namespace

TEST_CASE("parsers: CLI11, one option in all its spellings") {
  for (const Strings& given : {Strings{"-p8"}, {"-p", "8"}, {"--threads=8"}, {"--threads", "8"}})
    check("cli11", {{given, "", {"--threads=<int>"}}});
  check("cli11", {
                     {{}, "", {}},
                     {{"-vp8"}, "", {"--verbose", "--threads=<int>"}},
                     {{"-vvv"}, "", {"--verbose", "--verbose", "--verbose"}},
                     {{"-vc"}, "", {"--verbose", "--color"}},
                     {{"--no-color"}, "", {"--color=false"}},
                     {{"--my_token=hunter2"}, "", {"--my_token=<text>"}},
                     {{"--tag", "a/b", "--tag", "x"}, "", {"--tag=<path>", "--tag=<text>"}},
                     {{"--parts", "a,b", "-v"}, "", {"--parts=<text>", "--verbose"}},
                     {{"--point", "1", "2"}, "", {"--point=<text>"}},
                 });
}

TEST_CASE("parsers: CLI11, values: those that are listed, and choices of the parser's own") {
  check("cli11", {
                     {{"--zoom=12"}, "", {"--zoom=12"}},
                     {{"--zoom", "12"}, "", {"--zoom=12"}},
                     {{"--zoom", "1234"}, "", {"--zoom=1234"}},  // long enough to be looked for elsewhere
                     {{"--format=hic"}, "", {"--format=hic"}},
                     {{"--format", "COOL"}, "", {"--format=cool"}},
                     {{"--level", "best"}, "", {"--level=best"}},
                 });
}

TEST_CASE("parsers: CLI11, the chain of subcommands, and positionals by their names") {
  check("cli11",
        {
            {{"cp", "/home/a/x.bam", "s3://b/k"}, "cp", {"input=<path>", "output=<url>"}},
            {{"copy", "word"}, "cp", {"input=<text>"}},
            {{"-v", "cp", "--", "-p8"}, "cp", {"--verbose", "input=<text>"}},
            {{"remote", "add", "--url=https://a:b@c/", "origin"}, "remote add", {"--url=<url>", "name=<text>"}},
            {{"run", "ls", "--all", "/root"}, "run", {"<text>", "<text>", "<path>"}},
        });
}

TEST_CASE("parsers: CLI11, options from a configuration file and from the environment") {
  const std::string config = "threads=4\nverbose=true\n[cp]\noutput=/secret/place\n";
  check(
      "cli11",
      {
          {{}, "", {"<environment>", "--threads=<int>"}, {{"PARSER_THREADS", "8"}}},
          {{"-v", "-p2"}, "", {"--verbose", "--threads=<int>"}, {{"PARSER_THREADS", "8"}}},
          {{}, "", {"<environment>", "--verbose", "--format=hic"}, {{"PARSER_VERBOSE", "1"}, {"PARSER_FORMAT", "HIC"}}},
          {{"--config", "CONFIG", "cp", "x"},
           "cp",
           {"--config=<path>", "input=<text>", "<config_file>", "--threads=<int>", "--verbose", "output=<path>"},
           {},
           config},
      });
}

TEST_CASE("parsers: cxxopts, one option in all its spellings") {
  for (const Strings& given : {Strings{"-p8"}, {"-p", "8"}, {"--threads=8"}, {"--threads", "8"}})
    check("cxxopts", {{given, "", {"--threads=<int>"}}});
  check("cxxopts",
        {
            {{}, "", {}},
            {{"-vp8"}, "", {"--verbose", "--threads=<int>"}},
            {{"-vv"}, "", {"--verbose", "--verbose"}},
            {{"--color=false"}, "", {"--color=<text>"}},
            {{"-x", "3"}, "", {"-x=<int>"}},
            {{"--my_token=hunter2"}, "", {"--my_token=<text>"}},
            {{"--zoom=12"}, "", {"--zoom=12"}},
            {{"-v", "--", "-p8", "/a/b", "more"}, "", {"--verbose", "--input=<text>", "--output=<path>", "<text>"}},
        });
}

TEST_CASE("parsers: Boost.Program_options, one option in all its spellings") {
  for (const Strings& given : {Strings{"-p8"}, {"-p", "8"}, {"--threads=8"}, {"--threads", "8"}, {"--thr=8"}})
    check("boost_program_options", {{given, "", {"--threads=<int>"}}});
  check("boost_program_options", {
                                     {{}, "", {}},
                                     {{"-vp8"}, "", {"--verbose", "--threads=<int>"}},
                                     {{"--my_token=hunter2"}, "", {"--my_token=<text>"}},
                                     {{"--zoom=12"}, "", {"--zoom=12"}},
                                     {{"--point", "1", "2"}, "", {"--point=<text>"}},
                                     {{"--plugin-hunter2=x"}, "", {"--plugin-*=<text>"}},
                                     {{"-v", "--", "-p8", "/a/b"}, "", {"--verbose", "input=<text>", "output=<path>"}},
                                     {{"-p2", "--config", "CONFIG"},
                                      "",
                                      {"--threads=<int>", "--config=<path>", "<config_file>", "--zoom=7",
                                       "<option>=<text>", "<environment>", "--threads=<int>"},
                                      {{"PARSER_THREADS", "8"}},
                                      "zoom=7\nhunter2=x\n"},
                                 });
}

TEST_CASE("parsers: gflags, one flag in all its spellings") {
  for (const Strings& given : {Strings{"-threads", "8"}, {"-threads=8"}, {"--threads=8"}, {"--threads", "8"}})
    check("gflags", {{given, "", {"--threads=<int>"}}});
  check("gflags", {
                      {{}, "", {}},
                      {{"-verbose"}, "", {"--verbose"}},
                      {{"--nocolor", "--verbose=true"}, "", {"--color=false", "--verbose"}},
                      {{"--my_token=hunter2", "/a/b", "word"}, "", {"--my_token=<text>", "<path>", "<text>"}},
                      {{"--my-token", "hunter2"}, "", {"--my_token=<text>"}},
                      {{"--zoom=12", "--", "-p8"}, "", {"--zoom=12", "<text>"}},
                      {{"--fromenv=threads"},
                       "",
                       {"--fromenv=<text>", "<environment>", "--threads=<int>"},
                       {{"FLAGS_threads", "4"}}},
                  });
}

TEST_CASE("parsers: getopt_long, one option in all its spellings") {
  for (const Strings& given : {Strings{"-p8"}, {"-p", "8"}, {"--threads=8"}, {"--threads", "8"}, {"--thr=8"}})
    check("getopt", {{given, "", {"--threads=<int>"}}});
  check("getopt", {
                      {{}, "", {}},
                      {{"-vp8"}, "", {"--verbose", "--threads=<int>"}},
                      {{"-vvx"}, "", {"--verbose", "--verbose", "-x"}},
                      {{"-c", "--color=always", "--quick"}, "", {"--color", "--color=<text>", "--quick"}},
                      {{"--zoom=12", "-thunter2"}, "", {"--zoom=12", "--my_token=<text>"}},
                      {{"/a/b", "-v", "--", "-p8"}, "", {"--verbose", "<path>", "<text>"}},
                  });
  Sandbox sandbox;
  CHECK(sandbox.run("parser_getopt", {"one", "-p8", "two"}).out == "one\ntwo\n");
  CHECK(sandbox.run("parser_getopt", {"--what"}).err.find("--what") != std::string::npos);  // of the first reading
}

TEST_CASE("parsers: the program's own --help says how to see and stop it") {
  for (const std::string parser : {"cli11", "cxxopts", "boost_program_options", "getopt"}) {
    CAPTURE(parser);
    const std::string help = help_of(parser);
    CHECK(help.find("--disable-usage-stats") != std::string::npos);
    CHECK(help.find("usage-stats`") != help.find("  usage-stats  "));
  }
  CHECK(help_of("cli11").find("The end.\n\n`parser usage-stats`: show, ") != std::string::npos);
  CHECK(help_of("cli11", {"cp", "--help"}).find("`parser usage-stats`") == std::string::npos);
  const std::string flags = help_of("gflags");
  CHECK(flags.find("-disable_usage_stats") != std::string::npos);
  CHECK(flags.find("`usage-stats`") != std::string::npos);
}

TEST_CASE("parsers: in a disabled build the adapters are there and record nothing") {
  Sandbox sandbox;
  CHECK(sandbox.run("parser_cli11_disabled", {"-p8", "--disable-usage-stats", "cp", "x"}).exit_code == 0);
  CHECK(names_in(sandbox.home()).empty());
  CHECK(sandbox.run("parser_cli11_disabled", {"--help"}).out == sandbox.run("parser_cli11", {"--help"}).out);
}

TEST_CASE("parsers: --disable-usage-stats is known to them, and nothing is recorded") {
  for (const std::string parser : {"cli11", "cxxopts", "boost_program_options", "gflags"}) {
    CAPTURE(parser);
    Sandbox sandbox;
    const Result result = sandbox.run("parser_" + parser, {"--disable-usage-stats"});
    CHECK(result.exit_code == 0);
    CHECK(result.err == "");
    CHECK(sandbox.report_files("parser").empty());
  }
}
