#pragma once
// A report as OTLP: an ExportTraceServiceRequest in JSON, with names from OpenTelemetry's semantic conventions where
// they have one for the same thing, and under usage_stats. otherwise. docs/protocol.md has the table.

#include "../../base/sha256.hpp"
#include "../../../version.hpp"
#include "text.inl"
#include "times.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace otlp_impl {

using exporters_impl::duration_member;
using exporters_impl::Milliseconds;
using exporters_impl::ObjectText;

enum class Code { unset = 0, ok = 1, error = 2 };  // of opentelemetry.proto.trace.v1.Status
constexpr int span_kind_internal = 1;              // of opentelemetry.proto.trace.v1.Span

/// Appends a value in OTLP's form; false if an attribute cannot hold it.
USAGE_STATS_INLINE bool append_any(std::string& out, const Json& value) {
  if (const auto* const flag = value.get<bool>()) {
    out += *flag ? "{\"boolValue\":true" : "{\"boolValue\":false";
  } else if (value.get<double>() != nullptr) {
    out.append("{\"doubleValue\":").append(json_text(value));
  } else if (value.get<std::uint64_t>() != nullptr || value.get<std::int64_t>() != nullptr) {
    out.append("{\"intValue\":\"").append(json_text(value)).append("\"");
  } else if (const auto* const text = value.get<std::string>()) {
    append_json_string(out += "{\"stringValue\":", *text);
  } else if (const auto* const list = value.get<Json::List>()) {
    std::string items;
    for (const Json& item : *list)
      if (std::string inner; append_any(inner, item)) exporters_impl::add_item(items, inner);
    out.append("{\"arrayValue\":{\"values\":[").append(items).append("]}");
  } else {
    return false;
  }
  out += '}';
  return true;
}

/// A list of attributes; those without a value are left out.
class Attributes {
 public:
  void put(const std::string& key, const Json* value) {
    if (value == nullptr) return;
    const std::size_t before = items_.size();
    begin(key);
    if (append_any(items_, *value))
      items_ += '}';
    else
      items_.resize(before);
  }
  void put_text(const std::string& key, std::string_view text) {
    begin(key);
    append_json_string(items_ += "{\"stringValue\":", text);
    items_ += "}}";
  }
  /// That member of each item.
  void put_texts(const std::string& key, const Json::List& items, const char* name) {
    std::string texts;
    for (const Json& item : items) {
      exporters_impl::add_item(texts, "{\"stringValue\":");
      append_json_string(texts, string_member(item, name));
      texts += '}';
    }
    begin(key);
    items_.append("{\"arrayValue\":{\"values\":[").append(texts).append("]}}}");
  }
  /// Each member of an object that is not itself an object, its name after the prefix.
  void put_members(const std::string& prefix, const Json* object) {
    const auto* const members = object == nullptr ? nullptr : object->get<Json::Members>();
    if (members == nullptr) return;
    for (const auto& [name, value] : *members) put(prefix + name, &value);
  }
  std::string list() const { return "[" + items_ + "]"; }

 private:
  void begin(const std::string& key) {
    exporters_impl::add_item(items_, "{\"key\":");
    append_json_string(items_, key);
    items_ += ",\"value\":";
  }
  std::string items_;
};

USAGE_STATS_INLINE std::string os_type(const std::string& os) { return os == "macos" ? "darwin" : os; }

/// The conventions' word for a processor; where they have none, ours.
USAGE_STATS_INLINE std::string host_arch(const std::string& arch) {
  if (arch == "x86_64") return "amd64";
  if (arch == "aarch64" || arch == "arm64") return "arm64";
  if (arch.compare(0, 3, "arm") == 0) return "arm32";
  if (arch == "x86" || (arch.size() == 4 && arch[0] == 'i' && arch.compare(2, 2, "86") == 0)) return "x86";
  if (arch == "ppc64le") return "ppc64";
  return arch == "ppc" ? "ppc32" : arch;
}

/// "Debian GNU/Linux 12" is the name "Debian GNU/Linux" and the version "12"; not every system has a version.
USAGE_STATS_INLINE void put_os(Attributes& attributes, const std::string& description) {
  const std::size_t blank = description.rfind(' ');
  const char first = blank != std::string::npos && blank + 1 < description.size() ? description[blank + 1] : '\0';
  const bool version = first >= '0' && first <= '9';
  attributes.put_text("os.description", description);
  attributes.put_text("os.name", version ? description.substr(0, blank) : description);
  if (version) attributes.put_text("os.version", description.substr(blank + 1));
}

USAGE_STATS_INLINE std::string library_version() {
  return std::to_string(USAGE_STATS_VERSION_MAJOR) + "." + std::to_string(USAGE_STATS_VERSION_MINOR) + "." +
         std::to_string(USAGE_STATS_VERSION_PATCH);
}

/// Where it ran: the program, the machine, the build.
USAGE_STATS_INLINE std::string resource_of(const Json& report) {
  Attributes attributes;
  if (const Json* const app = member(report, "app")) {
    attributes.put("service.name", member(*app, "name"));
    attributes.put("service.version", member(*app, "version"));
  }
  attributes.put("service.instance.id", member(report, "session_id"));
  attributes.put_text("telemetry.sdk.name", "usage_stats");
  attributes.put_text("telemetry.sdk.language", "cpp");
  attributes.put_text("telemetry.sdk.version", library_version());
  attributes.put("usage_stats.schema", member(report, "schema"));
  attributes.put("usage_stats.client_id", member(report, "client_id"));
  if (const Json* const system = member(report, "system")) {
    const std::string os = string_member(*system, "os"), description = string_member(*system, "os_version");
    const std::string arch = string_member(*system, "arch");
    if (!os.empty()) attributes.put_text("os.type", os_type(os));
    if (!description.empty()) put_os(attributes, description);
    if (!arch.empty()) attributes.put_text("host.arch", host_arch(arch));
    if (const auto* const members = system->get<Json::Members>())
      for (const auto& [name, value] : *members)
        if (name != "os" && name != "os_version") attributes.put("usage_stats." + name, &value);
  }
  if (const Json* const build = member(report, "build")) {
    attributes.put_members("usage_stats.build.", build);
    attributes.put_members("usage_stats.dependency.", member(*build, "dependencies"));
  }
  ObjectText resource;
  resource.raw("attributes", attributes.list());
  return resource.object();
}

/// 16 digits derived from the session and the span's number, so that a second attempt sends the same ones.
USAGE_STATS_INLINE std::string span_id(const std::string& session, std::size_t number) {
  const std::string digest = sha256(session + "/" + std::to_string(number));
  const std::string id = digest.substr(0, 16);
  return id.find_first_not_of('0') == std::string::npos ? digest.substr(16, 15) + "1" : id;  // zeros name no span
}

USAGE_STATS_INLINE std::string nanoseconds(Milliseconds time) {
  constexpr Milliseconds last = 9223372036854;  // in the year 2262, of which more would not fit
  return std::to_string((std::min)(time, last) * 1000000);
}

USAGE_STATS_INLINE std::string event_at(Milliseconds time, const std::string& name, const Attributes& attributes) {
  ObjectText event;
  event.text("timeUnixNano", nanoseconds(time));
  event.text("name", name);
  event.raw("attributes", attributes.list());
  return event.object();
}

/// The error that ended the run, in the conventions' form for exceptions.
USAGE_STATS_INLINE std::string exception_event(const Json& error, Milliseconds time) {
  Attributes attributes;
  attributes.put("exception.type", member(error, "type"));
  attributes.put("exception.message", member(error, "message"));
  if (const auto* const causes = list_member(error, "causes")) {  // two lists of the same length
    attributes.put_texts("usage_stats.cause.types", *causes, "type");
    attributes.put_texts("usage_stats.cause.messages", *causes, "message");
  }
  return event_at(time, "exception", attributes);
}

USAGE_STATS_INLINE std::string events_of(const Json& report, Milliseconds start, Milliseconds end) {
  std::string events;
  if (const auto* const list = list_member(report, "events"))
    for (const Json& item : *list) {
      Attributes attributes;
      attributes.put_members("usage_stats.field.", member(item, "fields"));
      const Milliseconds time = start + duration_member(item, "at_s");
      exporters_impl::add_item(events, event_at(time, string_member(item, "name"), attributes));
    }
  const Json* const outcome = member(report, "outcome");
  const Json* const error = outcome != nullptr ? member(*outcome, "error") : nullptr;
  if (error != nullptr) exporters_impl::add_item(events, exception_event(*error, end));
  return "[" + events + "]";
}

/// Why a run counts as an error, in words.
USAGE_STATS_INLINE std::string reason(const Json& outcome) {
  if (const Json* const error = member(outcome, "error")) {
    const std::string type = string_member(*error, "type"), message = string_member(*error, "message");
    return message.empty() ? type : type + ": " + message;
  }
  std::string signal = string_member(outcome, "signal"), status = string_member(outcome, "status");
  if (!signal.empty()) return signal;
  return status == "failed" && member(outcome, "exit_code") != nullptr
             ? "exit code " + std::to_string(integer_member(outcome, "exit_code"))
             : status;
}

USAGE_STATS_INLINE std::string status_of(const std::string& word, const std::string& message) {
  const Code code = word == "ok" ? Code::ok : word == "running" ? Code::unset : Code::error;
  ObjectText status;
  status.number("code", static_cast<int>(code));
  if (code == Code::error && !message.empty()) status.text("message", message);
  return status.object();
}

USAGE_STATS_INLINE ObjectText bare_span(const std::string& session, std::size_t number, const std::string& name,
                                        Milliseconds start, Milliseconds end) {
  ObjectText span;
  span.text("traceId", session);
  span.text("spanId", span_id(session, number));
  if (number > 0) span.text("parentSpanId", span_id(session, 0));
  span.text("name", name);
  span.number("kind", span_kind_internal);
  span.text("startTimeUnixNano", nanoseconds(start));
  span.text("endTimeUnixNano", nanoseconds((std::max)(start, end)));
  return span;
}

/// What the root span says beyond its name, times and status.
USAGE_STATS_INLINE std::string root_attributes(const Json& report) {
  Attributes attributes;
  if (const Json* const outcome = member(report, "outcome")) {
    attributes.put("process.exit.code", member(*outcome, "exit_code"));
    attributes.put("usage_stats.status", member(*outcome, "status"));
    attributes.put("usage_stats.signal", member(*outcome, "signal"));
  }
  for (const char* const name : {"sequence", "ended_at", "duration_s"})
    attributes.put(std::string("usage_stats.") + name, member(report, name));
  attributes.put_members("usage_stats.command.", member(report, "command"));
  attributes.put_members("usage_stats.field.", member(report, "fields"));
  attributes.put_members("usage_stats.counter.", member(report, "counters"));
  attributes.put_members("usage_stats.delivery.", member(report, "delivery"));
  attributes.put_members("usage_stats.truncated.", member(report, "truncated"));
  return attributes.list();
}

USAGE_STATS_INLINE std::string root_span(const Json& report, const std::string& session, Milliseconds start,
                                         Milliseconds end) {
  const Json empty;
  const auto part = [&](const char* name) -> const Json& {
    const Json* const found = member(report, name);
    return found != nullptr ? *found : empty;
  };
  const std::string command = string_member(part("command"), "name");
  ObjectText root = bare_span(session, 0, command.empty() ? string_member(part("app"), "name") : command, start, end);
  root.raw("attributes", root_attributes(report));
  root.raw("events", events_of(report, start, end));
  if (const std::int64_t dropped = integer_member(part("truncated"), "events"); dropped > 0)
    root.number("droppedEventsCount", dropped);
  root.raw("status", status_of(string_member(part("outcome"), "status"), reason(part("outcome"))));
  return root.object();
}

/// A stage that did not end lasts as long as the run.
USAGE_STATS_INLINE std::string stage_span(const Json& stage, const std::string& session, std::size_t number,
                                          Milliseconds run_start, Milliseconds run_end) {
  const Milliseconds start = run_start + duration_member(stage, "at_s");
  const bool ended = member(stage, "duration_s") != nullptr;
  ObjectText child = bare_span(session, number, string_member(stage, "name"), start,
                               ended ? start + duration_member(stage, "duration_s") : run_end);
  Attributes attributes;
  attributes.put("usage_stats.status", member(stage, "status"));
  attributes.put_members("usage_stats.field.", member(stage, "fields"));
  child.raw("attributes", attributes.list());
  child.raw("status", status_of(string_member(stage, "status"), {}));
  return child.object();
}

}  // namespace otlp_impl

/// The body of the request for the report of a session that has ended.
USAGE_STATS_INLINE std::string otlp_body(const Json& report) {
  using namespace otlp_impl;
  const std::string session = string_member(report, "session_id");
  const Milliseconds start = exporters_impl::started_at(report), end = start + exporters_impl::run_time(report);
  std::string spans = root_span(report, session, start, end);
  std::size_t number = 0;
  if (const auto* const stages = list_member(report, "stages"))
    for (const Json& stage : *stages) exporters_impl::add_item(spans, stage_span(stage, session, ++number, start, end));
  ObjectText scope, scope_spans, resource_spans, body;
  scope.text("name", "usage_stats");
  scope.text("version", library_version());
  scope_spans.raw("scope", scope.object());
  scope_spans.raw("spans", "[" + spans + "]");
  resource_spans.raw("resource", resource_of(report));
  resource_spans.raw("scopeSpans", "[" + scope_spans.object() + "]");
  body.raw("resourceSpans", "[" + resource_spans.object() + "]");
  return body.object();
}

/// Whether the server took the request and yet refused some of its spans, which must not be sent again (OTLP/HTTP,
/// "Partial Success").
USAGE_STATS_INLINE bool otlp_refuses(std::string_view answer) {
  const auto json = parse_json(answer);
  const Json* const partial = json ? member(*json, "partialSuccess") : nullptr;
  if (partial == nullptr) return false;
  // A 64-bit integer: a string, though a number is allowed too.
  const std::string text = string_member(*partial, "rejectedSpans");
  return integer_member(*partial, "rejectedSpans") > 0 || text.find_first_of("123456789") != std::string::npos;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
