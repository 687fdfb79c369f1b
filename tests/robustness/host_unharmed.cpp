// What the program shows to the world is the same with the library, with it switched off, and without it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sandbox.hpp"

namespace {

struct Ending {
  std::vector<std::string> arguments;
  const char* what;
};

const std::vector<Ending> endings = {
    {{"--print", "text", "--print-errors", "trouble", "--exit", "0"}, "ends well"},
    {{"--print", "text", "--exit", "3"}, "fails"},
    {{"--exit", "300"}, "an exit code that is cut"},
    {{"--field", "--threads", "2", "--exit", "0"}, "records"},
    {{"--throw", "an error"}, "an exception that main catches"},
    {{"--throw-int"}, "an exception of a foreign type"},
    {{"--throw-nested"}, "an exception with a cause"},
    {{"--without-run", "--throw", "an error"}, "an exception without run"},
    {{"--uncaught", "--throw", "an error"}, "an exception that nobody catches"},
    {{"--std-exit", "4"}, "std::exit"},
    {{"--quick-exit", "5"}, "std::quick_exit"},
    {{"--_exit", "6"}, "_exit"},
    {{"--abort"}, "std::abort"},
    {{"--raise", "15"}, "SIGTERM"},
    {{"--raise", "9"}, "SIGKILL"},
    {{"--sessions", "3", "--print", "text"}, "several sessions"},
    {{"--no-arguments", "--exit", "1"}, "argv is nullptr"},
};

}  // namespace

TEST_CASE("host unharmed: the host ends and prints as it does without the library") {
  for (const Ending& ending : endings) {
    CAPTURE(std::string(ending.what));
    Sandbox sandbox;
    const Result without = sandbox.run("reporter_disabled", ending.arguments);
    CHECK(names_in(sandbox.home()).empty());

    Command off = sandbox.command("reporter", ending.arguments);
    off.environment["REPORTER_NO_TELEMETRY"] = "";
    Command on = sandbox.command("reporter", ending.arguments);
    for (const Command& command : {off, on}) {
      const Result with = run(command);
      CHECK(with.exit_code == without.exit_code);
      CHECK(with.signal == without.signal);
      CHECK(with.core_dumped == without.core_dumped);
      CHECK(with.out == without.out);
      CHECK(with.err == without.err);
      CHECK_FALSE(with.streams_held);
    }
  }
}
