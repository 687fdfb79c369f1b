// Reports that lie on the disk. First line: how they are closed, `WRITTEN SIGNAL MILLISECONDS ALREADY`. A closed report
// has all that it had; each protocol makes JSON out of any report, the native one the very bytes.
#include "fuzz.hpp"

namespace us = usage_stats::detail;
using fuzz::ordered_json;

namespace {

const char* const ours[] = {"final", "sequence", "duration_s", "ended_at", "outcome"};

ordered_json others(ordered_json report) {
  for (const char* const key : ours) report.erase(key);
  return report;
}

void close(std::string_view settings, const std::string& text) {
  const bool written = fuzz::take(settings, ' ') == "1";
  const std::string signal(fuzz::take(settings, ' '));
  const auto duration = std::chrono::milliseconds(fuzz::number(fuzz::take(settings, ' ')));
  const auto closed = us::recover_report(text, written, us::RunStatus::signal, signal, duration);
  if (!closed) return;
  const ordered_json before = fuzz::parse(text), after = fuzz::parse(*closed);
  HOLDS(fuzz::is_utf8(*closed));
  HOLDS(closed->size() <= us::limits::report_bytes || text.size() + 256 > us::limits::report_bytes);
  HOLDS(others(after) == others(before));
  HOLDS(after["final"] == true);
  HOLDS(after["outcome"]["status"] == "signal");
  HOLDS(after["duration_s"].is_number() && after["duration_s"] >= 0);
  HOLDS(after.value("sequence", ordered_json(1)).is_number_integer() || !written);
  const auto again = us::recover_report(*closed, false, us::RunStatus::signal, signal, duration);
  HOLDS(again && nlohmann::json::parse(*again) == nlohmann::json::parse(*closed));  // in whatever order
}

void send(const std::string& text, std::size_t already) {
  for (const auto protocol :
       {usage_stats::Protocol::json, usage_stats::Protocol::otlp, usage_stats::Protocol::amplitude}) {
    usage_stats::Endpoint endpoint{"https://example.org/base?x=1#f", protocol, "key"};
    std::size_t behind = already;
    for (const us::Request& request : us::requests_for(endpoint, text, already)) {
      HOLDS(us::parse_url(request.url));
      HOLDS(protocol == usage_stats::Protocol::json ? request.body == text : fuzz::parse(request.body).is_object());
      HOLDS(protocol == usage_stats::Protocol::json || fuzz::is_utf8(request.body));
      if (protocol != usage_stats::Protocol::amplitude) continue;
      HOLDS(request.events >= std::min(behind, request.events) && request.body.size() <= 1000 * 1000 + text.size());
      behind = request.events;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = fuzz::text_of(data, size);
  const std::string_view settings = fuzz::take(input);
  const std::string text(input);
  close(settings, text);
  send(text, static_cast<std::size_t>(fuzz::number(settings.substr(std::min(settings.rfind(' '), settings.size())))));
  return 0;
}
