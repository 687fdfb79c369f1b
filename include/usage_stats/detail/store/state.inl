#pragma once

#include <algorithm>

#include "../base/json.inl"
#include "../record/disclosure.inl"
#include "../record/redaction/scrub.hpp"
#include "../record/report.hpp"
#include "layout.hpp"
#include "state.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

/// Whether one of our files was written by a version with a different format: "usage-stats-state/2".
USAGE_STATS_INLINE bool is_newer(const Json& json, const std::string& kind) {
  const std::string schema = string_member(json, "schema");
  return schema.compare(0, kind.size() + 1, kind + "/") == 0 && schema != kind + "/1";
}

}  // namespace storage_impl

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(State, maps_move_quietly);

USAGE_STATS_INLINE bool has_come(Seconds moment, Seconds now) noexcept {
  return moment <= now || moment > now + 25 * 3600;
}

USAGE_STATS_INLINE bool State::is_stopped(const std::string& version, const std::string& url) const {
  return std::find(stopped.begin(), stopped.end(), version + " " + url) != stopped.end();
}

USAGE_STATS_INLINE void State::stop(const std::string& version, const std::string& url) {
  if (!is_stopped(version, url)) stopped.push_back(version + " " + url);
}

USAGE_STATS_INLINE Seconds State::paused_until(const std::string& url) const {
  const auto pause = backoff.find(url);
  return pause == backoff.end() ? 0 : pause->second.not_before;
}

USAGE_STATS_INLINE bool State::may_ask(const std::string& url, Seconds now) const {
  return has_come(paused_until(url), now);
}

USAGE_STATS_INLINE bool State::is_deletion_due(Seconds now) const noexcept {
  return deletion_due != 0 && has_come(deletion_due, now);
}

USAGE_STATS_INLINE void count_deliveries(const State& state, Report& report) {
  report.delivered = state.sent;
  report.failed = state.failed;
  report.dropped = state.dropped;
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

/// `json`: a state.json's content; nothing if it was not JSON.
USAGE_STATS_INLINE State state_of(const std::optional<Json>& json) {
  State state;
  state.newer = json && storage_impl::is_newer(*json, "usage-stats-state");
  if (state.newer) return state;
  state.damaged = !json || string_member(*json, "schema") != "usage-stats-state/1";
  if (state.damaged) return state;
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

USAGE_STATS_INLINE State parse_state(std::string_view text) {
  return text.empty() ? State() : state_of(parse_json(text));
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
