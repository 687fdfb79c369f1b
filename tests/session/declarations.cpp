// Mistakes in the declarations make every session of the program inert. The bad ones here live in their own tests only:
// all tests are one program.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "own_home.hpp"

namespace us = usage_stats;
using Session = us::TelemetrySession;

namespace {

/// The problem of a session that is made now; checks that it is inert, and that nothing was written.
std::string problem_now() {
  const OwnHome home;
  const Session session(OwnHome::options());
  const std::string problem(session.problem());
  CHECK(session.enabled() == problem.empty());
  CHECK((session.decision().rule == 1) == !problem.empty());
  CHECK(names_in(home.sandbox.home()).empty() == !problem.empty());
  return problem;
}

}  // namespace

TEST_CASE("declarations: the good ones are no problem") {
  CHECK(problem_now() == "");
  const std::string longest = "a" + std::string(63, '9');
  const us::Event event(longest.c_str(), "the longest name");
  const us::Event dotted("declarations.a_b.c9", "every character that a name may have");
  CHECK(problem_now() == "");
}

TEST_CASE("declarations: a bad name") {
  const std::string too_long(65, 'a');
  for (const char* const name : {"", "Upper", "9digit", "_mark", "with space", "da-sh", "\xC3\xA4", too_long.c_str()}) {
    CAPTURE(std::string(name));
    const us::Field<double> field(name, "a description");
    CHECK(problem_now() == "number '" + std::string(name) + "': the name is not [a-z][a-z0-9_.]{0,63}");
  }
  CHECK(problem_now() == "");  // gone with the declaration
}

TEST_CASE("declarations: no description") {
  for (const char* const description : {"", " \t\n"}) {
    const us::Counter counter("declarations.counter", description);
    CHECK(problem_now() == "counter 'declarations.counter': it has no description");
  }
  const us::Stage stage("declarations.stage", nullptr);
  CHECK(problem_now() == "stage 'declarations.stage': it has no description");
}

TEST_CASE("declarations: a choice without choices, or with a choice that no report can hold") {
  {
    const us::Field<us::Choice> none("declarations.none", "a choice", {});
    CHECK(problem_now() == "choice 'declarations.none': it needs 1 to 256 choices");
  }
  const std::string longest(256, 'a'), too_long(257, 'a');
  {
    const us::Field<us::Choice> good("declarations.long", "a choice", {"a", longest.c_str()});
    CHECK(problem_now() == "");
  }
  const us::Field<us::Choice> bad("declarations.long", "a choice", {"a", too_long.c_str()});
  CHECK(problem_now() == "choice 'declarations.long': a choice has more than 256 bytes");
}

TEST_CASE("declarations: one name means one thing") {
  const us::Counter counter("declarations.twice", "a description");
  {
    const us::Counter same("declarations.twice", "a description");  // as in a header that two source files include
    CHECK(problem_now() == "");
  }
  {
    const us::Event event("declarations.twice", "a description");
    CHECK(problem_now() == "event 'declarations.twice': declared twice, for different things");
  }
  const us::Counter other("declarations.twice", "another description");
  CHECK(problem_now() == "counter 'declarations.twice': declared twice, for different things");
}
