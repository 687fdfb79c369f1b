// Hosts that have switched to their user's locale, in C and in C++: what is written and sent has points and no
// grouping, and what is read is read so. ps_AF writes the point with a mark of two bytes, on which nlohmann/json ends a
// program.
#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Speech {
  std::string name, source, number;  // number: how printf writes 1234567.25 there
};

const std::vector<Speech> speeches{{"C", "", "1234567.25"},
                                   {"de_DE.UTF-8", "de_DE", "1234567,25"},
                                   {"ps_AF.UTF-8", "ps_AF",
                                    "1234567\xD9\xAB"
                                    "25"}};

/// The sandbox's programs speak it from now on; false where this machine cannot make such a locale.
bool speak(Sandbox& sandbox, const Speech& speech) {
  static const TemporaryFolder folder;  // to make one takes seconds
  sandbox.environment["LC_ALL"] = speech.name;
  sandbox.environment["LOCPATH"] = folder.path().string();
  if (speech.source.empty() || fs::exists(folder / speech.name)) return true;
  Command command{"localedef", {"-i", speech.source, "-f", "UTF-8", (folder / speech.name).string()}};
  command.inherit_environment = true;
  if (run(command).exit_code == 0) return true;
  MESSAGE("skipped: localedef cannot make " << speech.name);
  return false;
}

}  // namespace

TEST_CASE("locales: reports, envelopes, state and requests are the same in every language") {
  for (const Speech& speech : speeches) {
    for (const std::string protocol : {"json", "otlp", "amplitude"}) {
      for (const std::string delivery : {"wait", "in_process"}) {
        CAPTURE(speech.name);
        CAPTURE(protocol);
        CAPTURE(delivery);
        Server server;
        Sandbox sandbox;
        if (!speak(sandbox, speech)) continue;
        write_file(sandbox.config_file("locales"), R"({"volume": 0.75, "usage_stats": true, "big": 1.5e3})");
        const Result result = sandbox.run("locales", {server.url(), protocol, delivery});
        CHECK(result.exit_code == 0);
        CHECK(result.out == speech.number + "\n");
        CHECK(result.err == "");

        const std::string text = read_file(sandbox.report_files("locales").at(0));
        for (const char* const part : {"\"throughput\": 1234567.25", "\"records\": 1234567", "\"hits\": 7654321",
                                       "\"throughput\": 0.5", "\"duration_s\": 0."})
          CHECK(text.find(part) != std::string::npos);
        REQUIRE(server.requests().size() == 1);
        const std::string body = server.requests()[0].body;
        CHECK(json::accept(body));
        CHECK(body.find("1234567.25") != std::string::npos);
        CHECK(body.find("7654321") != std::string::npos);
      }
    }
  }
}

TEST_CASE("locales: an answer's Retry-After, in seconds and as a date, is understood in every language") {
  for (const Speech& speech : speeches) {
    for (const bool date : {false, true}) {
      CAPTURE(speech.name);
      CAPTURE(date);
      const auto now = static_cast<std::int64_t>(std::time(nullptr));
      Server server([&](const ReceivedRequest&) {
        const std::time_t then = now + 7200;
        std::tm parts{};
        ::gmtime_r(&then, &parts);
        char text[64];
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        return Answer{503, {{"Retry-After", date ? text : "7200"}}};
      });
      Sandbox sandbox;
      if (!speak(sandbox, speech)) continue;
      sandbox.environment["LOCALES_USAGE_STATS_ENABLED"] = "1";
      CHECK(sandbox.run("locales", {server.url(), "json", "in_process"}).exit_code == 0);
      const auto envelopes = sandbox.pending("locales");
      REQUIRE(envelopes.size() == 1);
      const std::string envelope = read_file(sandbox.usage_folder("locales") / "pending" / envelopes[0]);
      const auto not_before =
          json::parse(envelope.substr(0, envelope.find('\n')))["destinations"][0]["not_before"].get<std::int64_t>();
      CHECK(not_before >= now + 7200);
      CHECK(not_before <= now + 7260);
      CHECK(json::parse(read_file(sandbox.usage_folder("locales") / "state.json")).is_object());
    }
  }
}

TEST_CASE("locales: `usage-stats` commands read the reports of every language") {
  for (const Speech& speech : speeches) {
    CAPTURE(speech.name);
    Server server;
    Sandbox sandbox;
    if (!speak(sandbox, speech)) continue;
    sandbox.environment["LOCALES_USAGE_STATS_ENABLED"] = "1";
    CHECK(sandbox.run("locales", {server.url(), "json", "wait"}).exit_code == 0);
    for (const char* const word : {"show", "status", "preview"}) {
      CAPTURE(std::string(word));
      const Result result = sandbox.run("locales", {server.url(), "json", "wait", "usage-stats", word, "--json"});
      CHECK(result.exit_code == 0);
      CHECK(json::accept(result.out));
    }
  }
}
