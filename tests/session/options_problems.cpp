// An author's mistake: the session is inert and says why, with USAGE_STATS_DEBUG=1 on standard error too; the program
// goes on as if nothing were.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "own_home.hpp"

namespace us = usage_stats;
using Session = us::TelemetrySession;

namespace {

struct Mistake {
  std::function<void(us::Options&)> make;
  std::string problem;
};

void endpoint(us::Options& options, us::Endpoint endpoint) { options.endpoints.push_back(std::move(endpoint)); }

us::Endpoint with_header(const std::string& name, const std::string& value) {
  us::Endpoint endpoint{"https://example.org/"};
  endpoint.headers[name] = value;
  return endpoint;
}

us::Endpoint with_key(const std::string& key, us::Protocol protocol = us::Protocol::json) {
  us::Endpoint endpoint{"https://example.org/", protocol};
  endpoint.api_key = key;
  return endpoint;
}

std::vector<Mistake> mistakes_in_names() {
  const std::string no_app = ": must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}";
  std::vector<Mistake> list;
  for (const std::string& app :
       {std::string(), std::string("-tool"), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("t\xC3\xB6ol"), std::string(65, 'a'), std::string("a\0b", 3)})
    list.push_back({[=](us::Options& o) { o.app = app; }, "app '" + app + "'" + no_app});
  for (const std::string& version :
       {std::string(), std::string(65, '1'), std::string("1.0\n"), std::string("1.\xC2\xBD")})
    list.push_back(
        {[=](us::Options& o) { o.version = version; }, "version: must be 1 to 64 printable ASCII characters"});
  for (const char* const path : {"usage", "./usage", "../usage", "~alice/usage"})
    list.push_back({[=](us::Options& o) { o.directory = path; }, "directory: must be absolute, or begin with ~/"});
  list.push_back({[](us::Options& o) { o.config_file = "c.json"; }, "config_file: must be absolute, or begin with ~/"});
  list.push_back({[](us::Options& o) { o.policy_file = "p.json"; }, "policy_file: must be absolute, or begin with ~/"});
  list.push_back({[](us::Options& o) { o.dependencies[""] = "1.0"; }, "dependencies: one has no name"});
  return list;
}

std::vector<Mistake> mistakes_in_numbers() {
  const std::string sample = "sample: must be between 0 and 1";
  return {
      {[](us::Options& o) { o.sample = -0.1; }, sample},
      {[](us::Options& o) { o.sample = 1.1; }, sample},
      {[](us::Options& o) { o.sample = std::numeric_limits<double>::quiet_NaN(); }, sample},
      {[](us::Options& o) { o.wait_limit = std::chrono::milliseconds(-1); }, "wait_limit: must be between 0 and 60 s"},
      {[](us::Options& o) { o.wait_limit = std::chrono::milliseconds(60001); },
       "wait_limit: must be between 0 and 60 s"},
      {[](us::Options& o) { o.report_every = std::chrono::milliseconds(9); },
       "report_every: must be 0, or between 10 ms and 30 days"},
      {[](us::Options& o) {
         for (int i = 0; i < 65; ++i) o.dependencies["d" + std::to_string(i)] = "1";
       },
       "dependencies: at most 64 are allowed"},
      {[](us::Options& o) { o.endpoints.assign(9, {"https://example.org/"}); }, "endpoints: at most 8 are allowed"},
  };
}

std::vector<Mistake> mistakes_in_endpoints() {
  const std::string start = "endpoint 'https://example.org/': ";
  const std::string header = "' has characters that HTTP does not allow";
  return {
      {[](us::Options& o) { endpoint(o, {""}); }, "endpoint '': not an http or https URL"},
      {[](us::Options& o) { endpoint(o, {"stats.example.org"}); },
       "endpoint 'stats.example.org': not an http or https URL"},
      {[](us::Options& o) { endpoint(o, {"ftp://example.org"}); },
       "endpoint 'ftp://example.org': not an http or https URL"},
      {[](us::Options& o) { endpoint(o, {"https://user:pass@example.org"}); },
       "endpoint 'https://user:pass@example.org': a URL must not contain a user name or password; set api_key or "
       "headers"},
      {[](us::Options& o) {
         endpoint(o, {"https://b\xc3\xbc"
                      "cher.example/"});
       },
       "endpoint 'https://b\xc3\xbc"
       "cher.example/': a URL must be ASCII: the name of its host in the form xn--..., other characters as %XX"},
      {[](us::Options& o) { endpoint(o, {"https://example.org/a b"}); },
       "endpoint 'https://example.org/a b': a URL must not contain blanks, control characters or backslashes"},
      {[](us::Options& o) { endpoint(o, {"https://example.org:99999/"}); },
       "endpoint 'https://example.org:99999/': the name of its host, or its port, is not valid"},
      {[](us::Options& o) { endpoint(o, {"http://example.org/"}); },
       "endpoint 'http://example.org/': plain http to another machine; use https, or set plain_http"},
      {[=](us::Options& o) { endpoint(o, with_key("", us::Protocol::amplitude)); },
       start + "amplitude needs an api_key"},
      {[=](us::Options& o) { endpoint(o, with_key("key\r\nX: y")); }, start + "api_key must be printable ASCII"},
      {[=](us::Options& o) { endpoint(o, with_header("X", "a\r\nY: b")); }, start + "header 'X" + header},
      {[=](us::Options& o) { endpoint(o, with_header("X", std::string(4097, 'a'))); }, start + "header 'X" + header},
      {[=](us::Options& o) { endpoint(o, with_header("", "a")); }, start + "header '" + header},
      {[=](us::Options& o) { endpoint(o, with_header("X: Y", "a")); }, start + "header 'X: Y" + header},
  };
}

void check(const Mistake& mistake) {
  CAPTURE(mistake.problem);
  const OwnHome home;
  us::Options options = OwnHome::options();
  options.unattended = us::Unattended::on;
  mistake.make(options);
  int code = 0;
  {
    Session session(options);
    CHECK(session.problem() == mistake.problem);
    CHECK_FALSE(session.enabled());
    CHECK(session.decision().verdict == us::Verdict::off);
    CHECK(session.decision().rule == 1);
    CHECK(session.decision().why == mistake.problem);
    code = session.run([] { return 3; });
  }
  CHECK(code == 3);
  CHECK(names_in(home.sandbox.home()).empty());
}

}  // namespace

TEST_CASE("options problems: each mistake is reported, and makes the session inert") {
  for (const Mistake& mistake : mistakes_in_names()) check(mistake);
  for (const Mistake& mistake : mistakes_in_numbers()) check(mistake);
  for (const Mistake& mistake : mistakes_in_endpoints()) check(mistake);
}

TEST_CASE("options problems: the values at the edges are none") {
  const OwnHome home;
  us::Options options = OwnHome::options();
  options.app = "A" + std::string(63, '.');
  options.version = std::string(64, '~');
  options.sample = 0.0;
  options.wait_limit = std::chrono::seconds(60);
  options.directory = "~/elsewhere";
  for (int i = 0; i < 64; ++i) options.dependencies["d" + std::to_string(i)] = "";
  for (const char* const url : {"https://example.org", "http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"})
    options.endpoints.push_back({url});
  options.endpoints.push_back({"http://example.org/"});
  options.endpoints.back().plain_http = true;
  const Session session(options);
  CHECK(session.problem() == "");
  CHECK(session.enabled());
  CHECK(session.report_path().parent_path().parent_path().parent_path() == home.sandbox.home() / "elsewhere");
}

TEST_CASE("options problems: with USAGE_STATS_DEBUG=1 a mistake is on standard error, otherwise nothing is") {
  const Sandbox sandbox;
  Command command = sandbox.command("reporter", {"--app", "my/tool", "--print", "text", "--exit", "3"});
  CHECK(run(command).err == "");
  for (const char* const no : {"", "0", "false"}) {
    command.environment["USAGE_STATS_DEBUG"] = no;
    CHECK(run(command).err == "");
  }
  command.environment["USAGE_STATS_DEBUG"] = "1";
  const Result result = run(command);
  CHECK(result.err.find("app 'my/tool': must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}") != std::string::npos);
  CHECK(result.err.substr(0, 13) == "usage_stats: ");
  CHECK(result.out == "text\n");
  CHECK(result.exit_code == 3);
  CHECK(names_in(sandbox.home()).empty());
}

TEST_CASE("options problems: messages go where the author wants them, and a log that throws harms nobody") {
  const OwnHome home;
  const OwnEnvironment debug([&] {
    auto variables = home.sandbox.environment;
    variables["USAGE_STATS_DEBUG"] = "1";
    return variables;
  }());
  std::vector<std::string> lines;
  us::Options options = OwnHome::options();
  options.version = "";
  options.log = [&](std::string_view line) {
    lines.emplace_back(line);
    throw 1;
  };
  const Session session(options);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == "usage_stats: verdict off by rule 1: version: must be 1 to 64 printable ASCII characters");
}
