// examples/systems/stripe_caller.cpp keeps each promise of StripePy's document, and what hictk adds to it;
// docs/systems.md lists them.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "systems.hpp"

namespace {

using nlohmann::json;

struct StripePy : System {
  explicit StripePy(const std::string& variant = {}) : System("stripe_caller", variant) {
    report_to(collector, "");
    write_file(sandbox.home() / "patient-7.hic", "0 1 10\n0 2 1\n3 1 90\n4 5 2\n");
  }
  Server collector;

  Result call() const { return run({"call", "patient-7.hic", "10000", "-p", "8", "--factor=2"}); }
  json resource_spans(std::size_t number = 0) const {
    const json body = json::parse(collector.wait_for(number + 1)[number].body);
    REQUIRE(body["resourceSpans"].size() == 1);
    return body["resourceSpans"][0];
  }
};

std::map<std::string, json> attributes(const json& owner) {
  std::map<std::string, json> found;
  for (const json& attribute : owner["attributes"]) found[attribute["key"]] = attribute["value"].front();
  return found;
}

const char* const answer = "10000\t100\n";

}  // namespace

TEST_CASE("system stripe caller: a run is one span at the collector, with all that the document lists") {
  StripePy stripe;
  const Result result = stripe.call();
  CHECK(result.exit_code == 0);
  CHECK(result.out == answer);
  const json told = stripe.resource_spans();
  CHECK(stripe.collector.requests()[0].target == "/v1/traces");

  auto resource = attributes(told["resource"]);
  CHECK(resource["service.name"] == "stripe_caller");
  CHECK(resource["service.version"] == "1.3.0");
  CHECK(resource["usage_stats.dependency.hdf5"] == "1.14.3");
  CHECK(resource["usage_stats.dependency.highfive"] == "2.10.0");
  for (const char* key : {"os.type", "os.version", "host.arch", "usage_stats.build.compiler", "usage_stats.build.type"})
    CHECK_FALSE(resource[key].get<std::string>().empty());

  const json spans = told["scopeSpans"][0]["spans"];
  REQUIRE(spans.size() == 1);
  CHECK(spans[0]["name"] == "call");
  CHECK(spans[0]["status"]["code"] == 1);  // OK
  CHECK(spans[0]["startTimeUnixNano"].get<std::string>() <= spans[0]["endTimeUnixNano"].get<std::string>());
  auto span = attributes(spans[0]);
  CHECK(span["usage_stats.field.input_format"] == "hic");
  CHECK(span["usage_stats.field.params.resolution"] == "10000");
  CHECK(span["usage_stats.field.params.nproc"] == "8");
  CHECK(span["usage_stats.field.params.factor"] == 2.0);
  CHECK(span.count("usage_stats.duration_s") == 1);
  stripe.sandbox.end_uploaders();
  CHECK(stripe.collector.requests().size() == 1);
}

TEST_CASE(
    "system stripe caller: whether the command failed, by the error's class alone; nothing that identifies anybody") {
  StripePy stripe;
  const Result result = stripe.run({"view", "/data/patient-8.mcool", "5000"});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("stripe_caller: cannot open /data/patient-8.mcool\n") != std::string::npos);
  const json span = stripe.resource_spans()["scopeSpans"][0]["spans"][0];
  CHECK(span["name"] == "view");
  CHECK(span["status"]["code"] == 2);  // ERROR
  REQUIRE(span["events"].size() == 1);
  CHECK(attributes(span["events"][0]) == std::map<std::string, json>{{"exception.type", "std::runtime_error"}});

  StripePy other;
  CHECK(other.call().exit_code == 0);
  other.resource_spans();
  for (const System* system : {static_cast<System*>(&stripe), static_cast<System*>(&other)}) {
    const std::string sent = (system == &stripe ? stripe : other).collector.requests()[0].body;
    for (const std::string& secret :
         {std::string("patient"), std::string("/data"), system->sandbox.home().string(), std::string("cannot open")}) {
      CAPTURE(secret);
      CHECK(sent.find(secret) == std::string::npos);
    }
  }
}

TEST_CASE("system stripe caller: a format that is not in the list is other") {
  StripePy stripe;
  write_file(stripe.sandbox.home() / "matrix.secret-lab", "0 1 10\n");
  CHECK(stripe.run({"call", "matrix.secret-lab", "10000"}).exit_code == 0);
  auto span = attributes(stripe.resource_spans()["scopeSpans"][0]["spans"][0]);
  CHECK(span["usage_stats.field.input_format"] == "other");
}

TEST_CASE("system stripe caller: STRIPE_CALLER_NO_TELEMETRY disables it, whatever its value") {
  for (const char* const value : {"1", "0", "", "false"}) {
    StripePy stripe;
    stripe.set("_NO_TELEMETRY", value);
    CHECK(stripe.call().out == answer);
    CHECK(stripe.silent());
    CHECK(stripe.collector.requests().empty());
  }
}

TEST_CASE("system stripe caller: --help-telemetry says what applies now") {
  StripePy on;
  on.set("_USAGE_STATS_ENABLED", "1");
  const Result enabled = on.run({"--help-telemetry"});
  CHECK(enabled.exit_code == 0);
  CHECK(enabled.out.find("STRIPE_CALLER_NO_TELEMETRY") != std::string::npos);
  CHECK(enabled.out.find("usage statistics are on\n") != std::string::npos);
  CHECK(enabled.out.find(on.collector.url("") + " (otlp)") != std::string::npos);

  StripePy off;
  off.set("_NO_TELEMETRY", "1");
  const Result disabled = off.run({"--help-telemetry"});
  CHECK(disabled.exit_code == 0);
  CHECK(disabled.out.find("usage statistics are off\n") != std::string::npos);
  CHECK(disabled.out.find("STRIPE_CALLER_NO_TELEMETRY is set") != std::string::npos);
  CHECK(on.silent());
  CHECK(off.silent());
}

TEST_CASE("system stripe caller: compiled out, the same file does the same work and nothing else") {
  StripePy stripe("stripe_caller_disabled");
  stripe.set("_USAGE_STATS_ENABLED", "1");
  const Result result = stripe.call();
  CHECK(result.exit_code == 0);
  CHECK(result.out == answer);
  CHECK(result.err.empty());
  CHECK(stripe.silent());
  CHECK(names_in(stripe.sandbox.home()) == std::vector<std::string>{"patient-7.hic"});
  CHECK(stripe.run({"call", "nothing.cool", "1"}).exit_code == 1);
  CHECK(stripe.run({"--help-telemetry"}).out.find("they were compiled out") != std::string::npos);
  CHECK(stripe.collector.requests().empty());
}

TEST_CASE("system stripe caller: a collector that is down, or takes connections and never answers, delays no run") {
  StripePy down;
  SilentPort refuses(SilentPort::Behaviour::refuses);
  down.set("_USAGE_STATS_ENDPOINT", refuses.url(""));
  CHECK(down.call().out == answer);

  StripePy hangs;
  SilentPort silent(SilentPort::Behaviour::never_answers);
  hangs.set("_USAGE_STATS_ENDPOINT", silent.url(""));
  CHECK(hangs.call().out == answer);
  // The run is over while the process that reports it still waits for an answer.
  CHECK(wait_until([&] { return hangs.sandbox.uploaders().size() == 1; }));
  CHECK(hangs.report()["outcome"]["status"] == "ok");
}

TEST_CASE("system stripe caller: the user's own OpenTelemetry settings and tokens go to nobody") {
  StripePy stripe;
  for (const char* name : {"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"})
    stripe.sandbox.environment[name] = "authorization=Bearer-hush";
  CHECK(stripe.call().exit_code == 0);
  stripe.resource_spans();
  const ReceivedRequest request = stripe.collector.requests()[0];
  CHECK(request.header("Authorization").empty());
  CHECK(request.body.find("hush") == std::string::npos);
  CHECK(attributes(stripe.resource_spans()["resource"])["service.name"] == "stripe_caller");
}
