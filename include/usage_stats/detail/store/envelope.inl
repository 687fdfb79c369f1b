#pragma once
// An envelope is lines of JSON: what it says, the report of a run that vanishes, and what a signal handler adds.

#include <algorithm>

#include "../record/redaction/scrub.hpp"
#include "envelope.hpp"
#include "layout.inl"
#include "state.inl"
#include "../base/characters.inl"
#include "../base/protocol.inl"
#include "../base/sha256.inl"
#include "../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Envelope, true);

namespace envelope_impl {

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
  endpoint.protocol = protocol_of(string_member(json, "protocol"));
  endpoint.api_key = string_member(json, "api_key");
  if (const auto* const headers = object_member(json, "headers"))
    for (const auto& [name, value] : *headers)
      if (const auto* const text = value.get<std::string>()) endpoint.headers[name] = *text;
  destination.attempts = static_cast<int>(std::clamp<std::int64_t>(integer_member(json, "attempts"), 0, 1000));
  destination.not_before = integer_member(json, "not_before");
  return destination;
}

/// A path as text; if it is not UTF-8, which JSON cannot hold, as its bytes in hexadecimal digits.
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
    const int high = characters::hex_value(digits[at]), low = characters::hex_value(digits[at + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return os::path_of_bytes(bytes);
}

}  // namespace envelope_impl

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
  envelope_impl::put_path(json, "config_file", envelope.config_file);
  envelope_impl::put_path(json, "policy_file", envelope.policy_file);
  json.key("destinations").begin_list();
  for (const Destination& destination : envelope.destinations) envelope_impl::write(json, destination);
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
  envelope.config_file = envelope_impl::path_member(*json, "config_file");
  envelope.policy_file = envelope_impl::path_member(*json, "policy_file");
  if ((envelope.client_id != "local" && !is_id(envelope.client_id)) || !is_id(envelope.session_id)) return std::nullopt;
  if (const auto* const list = list_member(*json, "destinations"))
    for (const Json& item : *list)
      if (envelope.destinations.size() < 16) envelope.destinations.push_back(envelope_impl::destination_of(item));

  text.remove_prefix(first + 1);
  const std::size_t second = std::min(text.find('\n'), text.size());
  envelope.running_report = text.substr(0, second);
  text.remove_prefix(std::min(second + 1, text.size()));
  // Requests to end that the run survived, and its end; the run's own last report comes last.
  for (int ends = 0; ends < 16 && !text.empty() && envelope.last_report.empty(); ++ends) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    const auto end = parse_json(text.substr(0, line));
    text.remove_prefix(std::min(line + 1, text.size()));
    if (!end) continue;
    envelope.signal = string_member(*end, "signal");
    envelope.last_report = string_member(*end, "last_report");
    const std::int64_t duration = integer_member(*end, "duration_ms", -1);
    if (duration >= 0) envelope.duration = std::chrono::milliseconds(duration);
  }
  return envelope;
}

USAGE_STATS_INLINE bool is_newer_envelope(std::string_view text) {
  const auto json = parse_json(text.substr(0, text.find('\n')));
  return json && storage_impl::is_newer(*json, "usage-stats-label");
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
