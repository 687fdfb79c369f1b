// The session made from main's own argc and argv answers the command, ends the process, and takes its flag.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <sys/resource.h>

#include <string>
#include <type_traits>
#include <vector>

#include "own_home.hpp"
#include "server.hpp"
#include "tool.hpp"
#include "tree.hpp"

namespace us = usage_stats;
using Session = us::TelemetrySession;

namespace {

using Words = std::vector<std::string>;

bool reached_main(const Result& result) {
  const bool reached = result.out.find("verdict=") != std::string::npos;
  CHECK(reached == (result.exit_code == 7));
  return reached;
}

/// The program's own arguments, as its parser sees them.
std::string seen_by_parser(const Result& result) {
  CHECK(result.exit_code == 7);
  CHECK(result.out.find("argv has no end") == std::string::npos);
  std::string seen;
  for (std::size_t at = 0; (at = result.out.find("\nargument ", at)) != std::string::npos; ++at)
    seen += result.out.substr(at + 10, result.out.find('\n', at + 1) - at - 10) + " ";
  return seen;
}

}  // namespace

TEST_CASE("one constructor: the command is answered, main goes no further, and nothing is written") {
  const Tool tool;
  const auto before = tree(tool.sandbox.home());
  for (const Words& words : {Words{}, {"status"}, {"help"}, {"describe"}, {"status", "--json"}, {"show"}, {"send"}}) {
    Words arguments{"usage-stats"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    CAPTURE(words.size());
    const Result result = tool.run(arguments);
    CHECK(result.exit_code == 0);
    CHECK_FALSE(reached_main(result));
    if (words != Words{"show"}) CHECK(result.out.size() > 20);
  }
  CHECK(tree(tool.sandbox.home()) == before);
  CHECK(tool.sandbox.uploaders().empty());
}

TEST_CASE("one constructor: it says what handle_command says, and ends with its exit code") {
  const Tool one, two("handled");
  for (const Words& words : {Words{"status"}, {"show", "--nonsense"}, {"describe"}, {"no-such-command"}, {"reset"}}) {
    Words arguments{"usage-stats"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const Result a = one.run(arguments);
    Command other = two.command(arguments);
    for (const char* const name : {"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"})
      other.environment[name] = one.sandbox.environment.at(name);
    const Result b = run(other);
    CHECK(a.exit_code == b.exit_code);
    CHECK(a.out == b.out);
    CHECK(a.err == b.err);
  }
  CHECK(one.run({"usage-stats", "no-such-command"}).exit_code == 2);
  Tool failing;
  write_file(failing.sandbox.config_file("tool"), "{");
  CHECK(failing.run({"usage-stats", "disable"}).exit_code == 1);
}

TEST_CASE("one constructor: the process ends as by exit(), with static destructors and what atexit() was given") {
  Tool tool;
  tool.set("GOODBYE", "yes");
  const std::string out = tool.run({"usage-stats", "disable"}).out;
  CHECK(out.find("switched off") < out.find("at exit"));
  CHECK(out.find("at exit") < out.find("goodbye"));
  // With no report of this run: the "no" is all that is there.
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tool.sandbox.usage_folder("tool"))) {
    CHECK(entry.path().filename() == "state.json");
    ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("one constructor: `disable` stops what would have been sent") {
  const Server server;
  Tool tool;
  tool.set("URL", server.url());
  tool.set("UNATTENDED", "on");
  CHECK(tool.run({}).exit_code == 7);
  CHECK(server.wait_for(1).size() == 1);
  CHECK(tool.run({"usage-stats", "disable"}).exit_code == 0);
  for (int i = 0; i < 3; ++i) CHECK(tool.run({}).out.find("verdict=off rule=9") == 0);
  CHECK(tool.sandbox.wait_for_no_uploader());
  CHECK(server.requests().size() == 1);
}

TEST_CASE("one constructor: only if the words come first, complete and in order") {
  Tool tool;
  tool.set("COMMAND", "-t usage-stats");
  CHECK_FALSE(reached_main(tool.run({"-t", "usage-stats", "status"})));
  CHECK_FALSE(reached_main(tool.run({"--disable-usage-stats", "-t", "usage-stats", "status"})));
  for (const Words& words : {Words{"usage-stats", "status"},
                             {"-t"},
                             {"usage-stats", "-t"},
                             {"-t", "usage-stats2"},
                             {"-t usage-stats"},
                             {"-v", "-t", "usage-stats"},
                             {"-t", "", "usage-stats"},
                             {""},
                             {}})
    CHECK(reached_main(tool.run(words)));
  CHECK(tool.run({"-t", "usage-stats", "help"}).out.find("tool -t usage-stats COMMAND") < 200);

  tool.set("COMMAND", "");
  for (const Words& words : {Words{"usage-stats", "status"}, {""}, {}}) CHECK(reached_main(tool.run(words)));
}

TEST_CASE("one constructor: handle_command: several words, and none") {
  Tool tool("handled");
  tool.set("COMMAND", "config stats");
  CHECK(tool.run({"config", "stats", "disable"}).out.find("switched off") != std::string::npos);
  CHECK(reached_main(tool.run({"config", "status"})));
  CHECK(reached_main(tool.run({"config"})));
  tool.set("COMMAND", "");
  CHECK(reached_main(tool.run({"usage-stats", "disable"})));
}

TEST_CASE("one constructor: the flag is taken from the program's parser, and switches this run off") {
  const Tool tool;
  const std::string flag = "--disable-usage-stats";
  const auto with = [&](const Words& words) {
    const Result result = tool.run(words);
    CHECK(result.out.find("verdict=off rule=5") == 0);
    CHECK(result.err == "");
    return seen_by_parser(result);
  };
  CHECK(with({flag}) == "");
  CHECK(with({flag, flag, flag}) == "");
  CHECK(with({"cp", flag, "a", "b"}) == "cp a b ");
  CHECK(with({flag, "cp", "", "a", flag}) == "cp  a ");
  // Behind a `--` it is an operand, or another program's: it stays, and is taken for a no.
  CHECK(with({"run", "--", "other", flag}) == "run -- other " + flag + " ");
  CHECK(with({flag, "--", flag}) == "-- " + flag + " ");
  CHECK(tree(tool.sandbox.home()).empty());
  CHECK(seen_by_parser(tool.run({flag + "=1", "-" + flag, "a" + flag})) == flag + "=1 -" + flag + " a" + flag + " ");
}

TEST_CASE("one constructor: where something stronger decides the flag is taken all the same") {
  Tool tool;
  tool.sandbox.environment["DO_NOT_TRACK"] = "1";
  const Result result = tool.run({"--disable-usage-stats", "cp"});
  CHECK(result.out.find("verdict=off rule=4") == 0);
  CHECK(seen_by_parser(result) == "cp ");
}

TEST_CASE("one constructor: other constructors: they answer nothing and take nothing") {
  for (const char* const session : {"constant", "vector"}) {
    const Tool tool(session);
    CAPTURE(std::string(session));
    CHECK(seen_by_parser(tool.run({"usage-stats", "disable"})) == "usage-stats disable ");
    CHECK_FALSE(std::filesystem::exists(tool.sandbox.config_file("tool")));
    const Result result = tool.run({"a", "--disable-usage-stats"});
    CHECK(result.out.find("verdict=off rule=5") == 0);
    CHECK(seen_by_parser(result) == "a --disable-usage-stats ");
  }
  CHECK(reached_main(Tool("null").run({"usage-stats", "disable"})));
}

TEST_CASE("one constructor: which one a call means") {
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int&, char**>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int, char**>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, const int&, char**>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int&, char* const*>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int&, const char**>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int&, const char* const*>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int&, std::nullptr_t>);
  static_assert(std::is_nothrow_constructible_v<Session, us::Options, int, std::nullptr_t>);
  const OwnHome home;
  std::string name = "reporter", flag = "--disable-usage-stats", word = "word";
  char* argv[] = {name.data(), flag.data(), word.data(), nullptr};
  int argc = 3;
  const auto untouched = [&] { return argc == 3 && argv[1] == flag.data() && argv[2] == word.data(); };
  CHECK(Session(OwnHome::options(), 3, argv).decision().rule == 5);
  CHECK(Session(OwnHome::options(), std::as_const(argc), argv).decision().rule == 5);
  CHECK(Session(OwnHome::options(), argc, static_cast<char* const*>(argv)).decision().rule == 5);
  CHECK(untouched());
  CHECK(Session(OwnHome::options(), argc, nullptr).decision().rule != 5);
  CHECK(untouched());
  CHECK(Session(OwnHome::options(), argc, argv).decision().rule == 5);
  CHECK(argc == 2);
  CHECK(argv[1] == word.data());
  CHECK(argv[2] == nullptr);
}

TEST_CASE("one constructor: counts and ends of argv that no main has harm nobody") {
  const OwnHome home;
  std::string name = "reporter", flag = "--disable-usage-stats";
  char* empty[] = {nullptr};
  for (const int argc : {0, -1, 1}) {
    int count = argc;
    const Session session(OwnHome::options(), count, empty);
    CHECK(session.decision().rule != 5);
    CHECK(count == argc);
    CHECK(empty[0] == nullptr);
  }
  char* early[] = {name.data(), flag.data(), nullptr, flag.data(), nullptr};  // ends before its count says
  int count = 4;
  CHECK(Session(OwnHome::options(), count, early).decision().rule == 5);
  CHECK(count == 1);
  CHECK(early[1] == nullptr);
  CHECK(early[3] == flag.data());
}

TEST_CASE("one constructor: one constructor, disabled build: the words and the flag stay the library's") {
  Tool tool;
  tool.program = "tool_disabled";
  const Result result = tool.run({"usage-stats", "disable"});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "tool was built without usage statistics: they were compiled out\n");
  CHECK(seen_by_parser(tool.run({"cp", "--disable-usage-stats", "a"})) == "cp a ");
  CHECK(seen_by_parser(tool.run({"cp", "--", "--disable-usage-stats"})) == "cp -- --disable-usage-stats ");
  tool.set("COMMAND", "-t usage-stats");
  CHECK_FALSE(reached_main(tool.run({"-t", "usage-stats", "status"})));
  CHECK(reached_main(tool.run({"usage-stats", "status"})));
  tool.set("SESSION", "constant");
  CHECK(reached_main(tool.run({"-t", "usage-stats", "status"})));
  tool.set("SESSION", "null");
  CHECK(reached_main(tool.run({"-t", "usage-stats", "status"})));
  CHECK(names_in(tool.sandbox.home()).empty());
}
