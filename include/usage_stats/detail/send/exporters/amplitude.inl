#pragma once
// A report as Amplitude's events (HTTP V2). A session's events are a stream: `started` (0), what the program recorded
// (1, 2, ...), and when the run has ended `ended`. docs/protocol.md has the table.

#include "text.inl"
#include "times.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
// Amplitude's limits: 2,000 events and 1 MB per request, and 30 events per second for one device on average. We send
// fewer at a time, so that what a throttled server has accepted need not be sent again.
constexpr std::size_t amplitude_events = 500, amplitude_bytes = 900 * 1000;
}  // namespace limits

/// One request's worth of the stream.
struct AmplitudeBatch {
  std::size_t first = 0;   // where in the stream it begins
  std::size_t behind = 0;  // where the next one would begin; `ended` counts for nothing, it goes with each final report
  std::string body;
};

namespace amplitude_impl {

using exporters_impl::Milliseconds;
using exporters_impl::ObjectText;

/// What all events of the session have in common. No user_id: Amplitude would count each run as a person. No ip:
/// without it, nobody is located.
USAGE_STATS_INLINE ObjectText common_of(const Json& report) {
  const Json empty;
  const Json* const app = member(report, "app");
  const Json* const system = member(report, "system");
  const std::string client = string_member(report, "client_id");
  ObjectText common;
  common.text("device_id", client.empty() ? string_member(report, "session_id") : client);
  common.number("session_id", exporters_impl::started_at(report));
  common.copy("app_version", member(app != nullptr ? *app : empty, "version"));
  common.copy("os_name", member(system != nullptr ? *system : empty, "os"));
  common.copy("os_version", member(system != nullptr ? *system : empty, "os_version"));
  return common;
}

/// These parts of the report under their own names, and the name of the program and the id of the session.
USAGE_STATS_INLINE std::string parts_of(const Json& report, std::initializer_list<const char*> names) {
  ObjectText properties;
  if (const Json* const app = member(report, "app")) properties.text("app", string_member(*app, "name"));
  properties.text("session", string_member(report, "session_id"));
  for (const char* const name : names) properties.copy(name, member(report, name));
  return properties.object();
}

/// The text of one event; `index` makes it the same event however often it is sent.
USAGE_STATS_INLINE std::string event_text(const Json& report, ObjectText event, const std::string& index,
                                          const std::string& type, Milliseconds time, const std::string& properties) {
  event.text("event_type", type);
  event.number("time", time);
  event.text("insert_id", string_member(report, "session_id") + "/" + index);
  event.raw("event_properties", properties);
  return event.object();
}

/// The stream from `already` on.
USAGE_STATS_INLINE std::vector<std::string> stream(const Json& report, std::size_t already) {
  std::vector<std::string> texts;
  const ObjectText common = common_of(report);
  const Milliseconds start = exporters_impl::started_at(report);
  if (already == 0)
    texts.push_back(event_text(report, common, "0", "started", start,
                               parts_of(report, {"schema", "build", "system", "command", "delivery"})));
  const auto* const list = list_member(report, "events");
  for (std::size_t index = std::max<std::size_t>(already, 1); list != nullptr && index <= list->size(); ++index) {
    const Json& item = (*list)[index - 1];
    const Json* const fields = member(item, "fields");
    texts.push_back(event_text(report, common, std::to_string(index), string_member(item, "name"),
                               start + exporters_impl::duration_member(item, "at_s"),
                               fields != nullptr ? json_text(*fields) : "{}"));
  }
  if (boolean_member(report, "final"))
    texts.push_back(event_text(report, common, "ended", "ended", start + exporters_impl::run_time(report),
                               parts_of(report, {"sequence", "command", "ended_at", "duration_s", "outcome", "fields",
                                                 "counters", "stages", "truncated"})));
  return texts;
}

}  // namespace amplitude_impl

/// The request bodies with the events that an endpoint lacks if it has `already` so many.
USAGE_STATS_INLINE std::vector<AmplitudeBatch> amplitude_batches(const Json& report, const std::string& api_key,
                                                                 std::size_t already) {
  const auto* const list = list_member(report, "events");
  const std::size_t end = 1 + (list != nullptr ? list->size() : 0);
  std::string head = "{\"api_key\":";
  append_json_string(head, api_key);
  head += ",\"events\":[";
  std::vector<AmplitudeBatch> batches;
  std::size_t at = (std::min)(already, end), count = 0;
  for (const std::string& text : amplitude_impl::stream(report, at)) {
    const bool room = !batches.empty() && count < limits::amplitude_events &&
                      batches.back().body.size() + text.size() + 3 <= limits::amplitude_bytes;
    if (!room) {
      batches.push_back({at, at, head});
      count = 0;
    }
    AmplitudeBatch& batch = batches.back();
    batch.body += (count++ > 0 ? "," : "") + text;
    at = (std::min)(at + 1, end);
    batch.behind = at;
  }
  for (AmplitudeBatch& batch : batches) batch.body += "]}";
  return batches;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
