// Several endpoints at once: each with its own protocol, tried and recorded independently; named by the program, or by
// policy, environment and config instead.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

/// What delivery.json says last of each endpoint of the only report.
json last_word(const Sandbox& sandbox, const std::string& url) {
  json last;
  for (const json& line : deliveries(sandbox))
    if (line["endpoint"] == url) last = line;
  return last;
}

std::size_t words_about(const Sandbox& sandbox, const std::string& url) {
  const auto lines = deliveries(sandbox);
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(), [&](const json& line) { return line["endpoint"] == url; }));
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A program with an endpoint of the author's, and servers that an enterprise may name.
struct Enterprise {
  Server author, policy, environment, config, extra;
  Sandbox sandbox;

  std::filesystem::path policy_file() const { return sandbox.root() / "policy.json"; }
  Words options(const Words& more = {}) const {
    return with(sending_to(author.url(), {"--api-key", "s3cret-key", "--header", "X-Secret=hush", "--policy-file",
                                          policy_file().string()}),
                more);
  }
  void write_policy(const json& text) const { write_file(policy_file(), text.dump()); }
  void write_config(const json& text) const { write_file(sandbox.config_file(), text.dump()); }
  void run(const Words& more = {}) const { CHECK(sandbox.run("reporter", options(more)).exit_code == 0); }
  static bool told_a_secret(const Server& server) {
    for (const ReceivedRequest& request : server.requests())
      if (request.header("Authorization") != "" || request.header("X-Secret") != "" ||
          request.body.find("s3cret-key") != std::string::npos)
        return true;
    return false;
  }
};

}  // namespace

TEST_CASE("endpoints: three with three protocols get the same run, each in its own language and with its own key") {
  Server plain, collector, amplitude;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(plain.url(), {"--api-key", "key-1", "--url", collector.url(""), "--protocol",
                                                   "otlp", "--api-key", "key-2", "--url", amplitude.url(""),
                                                   "--protocol", "amplitude", "--api-key", "key-3"}));
  REQUIRE(plain.requests().size() == 1);
  REQUIRE(collector.requests().size() == 1);
  REQUIRE(amplitude.requests().size() == 1);
  const json report = sandbox.report();
  CHECK(plain.requests()[0].body == read_file(sandbox.report_files()[0]));
  CHECK(plain.requests()[0].header("Authorization") == "Bearer key-1");
  CHECK(collector.requests()[0].target == "/v1/traces");
  CHECK(collector.requests()[0].header("Authorization") == "Bearer key-2");
  CHECK(collector.requests()[0].body.find(report["session_id"].get<std::string>()) != std::string::npos);
  CHECK(amplitude.requests()[0].target == "/2/httpapi");
  CHECK(amplitude.requests()[0].header("Authorization") == "");
  CHECK(json::parse(amplitude.requests()[0].body)["api_key"] == "key-3");
  for (const Server* server : {&plain, &collector, &amplitude})
    for (const char* const key : {"key-1", "key-2", "key-3"})
      CHECK((server->requests()[0].body.find(key) == std::string::npos || (server == &amplitude && key[4] == '3')));
}

TEST_CASE("endpoints: one refuses connections, one never answers, and the third gets the report exactly once") {
  SilentPort refuses(SilentPort::Behaviour::refuses), silent(SilentPort::Behaviour::never_answers);
  Server good;
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(refuses.url(), {"--url", silent.url(""), "--protocol", "otlp", "--url",
                                                     good.url(""), "--protocol", "amplitude", "--api-key", "k"}));
  good.wait_for(1);
  REQUIRE(sandbox.wait_for_no_uploader());
  CHECK(good.requests().size() == 1);

  // delivery.json tells of each, and what waits is for the other two.
  CHECK(deliveries(sandbox).size() == 3);
  CHECK(last_word(sandbox, good.url(""))["result"] == "delivered");
  CHECK(last_word(sandbox, good.url(""))["http_status"] == 200);
  for (const std::string& url : {refuses.url(), silent.url("")}) {
    CHECK(last_word(sandbox, url)["result"] == "again later");
    CHECK_FALSE(last_word(sandbox, url)["detail"].get<std::string>().empty());
  }
  const json waits = waiting_envelope(sandbox)["destinations"];
  REQUIRE(waits.size() == 2);
  CHECK(waits[0]["url"] == refuses.url());
  CHECK(waits[1]["url"] == silent.url(""));

  // Nor do the dead ones' pauses hold up the next run's.
  sandbox.run("reporter", sending_to(refuses.url(), {"--url", silent.url(""), "--protocol", "otlp", "--url",
                                                     good.url(""), "--protocol", "amplitude", "--api-key", "k"}));
  good.wait_for(2);
  REQUIRE(sandbox.wait_for_no_uploader());
  CHECK(good.requests().size() == 2);
  CHECK(words_about(sandbox, silent.url("")) == 1);
  CHECK(words_about(sandbox, refuses.url()) == 1);
}

TEST_CASE("endpoints: while one does not answer, the first time that it fails, all others get all reports") {
  SilentPort silent(SilentPort::Behaviour::never_answers);
  Server good, other;
  Sandbox sandbox;
  const Words to_all{"--unattended", "on", "--url", silent.url(), "--url", good.url(), "--url", other.url()};
  for (std::size_t run = 1; run <= 3; ++run) {
    sandbox.run("reporter", to_all);
    good.wait_for(run);
    other.wait_for(run);
    CHECK(words_about(sandbox, silent.url()) == 0);  // it is still being waited for
  }
  CHECK(sandbox.uploaders().size() == 1);
  REQUIRE(sandbox.wait_for_no_uploader());
  CHECK(good.requests().size() == 3);
  CHECK(other.requests().size() == 3);
  CHECK(words_about(sandbox, silent.url()) == 1);
  CHECK(sandbox.pending().size() == 3);
}

TEST_CASE("endpoints: a retry touches only the one that failed") {
  Server failing(503), good;
  Sandbox sandbox;
  const Words options = sending_to(failing.url(), {"--url", good.url("/other")});
  sandbox.run("reporter", options);
  CHECK(good.requests().size() == 1);
  CHECK(last_word(sandbox, good.url("/other"))["result"] == "delivered");
  CHECK(last_word(sandbox, failing.url())["http_status"] == 503);

  failing.answer([](const ReceivedRequest&) { return Answer{}; });
  CHECK(sandbox.run("reporter", with(options, {"--as", "usage-stats", "send"})).exit_code == 0);
  CHECK(good.requests().size() == 1);
  REQUIRE(failing.requests().size() == 2);
  CHECK(failing.requests()[0].body == failing.requests()[1].body);
  CHECK(failing.requests()[0].header("Idempotency-Key") == failing.requests()[1].header("Idempotency-Key"));
  CHECK(last_word(sandbox, failing.url())["result"] == "delivered");
  CHECK(last_word(sandbox, failing.url())["attempts"] == 2);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("endpoints: in_process, one that never answers takes none of the others' time") {
  SilentPort silent(SilentPort::Behaviour::never_answers);
  Server good;
  Sandbox sandbox;
  sandbox.run("reporter", {"--unattended", "on", "--delivery", "in_process", "--wait-limit", "4000", "--url",
                           silent.url(), "--url", good.url()});
  CHECK(good.requests().size() == 1);
  REQUIRE(sandbox.pending().size() == 1);
  CHECK(waiting_envelope(sandbox)["destinations"].size() == 1);
}

TEST_CASE("endpoints: a kill switch stops one, not the others") {
  Server gone(410), good;
  Sandbox sandbox;
  for (int i = 0; i < 2; ++i) sandbox.run("reporter", sending_to(gone.url(), {"--url", good.url()}));
  CHECK(gone.requests().size() == 1);
  CHECK(good.requests().size() == 2);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("endpoints: substituted by config, over that by the environment, over both by policy") {
  Enterprise all;
  all.write_config({{"usage_stats", true}, {"usage_stats_endpoint", all.config.url()}});
  all.run();
  CHECK(all.config.requests().size() == 1);
  all.sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = all.environment.url();
  all.run();
  CHECK(all.environment.requests().size() == 1);
  all.write_policy({{"usage_stats_endpoint", all.policy.url()}});
  all.run();
  CHECK(all.policy.requests().size() == 1);
  CHECK(all.config.requests().size() == 1);
  CHECK(all.environment.requests().size() == 1);
  CHECK(all.author.requests().empty());
  for (const Server* server : {&all.config, &all.environment, &all.policy})
    CHECK_FALSE(Enterprise::told_a_secret(*server));
}

TEST_CASE("endpoints: both files add to them, to the author's as to a substitute, and nobody gets a report twice") {
  Enterprise all;
  all.write_policy({{"usage_stats_additional_endpoints", {all.policy.url(), all.extra.url()}}});
  all.write_config({{"usage_stats", true}, {"usage_stats_additional_endpoints", {all.config.url(), all.extra.url()}}});
  all.run();
  for (const Server* server : {&all.author, &all.policy, &all.config, &all.extra})
    CHECK(server->requests().size() == 1);
  CHECK(all.author.requests()[0].header("Authorization") == "Bearer s3cret-key");

  all.sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = all.environment.url();
  all.run();
  CHECK(all.author.requests().size() == 1);
  for (const Server* server : {&all.policy, &all.config, &all.extra}) CHECK(server->requests().size() == 2);
  CHECK(all.environment.requests().size() == 1);
  for (const Server* server : {&all.policy, &all.config, &all.extra, &all.environment})
    CHECK_FALSE(Enterprise::told_a_secret(*server));
}

TEST_CASE("endpoints: an address without a protocol speaks the author's first; json+ and otlp+ name another") {
  Enterprise all;
  const Words amplitude{"--protocol", "amplitude"};
  all.write_policy({{"usage_stats_additional_endpoints", {"json+" + all.policy.url(), all.extra.url()}}});
  all.write_config({{"usage_stats_additional_endpoints", {"amplitude+" + all.extra.url("/2/httpapi")}}});
  all.sandbox.environment["REPORTER_USAGE_STATS_ENDPOINT"] = "otlp+" + all.environment.url("");
  all.run(amplitude);
  CHECK(all.author.requests().empty());
  REQUIRE(all.environment.requests().size() == 1);
  CHECK(all.environment.requests()[0].target == "/v1/traces");
  CHECK(json::parse(all.environment.requests()[0].body).contains("resourceSpans"));
  REQUIRE(all.policy.requests().size() == 1);
  CHECK(json::parse(all.policy.requests()[0].body)["schema"] == "usage-stats/1");
  CHECK(all.extra.requests().empty());  // amplitude, said or meant, and without a key
  for (const Server* server : {&all.environment, &all.policy}) CHECK_FALSE(Enterprise::told_a_secret(*server));

  // A user reads which holds; the debug lines say what is wrong with the others.
  const Result status =
      all.sandbox.run("reporter", all.options(with(amplitude, {"--as", "usage-stats", "status", "--json"})));
  const json standing = json::parse(status.out);
  json urls;
  for (const json& endpoint : standing["endpoints"]) urls[endpoint["url"].get<std::string>()] = endpoint["protocol"];
  CHECK(urls == json({{all.environment.url(""), "otlp"}, {all.policy.url(), "json"}}));
}

TEST_CASE("endpoints: the same one twice is one") {
  Server server;
  Sandbox sandbox;
  const Words options = sending_to(server.url(), {"--url", server.url()});
  sandbox.run("reporter", options);
  sandbox.run("reporter", options);
  CHECK(server.requests().size() == 2);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("endpoints: the same one with another key is a problem, and is one") {
  Server one, two;
  Sandbox sandbox;
  const Result result =
      sandbox.run("reporter", sending_to(one.url(), {"--api-key", "first", "--url", one.url(), "--api-key", "second",
                                                     "--url", two.url(), "--api-key", "second", "--info"}));
  CHECK(result.out.find("problem=endpoint '" + one.url() + "' is named twice") != std::string::npos);
  REQUIRE(one.requests().size() == 1);
  CHECK(one.requests()[0].header("Authorization") == "Bearer first");
  CHECK(two.requests().size() == 1);
}

TEST_CASE("endpoints: more than eight are a problem, and eight are used") {
  Enterprise all;
  all.sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  json more;
  for (int i = 0; i < 9; ++i) more.push_back(all.extra.url("/" + std::to_string(i)));
  all.write_policy({{"usage_stats_additional_endpoints", more}});
  const Result result = all.sandbox.run("reporter", all.options({"--info"}));
  CHECK(result.out.find("problem=endpoint '" + all.extra.url("/8") + "': there are already eight") !=
        std::string::npos);
  CHECK(all.author.requests().size() == 1);
  CHECK(all.extra.requests().size() == 7);
}

TEST_CASE("endpoints: what is not an address is a problem, and the others are used") {
  Enterprise all;
  all.sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  for (const char* wrong : {"ftp://127.0.0.1/", "xml+http://127.0.0.1/", "otlp+", "json+json+http://127.0.0.1/"}) {
    all.write_policy({{"usage_stats_additional_endpoints", {wrong}}});
    const Result result = all.sandbox.run("reporter", all.options({"--info"}));
    CHECK(result.out.find("problem=endpoint '" + std::string(wrong) + "': not an http or https URL") !=
          std::string::npos);
  }
  CHECK(all.author.requests().size() == 4);
}
