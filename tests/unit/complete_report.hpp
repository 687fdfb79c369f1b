#pragma once
// Reports for the exporters, whose output is compared with values worked out by hand.

#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>

/// A report with every key that docs/report.schema.json has, each value another one as far as that can be.
inline nlohmann::ordered_json complete_report() {
  return nlohmann::ordered_json::parse(R"({
  "schema": "usage-stats/1",
  "client_id": "7c0e4bd0f1a34c0c9d0e5f6a7b8c9d0e", "session_id": "0d3b8a4ce1f04a57b1c5d93f2e6a7788",
  "sequence": 3, "final": true,
  "app": {"name": "mytool", "version": "1.4.2"},
  "build": {"compiler": "GCC 12.2.0", "cxx_standard": 17, "type": "release", "dependencies": {"zlib": "1.2.13"}},
  "system": {"os": "macos", "os_version": "macOS 14.2.1", "kernel": "23.2.0", "arch": "x86_64", "cpus": 8,
             "memory_gb": 16, "libc": "libSystem 1336", "ci": false, "container": true, "interactive": true},
  "command": {"name": "cp", "arguments": ["--threads=64", "--token=<text>", "<path>"]},
  "started_at": "2026-11-22T08:00:00.123Z", "ended_at": "2026-11-22T07:59:59.001Z", "duration_s": 12.345,
  "outcome": {"status": "exception", "exit_code": 70,
              "error": {"type": "std::runtime_error", "message": "cannot open <value>",
                        "causes": [{"type": "std::system_error", "message": "no room"}, {"type": "my::error"}]}},
  "fields": {"throughput_gbps": 3.2, "verified": true, "records": 9007199254740993, "note": "a few words"},
  "counters": {"cache_hits": 9223372036854775807, "misses": 41},
  "events": [{"name": "send_model", "at_s": 1.25, "fields": {"model_size": 1048576, "quantized": false}},
             {"name": "run_model", "at_s": 2.001, "fields": {}}],
  "stages": [{"name": "align", "at_s": 0.5, "duration_s": 3.75, "status": "ok", "fields": {"reads": 99}},
             {"name": "sort", "at_s": 4.5, "duration_s": 0.25, "status": "failed", "fields": {"temporary": 1.5}},
             {"name": "write", "at_s": 5.5, "status": "running", "fields": {}}],
  "delivery": {"sent": 12, "failed": 5, "dropped": 6},
  "truncated": {"events": 17, "fields": 4}
})");
}

/// Calls `look` with each value of `json` that is neither object nor array.
inline void for_each_leaf(const nlohmann::ordered_json& json,
                          const std::function<void(const std::string& path, const nlohmann::ordered_json&)>& look,
                          const std::string& path = {}) {
  if (!json.is_structured()) return look(path, json);
  for (const auto& item : json.items()) for_each_leaf(item.value(), look, path + "/" + item.key());
}

/// Calls `use` with copies of the report, each with one value replaced by one of another type, or missing.
inline void for_each_damage(const std::function<void(const std::string& text)>& use) {
  const nlohmann::ordered_json report = complete_report();
  const nlohmann::ordered_json replacements = nlohmann::ordered_json::parse(
      R"([null, true, -1, 1e300, 18446744073709551615, "", "text", [], [[null]], {}, {"a": {"b": []}}])");
  const auto flat = [&] {
    std::vector<nlohmann::ordered_json::json_pointer> places;
    const std::function<void(const nlohmann::ordered_json&, const nlohmann::ordered_json::json_pointer&)> walk =
        [&](const auto& value, const auto& place) {
          places.push_back(place);
          if (!value.is_structured()) return;
          std::size_t index = 0;
          for (const auto& item : value.items())
            walk(item.value(), value.is_array() ? place / index++ : place / item.key());
        };
    walk(report, nlohmann::ordered_json::json_pointer());
    return places;
  }();
  for (const auto& place : flat)
    for (const auto& replacement : replacements) {
      nlohmann::ordered_json damaged = report;
      damaged[place] = replacement;
      use(damaged.dump());
    }
  const std::string text = report.dump();
  for (std::size_t length = 0; length < text.size(); length += 13) use(text.substr(0, length));
}

/// Where a report goes, by the endpoint's address.
inline void check_urls(usage_stats::Endpoint endpoint, const std::map<std::string, std::string>& urls) {
  for (const auto& [given, wanted] : urls) {
    endpoint.url = given;
    CAPTURE(endpoint.url);
    CHECK(usage_stats::detail::requests_for(endpoint, complete_report().dump()).at(0).url == wanted);
  }
}

/// What is no report makes no request; a damaged one makes whole JSON, or none.
inline void check_damage(const usage_stats::Endpoint& endpoint) {
  std::size_t made = 0;
  for_each_damage([&](const std::string& damaged) {
    for (const std::size_t already : {std::size_t{0}, std::size_t{2}})
      for (const auto& request : usage_stats::detail::requests_for(endpoint, damaged, already)) {
        ++made;
        CHECK(nlohmann::json::accept(request.body));
      }
  });
  CHECK(made > 100);
  CHECK(usage_stats::detail::requests_for(endpoint, "").empty());
}
