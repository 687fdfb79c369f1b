#pragma once
// What is stored about an attempt: in the envelope, in delivery.json, in state.json.

#include <algorithm>

#include "../record/redaction/scrub.hpp"
#include "exporters/exporters.hpp"
#include "upload_pass.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

USAGE_STATS_INLINE std::error_code UploadPass::note_outcome(const Envelope& envelope, const Destination& tried,
                                                            bool done) {
  return storage_.outbox.update(envelope.session_id, [&](Envelope& now) {
    const Destination* const to = at(now, tried.endpoint);
    // A later one than the one that was sent: how the run really ended, after it was taken for lost.
    if (to == nullptr || now.sequence > envelope.sequence) return;
    const auto place = now.destinations.begin() + (to - now.destinations.data());
    if (done)
      now.destinations.erase(place);
    else
      *place = tried;
  });
}

/// The result as text that is safe for a terminal: some of it was written by others.
USAGE_STATS_INLINE std::string detail_of(const Response& response) {
  return clip_utf8(plain_text(response.status == 0 || response.doubtful ? response.error : response.body), 256);
}

/// Before the first byte is sent: `usage-stats delete` must know about it even if this process ends in between. If it
/// cannot be stored, nothing is sent.
USAGE_STATS_INLINE bool UploadPass::remember_sent(const Envelope& envelope, const std::string& url) {
  const auto missing = [](const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) == list.end();
  };
  const bool new_id = envelope.client_id != "local" && missing(state_.sent_ids, envelope.client_id);
  if (!new_id && !missing(state_.sent_to, url)) return true;
  return save([&](State& state) {
    if (new_id && missing(state.sent_ids, envelope.client_id)) state.sent_ids.push_back(envelope.client_id);
    if (missing(state.sent_to, url)) state.sent_to.push_back(url);
  });
}

/// Unless the server confirms the deletion, the request is repeated, without limit.
USAGE_STATS_INLINE void UploadPass::send_deletion(const Envelope& envelope, Destination to) {
  const auto wish = deletion_request(to.endpoint, envelope.app, envelope.version, envelope.client_id);
  if (!wish) {
    note_outcome(envelope, to, true);
    return;
  }
  ++to.attempts;
  const Response response = answer_to(to.endpoint, *wish);
  const bool deleted = classify(response) == Answer::delivered;
  DeliveryRecord record{to.endpoint.url, 0, response.status, deleted ? "deleted" : "again later", {}, to.attempts, 0};
  if (!deleted) record.detail = detail_of(response);
  if (deleted)
    keep_count([&](State& state) { state.backoff.erase(to.endpoint.url); });
  else
    postpone(envelope, to, response);
  log_("deletion of ", envelope.client_id, " at ", record.url, ": ", record.result, " (",
       std::to_string(response.status), " ", record.detail, ")");
  if (options_.progress) options_.progress(envelope, record);
  note_outcome(envelope, to, deleted);
}

/// Records when a deletion is due, so that sessions start an uploader for it.
USAGE_STATS_INLINE void UploadPass::note_deletions() {
  Seconds next = 0;
  const Outbox::Waiting waiting = storage_.outbox.list_waiting();
  for (const Envelope& envelope : waiting.envelopes) {
    if (!envelope.deletion) continue;
    for (const Destination& destination : envelope.destinations) {
      const Seconds due = std::max<Seconds>(destination.not_before, 1);
      next = next == 0 ? due : std::min(next, due);
    }
  }
  if (!waiting.incomplete && next != state_.deletion_due)
    keep_count([&](State& state) noexcept { state.deletion_due = next; });
}

/// While more reports follow, state.json is not written for each of them, so its counts may fall behind if this process
/// is killed.
USAGE_STATS_INLINE void UploadPass::count_delivery(const std::string& url, bool more) {
  ++unsaved_;
  if (more && unsaved_ < most_unsaved && state_.backoff.count(url) == 0) return;
  keep_count([&](State& state) { state.backoff.erase(url); });
}

USAGE_STATS_INLINE bool UploadPass::conclude(const Envelope& envelope, Destination& destination,
                                             const Response& response, std::size_t events, bool more) {
  const std::string& url = destination.endpoint.url;
  const Answer answer = classify(response, destination.endpoint.protocol);
  DeliveryRecord record{url, envelope.sequence, response.status, {}, {}, destination.attempts, events};
  if (answer != Answer::delivered) record.detail = detail_of(response);
  bool done = true;
  switch (answer) {
    case Answer::delivered:
      record.result = "delivered";
      count_delivery(url, more);
      break;
    case Answer::refused:
      record.result = "refused";
      keep_count([](State& state) noexcept { ++state.dropped; });
      break;
    case Answer::stopped:
      record.result = "stopped";
      keep_count([&](State& state) {
        ++state.dropped;
        state.stop(envelope.version, url);
      });
      break;
    case Answer::impossible:
    case Answer::again_later:
      done = answer == Answer::again_later && destination.attempts >= limits::tries;
      record.result = done ? "gave up" : "again later";
      if (answer == Answer::impossible) --destination.attempts;  // nothing was tried
      postpone(envelope, destination, response);
      if (done) keep_count([](State& state) noexcept { ++state.dropped; });
      break;
  }
  log_("session ", envelope.session_id, " to ", url, ": ", record.result, " (", std::to_string(response.status), " ",
       record.detail, ")");
  storage_.archive.record_delivery(envelope, record);
  if (options_.progress) options_.progress(envelope, record);
  return done;
}

USAGE_STATS_INLINE void UploadPass::postpone(const Envelope& envelope, Destination& destination,
                                             const Response& response) {
  if (response.status == 0) silent_.push_back(destination.endpoint.url);
  const int status = response.status;
  const bool told = response.retry_after && (status == 408 || status == 425 || status == 429 || status >= 500);
  const auto wish = told ? response.retry_after : std::nullopt;
  const auto seed = static_cast<unsigned>(std::strtoul(envelope.session_id.substr(0, 8).c_str(), nullptr, 16));
  keep_count([&](State& state) {
    ++state.failed;
    Backoff& wait = state.backoff[destination.endpoint.url];
    ++wait.failures;
    wait.why =
        response.status == 0 || response.doubtful ? detail_of(response) : "status " + std::to_string(response.status);
    const bool pause = response.status == 0 || told || wait.failures >= failures_before_pause;
    const Seconds now = now_seconds() + (told ? 1 : 0);  // the second that has begun does not count
    if (pause) wait.not_before = now + backoff_delay(told ? 1 : wait.failures, wish, seed).count();
    destination.not_before = now + backoff_delay(destination.attempts, wish, seed).count();
  });
}

USAGE_STATS_INLINE bool UploadPass::save(const std::function<void(State&)>& change) {
  State saved;
  const std::error_code error = storage_.update_state([&](State& state) {
    if (unsaved_ > 0) state.last_sent = now_seconds();
    state.sent += unsaved_;
    change(state);
    while (state.sent_ids.size() > limits::remembered_ids) state.sent_ids.erase(state.sent_ids.begin());
    while (state.sent_to.size() > 32) state.sent_to.erase(state.sent_to.begin());
    while (state.stopped.size() > 32) state.stopped.erase(state.stopped.begin());
    while (state.backoff.size() > 32) state.backoff.erase(state.backoff.begin());
    saved = state;
  });
  if (error)
    log_("state.json: ", error.message());
  else
    unsaved_ = 0, state_ = std::move(saved);
  return !error;
}

USAGE_STATS_INLINE void UploadPass::keep_count(const std::function<void(State&)>& change) {
  if (!save(change)) change(state_);  // this process, at least, remembers
}

}  // namespace uploader_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
