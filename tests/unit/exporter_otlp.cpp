// Reports as OTLP, by the pure function. (tests/examples/interop shows them to a collector.)
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "complete_report.hpp"

using nlohmann::json;
using nlohmann::ordered_json;
using usage_stats::Endpoint;
using usage_stats::Protocol;
using usage_stats::detail::Request;
using usage_stats::detail::requests_for;

namespace {

Endpoint collector() { return {"https://otel.example.org", Protocol::otlp}; }

json body_of(const ordered_json& report) {
  const std::vector<Request> requests = requests_for(collector(), report.dump());
  REQUIRE(requests.size() == 1);
  return json::parse(requests[0].body);
}

json spans_of(const ordered_json& report) { return body_of(report)["resourceSpans"][0]["scopeSpans"][0]["spans"]; }

/// Attributes by key, their values as OTLP writes them: {"intValue": "8"}. Fails if a key stands twice.
std::map<std::string, json> attributes(const json& owner) {
  std::map<std::string, json> found;
  for (const json& attribute : owner["attributes"]) {
    CHECK(found.count(attribute["key"]) == 0);
    found[attribute["key"]] = attribute["value"];
  }
  return found;
}

std::map<std::string, json> resource_with(const std::string& system_key, const std::string& value) {
  ordered_json report = complete_report();
  report["system"][system_key] = value;
  return attributes(body_of(report)["resourceSpans"][0]["resource"]);
}

json text(const std::string& value) { return {{"stringValue", value}}; }
json integer(const std::string& digits) { return {{"intValue", digits}}; }

}  // namespace

TEST_CASE("exporter otlp: the request") {
  Endpoint endpoint = collector();
  endpoint.api_key = "a key";
  endpoint.headers["X-Own"] = "mine";
  const auto requests = requests_for(endpoint, complete_report().dump(2));
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://otel.example.org/v1/traces");
  std::map<std::string, std::string> headers = requests[0].headers;
  CHECK(headers["User-Agent"].find("mytool/1.4.2 usage_stats/") == 0);
  headers.erase("User-Agent");
  CHECK(headers == std::map<std::string, std::string>{{"Authorization", "Bearer a key"},
                                                      {"Content-Type", "application/json"},
                                                      {"Idempotency-Key", "0d3b8a4ce1f04a57b1c5d93f2e6a7788/3"},
                                                      {"X-Own", "mine"}});
}

TEST_CASE("exporter otlp: the path is completed, and only where it needs to be") {
  const std::map<std::string, std::string> urls{
      {"https://h.example", "https://h.example/v1/traces"},
      {"https://h.example/", "https://h.example/v1/traces"},
      {"https://h.example:4318/otlp", "https://h.example:4318/otlp/v1/traces"},
      {"https://h.example/otlp//", "https://h.example/otlp/v1/traces"},
      {"https://h.example/v1/traces", "https://h.example/v1/traces"},
      {"https://h.example/v1/traces/", "https://h.example/v1/traces/"},
      {"https://h.example/a/v1/traces?k=/x", "https://h.example/a/v1/traces?k=/x"},
      {"https://h.example?k=/v1/traces", "https://h.example/v1/traces?k=/v1/traces"},
      {"https://h.example/in?k=1#part", "https://h.example/in/v1/traces?k=1"},
      {"https://h.example/v1/tracesx", "https://h.example/v1/tracesx/v1/traces"},
      {"https://v1/traces", "https://v1/traces/v1/traces"}};
  check_urls(collector(), urls);
}

TEST_CASE("exporter otlp: resource, by the semantic conventions where they have a name") {
  auto found = attributes(body_of(complete_report())["resourceSpans"][0]["resource"]);
  CHECK(found["telemetry.sdk.version"]["stringValue"].get<std::string>().find('.') != std::string::npos);
  found.erase("telemetry.sdk.version");
  CHECK(found == std::map<std::string, json>{{"service.name", text("mytool")},
                                             {"service.version", text("1.4.2")},
                                             {"service.instance.id", text("0d3b8a4ce1f04a57b1c5d93f2e6a7788")},
                                             {"telemetry.sdk.name", text("usage_stats")},
                                             {"telemetry.sdk.language", text("cpp")},
                                             {"os.type", text("darwin")},
                                             {"os.description", text("macOS 14.2.1")},
                                             {"os.name", text("macOS")},
                                             {"os.version", text("14.2.1")},
                                             {"host.arch", text("amd64")},
                                             {"usage_stats.schema", text("usage-stats/1")},
                                             {"usage_stats.client_id", text("7c0e4bd0f1a34c0c9d0e5f6a7b8c9d0e")},
                                             {"usage_stats.kernel", text("23.2.0")},
                                             {"usage_stats.arch", text("x86_64")},
                                             {"usage_stats.cpus", integer("8")},
                                             {"usage_stats.memory_gb", integer("16")},
                                             {"usage_stats.libc", text("libSystem 1336")},
                                             {"usage_stats.ci", {{"boolValue", false}}},
                                             {"usage_stats.container", {{"boolValue", true}}},
                                             {"usage_stats.interactive", {{"boolValue", true}}},
                                             {"usage_stats.build.compiler", text("GCC 12.2.0")},
                                             {"usage_stats.build.cxx_standard", integer("17")},
                                             {"usage_stats.build.type", text("release")},
                                             {"usage_stats.dependency.zlib", text("1.2.13")}});
}

TEST_CASE("exporter otlp: the conventions' words for systems and processors") {
  const std::map<std::string, std::string> systems{{"linux", "linux"}, {"macos", "darwin"}, {"windows", "windows"}};
  for (const auto& [ours, theirs] : systems) CHECK(resource_with("os", ours)["os.type"] == text(theirs));
  const std::map<std::string, std::string> processors{
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"arm64", "arm64"}, {"armv7l", "arm32"},
      {"i686", "x86"},     {"i386", "x86"},      {"x86", "x86"},     {"ppc64le", "ppc64"},
      {"ppc64", "ppc64"},  {"ppc", "ppc32"},     {"s390x", "s390x"}, {"riscv64", "riscv64"}};
  for (const auto& [ours, theirs] : processors) {
    CHECK(resource_with("arch", ours)["host.arch"] == text(theirs));
    CHECK(resource_with("arch", ours)["usage_stats.arch"] == text(ours));
  }
  auto rolling = resource_with("os_version", "Arch Linux");
  CHECK(rolling["os.name"] == text("Arch Linux"));
  CHECK(rolling.count("os.version") == 0);
}

TEST_CASE("exporter otlp: the root span is the run") {
  const json body = body_of(complete_report());
  CHECK(body["resourceSpans"].size() == 1);
  CHECK(body["resourceSpans"][0]["scopeSpans"].size() == 1);
  CHECK(body["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"] == "usage_stats");
  const json root = spans_of(complete_report())[0];
  CHECK(root["traceId"] == "0d3b8a4ce1f04a57b1c5d93f2e6a7788");
  CHECK(root["spanId"] == "b57a14922d7ee8c2");  // sha256sum of "0d3b8a4ce1f04a57b1c5d93f2e6a7788/0"
  CHECK_FALSE(root.contains("parentSpanId"));
  CHECK(root["name"] == "cp");
  CHECK(root["kind"] == 1);
  CHECK(root["startTimeUnixNano"] == "1795334400123000000");  // date -u -d 2026-11-22T08:00:00.123Z +%s.%N
  CHECK(root["endTimeUnixNano"] == "1795334412468000000");    // 12.345 s later, whatever the wall clock said
  CHECK(root["status"] == json{{"code", 2}, {"message", "std::runtime_error: cannot open <value>"}});
  CHECK(root["droppedEventsCount"] == 17);
  const json arguments = {{"values", {text("--threads=64"), text("--token=<text>"), text("<path>")}}};
  CHECK(attributes(root) ==
        std::map<std::string, json>{{"process.exit.code", integer("70")},
                                    {"usage_stats.status", text("exception")},
                                    {"usage_stats.sequence", integer("3")},
                                    {"usage_stats.ended_at", text("2026-11-22T07:59:59.001Z")},
                                    {"usage_stats.duration_s", {{"doubleValue", 12.345}}},
                                    {"usage_stats.command.name", text("cp")},
                                    {"usage_stats.command.arguments", {{"arrayValue", arguments}}},
                                    {"usage_stats.field.throughput_gbps", {{"doubleValue", 3.2}}},
                                    {"usage_stats.field.verified", {{"boolValue", true}}},
                                    {"usage_stats.field.records", integer("9007199254740993")},
                                    {"usage_stats.field.note", text("a few words")},
                                    {"usage_stats.counter.cache_hits", integer("9223372036854775807")},
                                    {"usage_stats.counter.misses", integer("41")},
                                    {"usage_stats.delivery.sent", integer("12")},
                                    {"usage_stats.delivery.failed", integer("5")},
                                    {"usage_stats.delivery.dropped", integer("6")},
                                    {"usage_stats.truncated.events", integer("17")},
                                    {"usage_stats.truncated.fields", integer("4")}});
  ordered_json report = complete_report();
  report["command"] = ordered_json::object();
  CHECK(spans_of(report)[0]["name"] == "mytool");
}

TEST_CASE("exporter otlp: events, and the error as the conventions' exception event") {
  const json events = spans_of(complete_report())[0]["events"];
  REQUIRE(events.size() == 3);
  CHECK(events[0]["name"] == "send_model");
  CHECK(events[0]["timeUnixNano"] == "1795334401373000000");
  CHECK(attributes(events[0]) == std::map<std::string, json>{{"usage_stats.field.model_size", integer("1048576")},
                                                             {"usage_stats.field.quantized", {{"boolValue", false}}}});
  CHECK(events[1]["name"] == "run_model");
  CHECK(events[1]["timeUnixNano"] == "1795334402124000000");
  CHECK(events[2]["name"] == "exception");
  CHECK(events[2]["timeUnixNano"] == "1795334412468000000");
  const auto list = [](const json& values) -> json { return {{"arrayValue", {{"values", values}}}}; };
  CHECK(attributes(events[2]) ==
        std::map<std::string, json>{{"exception.type", text("std::runtime_error")},
                                    {"exception.message", text("cannot open <value>")},
                                    {"usage_stats.cause.types", list({text("std::system_error"), text("my::error")})},
                                    {"usage_stats.cause.messages", list({text("no room"), text("")})}});
}

TEST_CASE("exporter otlp: stages are children; one that did not end lasts as long as the run") {
  const json spans = spans_of(complete_report());
  REQUIRE(spans.size() == 4);
  std::set<std::string> ids;
  for (const json& span : spans) ids.insert(span["spanId"]);
  CHECK(ids.size() == 4);
  for (std::size_t i = 1; i < spans.size(); ++i) {
    CHECK(spans[i]["parentSpanId"] == spans[0]["spanId"]);
    CHECK(spans[i]["traceId"] == spans[0]["traceId"]);
    CHECK(spans[i]["kind"] == 1);
  }
  CHECK(spans[1]["spanId"] == "b7d7d34a3c2e14df");
  CHECK(spans[1]["name"] == "align");
  CHECK(spans[1]["startTimeUnixNano"] == "1795334400623000000");
  CHECK(spans[1]["endTimeUnixNano"] == "1795334404373000000");
  CHECK(spans[1]["status"] == json{{"code", 1}});
  CHECK(attributes(spans[1]) ==
        std::map<std::string, json>{{"usage_stats.status", text("ok")}, {"usage_stats.field.reads", integer("99")}});
  CHECK(spans[2]["status"] == json{{"code", 2}});
  CHECK(spans[3]["status"] == json{{"code", 0}});
  CHECK(spans[3]["startTimeUnixNano"] == "1795334405623000000");
  CHECK(spans[3]["endTimeUnixNano"] == "1795334412468000000");
}

TEST_CASE("exporter otlp: how a run ended") {
  struct Case {
    const char* outcome;
    json status;
  };
  for (const Case& item : {Case{R"({"status": "ok", "exit_code": 0})", {{"code", 1}}},
                           Case{R"({"status": "failed", "exit_code": 3})", {{"code", 2}, {"message", "exit code 3"}}},
                           Case{R"({"status": "failed"})", {{"code", 2}, {"message", "failed"}}},
                           Case{R"({"status": "failed", "error": {"type": "E"}})", {{"code", 2}, {"message", "E"}}},
                           Case{R"({"status": "signal", "signal": "SIGINT"})", {{"code", 2}, {"message", "SIGINT"}}},
                           Case{R"({"status": "lost"})", {{"code", 2}, {"message", "lost"}}}}) {
    CAPTURE(item.outcome);
    ordered_json report = complete_report();
    report["outcome"] = ordered_json::parse(item.outcome);
    const json root = spans_of(report)[0];
    CHECK(root["status"] == item.status);
    CHECK(root["events"].size() == (report["outcome"].contains("error") ? 3 : 2));
  }
}

TEST_CASE("exporter otlp: a run whose end nobody saw ends with the last that is known of it") {
  ordered_json report = complete_report();
  report["outcome"] = {{"status", "lost"}};
  report.erase("duration_s");
  report.erase("ended_at");
  CHECK(spans_of(report)[0]["endTimeUnixNano"] == "1795334405623000000");  // the third stage had begun
  CHECK(spans_of(report)[3]["endTimeUnixNano"] == "1795334405623000000");
  report["stages"] = ordered_json::array();
  CHECK(spans_of(report)[0]["endTimeUnixNano"] == "1795334402124000000");  // the second event
  report["events"] = ordered_json::array();
  CHECK(spans_of(report)[0]["endTimeUnixNano"] == "1795334400123000000");  // its start
  CHECK(attributes(spans_of(report)[0]).count("usage_stats.duration_s") == 0);
}

TEST_CASE("exporter otlp: nothing of a report is lost") {
  const std::string sent = body_of(complete_report()).dump();
  for_each_leaf(complete_report(), [&](const std::string& path, const ordered_json& value) {
    CAPTURE(path);
    const bool in_a_time = path.find("at_s") != std::string::npos || path == "/started_at" || path == "/final" ||
                           (path.find("/stages") == 0 && path.find("duration_s") != std::string::npos);
    if (in_a_time || path == "/system/os") return;  // seen above, in other words
    const std::string wanted =
        value.is_number_integer() ? "\"" + value.dump() + "\"" : value.dump();  // 64-bit integers are strings
    CHECK(sent.find(wanted) != std::string::npos);
  });
}

TEST_CASE("exporter otlp: interim reports make no request") {
  ordered_json report = complete_report();
  report["final"] = false;
  report["outcome"] = {{"status", "running"}};
  CHECK(requests_for(collector(), report.dump()).empty());
}

TEST_CASE("exporter otlp: any calendar day, and none outside of what 64 bits hold") {
  const std::map<std::string, std::string> times{{"2024-02-29T23:59:59.999Z", "1709251199999000000"},
                                                 {"2000-03-01T00:00:00.000Z", "951868800000000000"},
                                                 {"2100-02-28T12:00:00.000Z", "4107499200000000000"},
                                                 {"1970-01-01T00:00:00.000Z", "0"},
                                                 {"1969-12-31T23:59:59.000Z", "0"},
                                                 {"9999-12-31T23:59:59.999Z", "9223372036854000000"},
                                                 {"yesterday", "0"}};
  for (const auto& entry : times) {
    const std::string stamp = entry.first;
    CAPTURE(stamp);
    ordered_json report = complete_report();
    report["started_at"] = stamp;
    CHECK(spans_of(report)[0]["startTimeUnixNano"] == entry.second);
  }
  using std::chrono::milliseconds;
  for (std::int64_t ms = 1; ms < 4102444800000; ms = ms * 2 + 86399999) {  // to the year 2100
    ordered_json report = complete_report();
    report["started_at"] = usage_stats::detail::timestamp(std::chrono::system_clock::time_point(milliseconds(ms)));
    CHECK(spans_of(report)[0]["startTimeUnixNano"] == std::to_string(ms) + "000000");
  }
}

TEST_CASE("exporter otlp: hostile strings stay what they are") {
  const std::string hostile = "\"}]\\\n\x01\x7f </script> \xE2\x80\xA8 \xF0\x9F\x98\x80 %s {{x}}";
  ordered_json report = complete_report();
  report["fields"]["note"] = hostile;
  report["outcome"]["error"]["message"] = hostile;
  report["command"]["arguments"] = {hostile};
  const json root = spans_of(report)[0];
  CHECK(attributes(root)["usage_stats.field.note"] == text(hostile));
  CHECK(attributes(root["events"][2])["exception.message"] == text(hostile));
  CHECK(attributes(root)["usage_stats.command.arguments"]["arrayValue"]["values"][0] == text(hostile));
}

TEST_CASE("exporter otlp: what is no report makes no request, and a damaged one no harm") { check_damage(collector()); }

TEST_CASE("exporter otlp: as much as a report can hold") {
  ordered_json report = complete_report();
  report["events"] = ordered_json::array();
  report["stages"] = ordered_json::array();
  for (int i = 0; i < 1000; ++i) report["events"].push_back({{"name", "e"}, {"at_s", i}, {"fields", {{"n", i}}}});
  for (int i = 0; i < 256; ++i)
    report["stages"].push_back({{"name", "s"}, {"at_s", i}, {"duration_s", 1}, {"status", "ok"}, {"fields", {}}});
  const json spans = spans_of(report);
  CHECK(spans.size() == 257);
  CHECK(spans[0]["events"].size() == 1001);
  std::set<std::string> ids;
  for (const json& span : spans) ids.insert(span["spanId"]);
  CHECK(ids.size() == 257);
}

TEST_CASE("exporter otlp: a success that rejects spans is a refusal, and a warning is none") {
  using usage_stats::detail::Answer;
  using usage_stats::detail::classify;
  const std::map<std::string, Answer> answers{
      {R"({})", Answer::delivered},
      {"", Answer::delivered},
      {R"({"partialSuccess": {}})", Answer::delivered},
      {R"({"partialSuccess": {"rejectedSpans": "0", "errorMessage": "old field"}})", Answer::delivered},
      {R"({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}})", Answer::refused},
      {R"({"partialSuccess": {"rejectedSpans": 10}})", Answer::refused},
      {R"({"partialSuccess": {"rejectedSpans": {"a": 1}}})", Answer::delivered}};
  for (const auto& entry : answers) {
    const std::string body = entry.first;
    CAPTURE(body);
    usage_stats::detail::Response response;
    response.status = 200;
    response.body = body;
    CHECK(classify(response, Protocol::otlp) == entry.second);
    CHECK(classify(response, Protocol::json) == Answer::delivered);
    response.status = 503;
    CHECK(classify(response, Protocol::otlp) == Answer::again_later);
  }
}
