#pragma once
// The texts of envelopes, state.json and delivery.json. An envelope is lines of JSON: what it says, the report of a run
// that vanishes, and what a signal handler adds.

#include <algorithm>
#include <cstdio>

#include "../record/redaction/scrub.hpp"
#include "storage.hpp"
#include "../record/disclosure.inl"
#include "../base/sha256.inl"
#include "../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE bool is_id(std::string_view text) noexcept {
  if (text.size() != 32 && text.size() != 64) return false;
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

USAGE_STATS_INLINE const char* protocol_name(Protocol protocol) noexcept {
  return protocol == Protocol::otlp ? "otlp" : protocol == Protocol::amplitude ? "amplitude" : "json";
}

namespace labels_impl {

/// Whether a file of ours was written by a version that has another format than ours: "usage-stats-state/2".
USAGE_STATS_INLINE bool is_newer(const Json& json, const std::string& kind) {
  const std::string schema = string_member(json, "schema");
  return schema.compare(0, kind.size() + 1, kind + "/") == 0 && schema != kind + "/1";
}

USAGE_STATS_INLINE int hex_digit(char c) noexcept {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

USAGE_STATS_INLINE void write(JsonWriter& json, const Destination& destination) {
  const Endpoint& endpoint = destination.endpoint;
  json.begin_object();
  json.key("url").text(endpoint.url);
  json.key("protocol").text(protocol_name(endpoint.protocol));
  put_text(json, "api_key", endpoint.api_key);
  if (!endpoint.headers.empty()) {
    json.key("headers").begin_object();
    for (const auto& [name, value] : endpoint.headers) json.key(name).text(value);
    json.end_object();
  }
  json.key("attempts").integer(destination.attempts);
  json.key("not_before").integer(destination.not_before);
  json.end_object();
}

USAGE_STATS_INLINE Destination destination_of(const Json& json) {
  Destination destination;
  Endpoint& endpoint = destination.endpoint;
  endpoint.url = string_member(json, "url");
  const std::string protocol = string_member(json, "protocol");
  endpoint.protocol = protocol == "otlp"        ? Protocol::otlp
                      : protocol == "amplitude" ? Protocol::amplitude
                                                : Protocol::json;
  endpoint.api_key = string_member(json, "api_key");
  if (const auto* const headers = object_member(json, "headers"))
    for (const auto& [name, value] : *headers)
      if (const auto* const text = value.get_ptr<const Json::string_t*>()) endpoint.headers[name] = *text;
  destination.attempts = static_cast<int>(std::clamp<std::int64_t>(integer_member(json, "attempts"), 0, 1000));
  destination.not_before = integer_member(json, "not_before");
  return destination;
}

/// A path as the text that it is; one that is not UTF-8, which JSON cannot hold, by its bytes in hexadecimal digits.
USAGE_STATS_INLINE void put_path(JsonWriter& json, const char* name, const std::filesystem::path& path) {
  const std::string bytes = os::path_bytes(path);
  if (bytes.empty()) return;
  json.key(name);
  if (clip_utf8(bytes, bytes.size()) == bytes) return json.text(bytes);
  json.begin_object();
  json.key("hex").text(hash_impl::hex(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  json.end_object();
}

USAGE_STATS_INLINE std::filesystem::path path_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  if (value == nullptr || !value->is_object()) return os::path_of_bytes(string_member(object, name));
  const std::string digits = string_member(*value, "hex");
  std::string bytes;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
    const int high = hex_digit(digits[at]), low = hex_digit(digits[at + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return os::path_of_bytes(bytes);
}

}  // namespace labels_impl

USAGE_STATS_INLINE std::string host_mark(const std::string& session_id, const std::string& host_identity) {
  return sha256(session_id + " " + host_identity).substr(0, 32);
}

USAGE_STATS_INLINE std::string to_text(const Envelope& envelope) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").text("usage-stats-label/1");
  json.key("app").text(envelope.app);
  json.key("version").text(envelope.version);
  json.key("client_id").text(envelope.client_id);
  json.key("session_id").text(envelope.session_id);
  json.key("sequence").integer(envelope.sequence);
  json.key("created").integer(envelope.created);
  json.key("rule").integer(envelope.rule);
  if (envelope.deletion) json.key("kind").text("deletion");
  put_text(json, "host", envelope.host);
  labels_impl::put_path(json, "config_file", envelope.config_file);
  labels_impl::put_path(json, "policy_file", envelope.policy_file);
  json.key("destinations").begin_list();
  for (const Destination& destination : envelope.destinations) labels_impl::write(json, destination);
  json.end_list();
  json.end_object();
  std::string text = json.take() + "\n";
  if (!envelope.running_report.empty()) text.append(envelope.running_report) += '\n';
  return text;
}

USAGE_STATS_INLINE std::optional<Envelope> parse_envelope(std::string_view text) {
  const std::size_t first = text.find('\n');
  const auto json = first == std::string_view::npos ? std::nullopt : parse_json(text.substr(0, first));
  if (!json || string_member(*json, "schema") != "usage-stats-label/1") return std::nullopt;
  Envelope envelope;
  envelope.deletion = string_member(*json, "kind") == "deletion";
  envelope.app = string_member(*json, "app");
  envelope.version = string_member(*json, "version");
  envelope.client_id = string_member(*json, "client_id");
  envelope.session_id = string_member(*json, "session_id");
  envelope.sequence = std::max<std::int64_t>(integer_member(*json, "sequence", 1), 1);
  envelope.created = integer_member(*json, "created");
  envelope.rule = static_cast<int>(std::clamp<std::int64_t>(integer_member(*json, "rule"), 0, 15));
  envelope.host = string_member(*json, "host");
  envelope.config_file = labels_impl::path_member(*json, "config_file");
  envelope.policy_file = labels_impl::path_member(*json, "policy_file");
  if ((envelope.client_id != "local" && !is_id(envelope.client_id)) || !is_id(envelope.session_id)) return std::nullopt;
  if (const auto* const list = list_member(*json, "destinations"))
    for (const Json& item : *list)
      if (envelope.destinations.size() < 16) envelope.destinations.push_back(labels_impl::destination_of(item));

  text.remove_prefix(first + 1);
  const std::size_t second = std::min(text.find('\n'), text.size());
  envelope.running_report = text.substr(0, second);
  text.remove_prefix(std::min(second + 1, text.size()));
  if (const auto end = parse_json(text.substr(0, text.find('\n')))) {
    envelope.signal = string_member(*end, "signal");
    envelope.last_report = string_member(*end, "last_report");
    const std::int64_t duration = integer_member(*end, "duration_ms", -1);
    if (duration >= 0) envelope.duration = std::chrono::milliseconds(duration);
  }
  return envelope;
}

USAGE_STATS_INLINE bool is_newer_label(std::string_view text) {
  const auto json = parse_json(text.substr(0, text.find('\n')));
  return json && labels_impl::is_newer(*json, "usage-stats-label");
}

USAGE_STATS_INLINE std::string to_text(const State& state) {
  JsonWriter json(true);
  json.begin_object();
  json.key("schema").text("usage-stats-state/1");
  put_text(json, "app", state.app);
  put_text(json, "client_id", state.client_id);
  put_text(json, "secret", state.secret);
  put_list(json, "sent_ids", state.sent_ids);
  put_list(json, "sent_to", state.sent_to);
  if (state.deletion_due != 0) json.key("deletion_due").integer(state.deletion_due);
  json.key("notice_shown").flag(state.notice_shown);
  if (state.disclosed) disclosure_impl::write(json.key("disclosed"), *state.disclosed);
  if (state.said_no) json.key("said_no").flag(true);
  json.key("unanswered_prompts").integer(state.unanswered_prompts);
  json.key("sent").integer(state.sent);
  json.key("failed").integer(state.failed);
  json.key("dropped").integer(state.dropped);
  if (state.last_sent != 0) json.key("last_sent").integer(state.last_sent);
  json.key("backoff").begin_object();
  for (const auto& [url, wait] : state.backoff) {
    json.key(url).begin_object();
    json.key("failures").integer(wait.failures);
    json.key("not_before").integer(wait.not_before);
    json.key("why").text(wait.why);
    json.end_object();
  }
  json.end_object();
  put_list(json, "stopped", state.stopped);
  json.end_object();
  return json.take() + "\n";
}

USAGE_STATS_INLINE State parse_state(std::string_view text) {
  State state;
  const auto json = parse_json(text);
  state.newer = json && labels_impl::is_newer(*json, "usage-stats-state");
  if (state.newer) return state;
  state.damaged = !text.empty() && (!json || string_member(*json, "schema") != "usage-stats-state/1");
  if (!json || state.damaged) return state;
  state.app = string_member(*json, "app");
  state.client_id = string_member(*json, "client_id");
  if (!is_id(state.client_id)) state.client_id.clear();
  state.secret = string_member(*json, "secret");
  for (std::string& id : strings_member(*json, "sent_ids"))
    if (is_id(id) && state.sent_ids.size() < limits::remembered_ids) state.sent_ids.push_back(std::move(id));
  state.sent_to = strings_member(*json, "sent_to");
  state.deletion_due = integer_member(*json, "deletion_due");
  state.notice_shown = boolean_member(*json, "notice_shown");
  state.disclosed = disclosure_impl::disclosed_of(*json, state.notice_shown);
  state.said_no = boolean_member(*json, "said_no");
  state.unanswered_prompts =
      static_cast<int>(std::clamp<std::int64_t>(integer_member(*json, "unanswered_prompts"), 0, 100));
  state.sent = std::max<std::int64_t>(integer_member(*json, "sent"), 0);
  state.failed = std::max<std::int64_t>(integer_member(*json, "failed"), 0);
  state.dropped = std::max<std::int64_t>(integer_member(*json, "dropped"), 0);
  state.last_sent = integer_member(*json, "last_sent");
  if (const auto* const backoff = object_member(*json, "backoff"))
    for (const auto& [url, wait] : *backoff)
      state.backoff[url] = {static_cast<int>(std::clamp<std::int64_t>(integer_member(wait, "failures"), 0, 1000)),
                            integer_member(wait, "not_before"), clip_utf8(string_member(wait, "why"), 256)};
  state.stopped = strings_member(*json, "stopped");
  return state;
}

/// delivery.json with one line more; of very many the oldest go.
USAGE_STATS_INLINE std::string with_delivery(std::string_view before, const DeliveryRecord& record) {
  const auto json = parse_json(before);
  const bool ours = json && string_member(*json, "schema") == "usage-stats-delivery/1";
  const auto* const list = ours ? list_member(*json, "deliveries") : nullptr;
  std::vector<const Json*> lines;
  if (list != nullptr)
    for (const Json& other : *list) {
      const bool answered = string_member(other, "result") == under_way &&  // what was said when the try began
                            string_member(other, "endpoint") == record.url &&
                            integer_member(other, "sequence", 1) == record.sequence;
      if (!answered) lines.push_back(&other);
    }
  constexpr std::size_t most = 50;
  JsonWriter out(true);
  out.begin_object();
  out.key("schema").text("usage-stats-delivery/1");
  out.key("deliveries").begin_list();
  for (std::size_t i = lines.size() < most ? 0 : lines.size() + 1 - most; i < lines.size(); ++i)
    write_json(out, *lines[i]);
  out.begin_object();
  out.key("endpoint").text(record.url);
  out.key("sequence").integer(record.sequence);
  out.key("at").text(timestamp(std::chrono::system_clock::now()));
  out.key("http_status").integer(record.http_status);
  out.key("result").text(record.result);
  out.key("attempts").integer(record.attempts);
  put_text(out, "detail", record.detail);
  if (record.events > 0) out.key("events").positive(record.events);
  out.end_object();
  out.end_list();
  out.end_object();
  return out.take() + "\n";
}

USAGE_STATS_INLINE std::size_t delivered_events(std::string_view delivery_json, std::string_view url,
                                                std::int64_t sequence) {
  const auto json = parse_json(delivery_json);
  const auto* const list = json ? list_member(*json, "deliveries") : nullptr;
  std::int64_t events = 0;
  if (list != nullptr)
    for (const Json& line : *list)
      if (string_member(line, "endpoint") == url && integer_member(line, "sequence", sequence) < sequence)
        events = (std::max)(events, integer_member(line, "events"));
  return static_cast<std::size_t>(events);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
