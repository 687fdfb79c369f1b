// Whatever bytes an author, a user or an exception may hand in: the report is JSON, UTF-8, and as the schema says.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "own_home.hpp"
#include "schema.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Field<us::Text> text{"any_bytes.text", "a text"};
const us::Field<us::Hashed> hashed{"any_bytes.hashed", "a hash"};
const us::Field<us::Choice> choice{"any_bytes.choice", "a choice", {"good", "\xC3\xA4", "bad\xFF", "control\x01"}};
const us::Event event{"any_bytes.event", "something happened"};
const us::Stage stage{"any_bytes.stage", "some work"};

const std::vector<std::string>& samples() {
  using namespace std::string_literals;
  static const std::vector<std::string> all = {
      ""s,
      "\0"s,
      "a\0b"s,
      "\x01\x02\x1B[31m\x7F\r\n\t"s,
      "\"quotes\" and \\ and {}"s,
      "\x80"s,
      "\xFF\xFE"s,
      "\xC3"s,                           // half of a character
      "\xE2\x82"s,                       // two thirds of one
      "\xC0\xAF"s,                       // an overlong slash
      "\xED\xA0\x80"s,                   // a surrogate
      "\xF4\x90\x80\x80"s,               // beyond the last character
      "\xEF\xBB\xBF and \xE2\x80\xAE"s,  // a mark of byte order, text from right to left
      "\xF0\x9F\x90\x9F \xC3\xA4"s,      // good UTF-8
      std::string(2000, '\xC3'),
      std::string(255, 'a') + "\xC3\xA4"s,  // a character about the limit
  };
  return all;
}

/// All that an exception can tell.
[[noreturn]] void throw_with(const std::string& sample) {
  try {
    throw std::invalid_argument(sample);
  } catch (...) {
    std::throw_with_nested(std::runtime_error(sample));
  }
}

void record(Session& session, const std::string& sample) {
  session.set(text, sample);
  session.set(hashed, sample);
  session.set(choice, sample);
  session.command(sample);
  session.record(event, {{text, sample}, {choice, "bad\xFF"}});
  us::StageScope scope = session.enter(stage);
  scope.set(choice, "control\x01");
  try {
    session.run([&] { throw_with(sample); });
  } catch (const std::exception&) {
  }
}

us::Options options_with(const std::string& sample) {
  us::Options options = OwnHome::options();
  options.arguments = us::ArgumentDetail::values;
  options.argument_values = {"threads", sample};
  options.subcommands = {sample};
  options.purpose = options.policy_url = options.contact = sample;
  options.dependencies = {{"d" + sample, sample}};
  return options;
}

}  // namespace

TEST_CASE("any bytes: from the author, the user, and exceptions") {
  for (const std::string& sample : samples()) {
    CAPTURE(sample);
    const OwnHome home;
    {
      Session session(options_with(sample), {sample, "--threads=" + sample, "--" + sample, "-" + sample,
                                             "--" + sample + "=" + sample, "--", sample});
      CHECK(session.problem() == "");
      record(session, sample);
    }
    REQUIRE(home.sandbox.report_files().size() == 1);
    const std::string file = read_file(home.sandbox.report_files()[0]);
    CHECK(schema_problem(file) == "");
    CHECK(file.find('\0') == std::string::npos);
    CHECK(json::parse(file)["outcome"]["status"] == "exception");
  }
}

TEST_CASE("any bytes: from the command line and the environment of a real process") {
  for (const std::string& sample : samples()) {
    const std::string argument = sample.substr(0, sample.find('\0'));
    CAPTURE(argument);
    Sandbox sandbox;
    for (const char* const name : {"SOMETHING", "USER", "CI", "container", "TERM"})
      sandbox.environment[name] = argument;
    Command command = sandbox.command(
        "reporter", {"--note", argument, "--format", argument, "--command", argument, "--argument-detail", "values",
                     "--throw", argument, "--as", argument, "--" + argument, "-" + argument});
    command.name = argument;
    const Result result = run(command);
    CHECK(result.exit_code == 70);
    CHECK(result.err == "");
    REQUIRE(sandbox.report_files().size() == 1);
    CHECK(schema_problem(read_file(sandbox.report_files()[0])) == "");
  }
}
