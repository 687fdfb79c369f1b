#pragma once
// Sends what is due for one server, report by report: may it be sent, is the attempt on disk, what did the server
// answer.

#include <algorithm>
#include <set>

#include "../consent/rules.hpp"
#include "../base/order.inl"
#include "exporters/exporters.inl"
#include "conclude.inl"
#include "retry.inl"
#include "upload_pass.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

USAGE_STATS_INLINE void UploadPass::drain(const Endpoint& endpoint, std::optional<std::vector<Envelope>> waiting) {
  std::set<std::string> seen;
  for (bool any = true; any;) {  // in turn: those that are alive always have something new
    any = drain_waiting(endpoint, waiting ? std::move(*waiting) : storage_.outbox.waiting(), seen);
    waiting.reset();
    any = drain_interims(endpoint) || any;
  }
}

USAGE_STATS_INLINE bool UploadPass::drain_interims(const Endpoint& endpoint) {
  bool any = false;
  for (Envelope& envelope : storage_.outbox.interims(storage_.archive)) {
    const Destination* const to = at(envelope, endpoint);
    if (to == nullptr || out_of_time() || !interim_due(envelope, *to)) continue;
    // While another one was sent, a newer report may have been written, or the last one, which is sent like all waiting
    // reports.
    const auto report = storage_.archive.read_report(envelope.client_id, envelope.session_id);
    const auto json = report ? parse_json(*report) : std::nullopt;
    if (!json || boolean_member(*json, "final")) continue;
    envelope.sequence = integer_member(*json, "sequence", envelope.sequence);
    // Even if it is no longer allowed: otherwise it would stay due, and keep this process alive, as long as the run
    // lives.
    interim_[envelope.session_id + " " + endpoint.url] = envelope.sequence;
    if (!still_allowed(envelope)) continue;
    any = true;
    Destination tried = *to;
    ++tried.attempts;
    // What is on disk before the first byte is sent is not sent twice, whatever ends this process in between.
    const DeliveryRecord begun{to->endpoint.url, envelope.sequence, 0, under_way, {}, tried.attempts, 0};
    if (storage_.archive.record_delivery(envelope, begun)) continue;
    if (auto prepared = requests_of(envelope, tried, *report, *json)) send_to(*prepared);
  }
  return any;
}

USAGE_STATS_INLINE bool UploadPass::drain_waiting(const Endpoint& endpoint, std::vector<Envelope> envelopes,
                                                  std::set<std::string>& seen) {
  bool any = false;
  // Those with the fewest failures go first: one report that a server cannot handle must not hold up the others.
  sort_stably(envelopes, [&](const Envelope& a, const Envelope& b) noexcept {
    const auto tries = [&](const Envelope& envelope) {
      const Destination* const to = at(envelope, endpoint);
      return to == nullptr ? 0 : to->attempts;
    };
    return tries(a) < tries(b);
  });
  const auto due_here = [&](const Envelope& envelope) {
    const Destination* const to = at(envelope, endpoint);
    return to != nullptr && waiting_due(envelope, *to) && seen.count(envelope.session_id) == 0;
  };
  const auto last = std::find_if(envelopes.rbegin(), envelopes.rend(), due_here);
  for (const Envelope& envelope : envelopes) {
    if (out_of_time() || !due_here(envelope)) continue;
    const Destination* const to = at(envelope, endpoint);
    seen.insert(envelope.session_id);
    any = true;
    if (envelope.deletion)
      send_deletion(envelope, *to);
    else if (still_allowed(envelope))
      if (auto prepared = prepare(envelope, *to))
        send_report(std::move(*prepared), last != envelopes.rend() && &envelope != &*last);
  }
  if (unsaved_ > 0) keep_count([](State&) noexcept {});
  return any;
}

/// Read for each report, and parsed only if the text has changed.
USAGE_STATS_INLINE const State* UploadPass::state_now() {
  std::error_code error;
  std::optional<std::string> text = storage_.folder().read(storage_impl::state_file, limits::file_bytes, error);
  if (!text && is_transient(error)) return nullptr;
  if (!text) text.emplace();
  if (text_now_ != text) state_now_ = text->empty() ? State() : parse_state(*text);
  text_now_ = std::move(text);
  return &state_now_;
}

USAGE_STATS_INLINE bool UploadPass::still_allowed(const Envelope& envelope) {
  const State* const now = state_now();
  const Permission permission = now == nullptr ? Permission{Leave::unclear, "state.json cannot be read now"}
                                : now->newer   ? Permission{Leave::unclear, "state.json is of a newer version"}
                                               : permission_for(envelope, *now);
  if (permission.leave == Leave::allowed) return true;
  const bool waits = permission.leave == Leave::unclear;
  log_("session ", envelope.session_id, ": it ", waits ? "waits: " : "is not sent: ", permission.why);
  if (!waits) storage_.outbox.remove(envelope.session_id);
  return false;
}

USAGE_STATS_INLINE std::optional<UploadPass::Try> UploadPass::prepare(Envelope envelope, Destination to) {
  const auto text = waiting_report(storage_, envelope, log_);
  if (text.transient()) {
    log_("session ", envelope.session_id, ": its report cannot be read now; it waits");
    return std::nullopt;
  }
  const auto report = text ? parse_json(*text) : std::nullopt;
  if (!report) {
    log_("session ", envelope.session_id, ": its report is gone, damaged or not ours; dropped");
    if (succeeded(storage_.outbox.remove(envelope.session_id)))
      keep_count([](State& state) noexcept { ++state.dropped; });
    return std::nullopt;
  }
  envelope.sequence = integer_member(*report, "sequence", 1);
  const bool stopped = state_.is_stopped(envelope.version, to.endpoint.url);
  if (stopped || to.attempts >= limits::tries) {
    Response none;
    none.error = "the last attempt was interrupted";
    note_outcome(envelope, to, stopped || conclude(envelope, to, none, 0));
    return std::nullopt;
  }
  ++to.attempts;
  // On disk before the first byte is sent: whatever ends this process in between, the limit on attempts holds.
  if (const auto error = note_outcome(envelope, to, false)) {
    log_("session ", envelope.session_id, ": its envelope cannot be written: ", error.message(), "; it waits");
    return std::nullopt;
  }
  // The disk may have been slow, and somebody may have said no in the meantime.
  if (!still_allowed(envelope)) return std::nullopt;
  auto prepared = requests_of(envelope, to, *text, *report);
  if (!prepared) {
    --to.attempts;
    note_outcome(envelope, to, false);
  }
  return prepared;
}

USAGE_STATS_INLINE std::optional<UploadPass::Try> UploadPass::requests_of(const Envelope& envelope,
                                                                          const Destination& to,
                                                                          const std::string& text, const Json& report) {
  const Endpoint& endpoint = to.endpoint;
  Try result{envelope, to, {}, 0};
  // What an earlier attempt at this report has delivered counts too: a retry continues where that one stopped.
  if (endpoint.protocol == Protocol::amplitude)
    result.events = storage_.archive.deliveries(envelope).events_at(endpoint.url, envelope.sequence + 1);
  result.requests = requests_for(endpoint, text, report, result.events);
  if (!result.requests.empty() && !remember_sent(envelope, endpoint.url)) return std::nullopt;
  return result;
}

USAGE_STATS_INLINE void UploadPass::send_report(Try prepared, bool more) {
  const bool done = send_to(prepared, more);
  note_outcome(prepared.envelope, prepared.to, done);
}

USAGE_STATS_INLINE bool UploadPass::send_to(Try& prepared, bool more) {
  Response response;
  for (const Request& request : prepared.requests) {
    response = answer_to(prepared.to.endpoint, request);
    if (classify(response, prepared.to.endpoint.protocol) != Answer::delivered) break;
    prepared.events = request.events;
  }
  return prepared.requests.empty() || conclude(prepared.envelope, prepared.to, response, prepared.events, more);
}

USAGE_STATS_INLINE Response UploadPass::answer_to(const Endpoint& endpoint, const Request& request) {
  // If nobody waits, a request that has begun gets its full time: cut short by our own deadline, it would look like a
  // network failure and make everything else wait.
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(options_.deadline - Clock::now());
  const std::chrono::milliseconds limit = options_.awaited ? left : longest_request;
  Connection& connection = connections_[endpoint.url + " " + protocol_name(endpoint.protocol)];
  return workers_.meanwhile([&] {
    return send(request, std::clamp<std::chrono::milliseconds>(limit, std::chrono::milliseconds(1), longest_request),
                log_, &connection);
  });
}

}  // namespace uploader_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
