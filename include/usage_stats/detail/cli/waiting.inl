#pragma once
// Why reports wait, for `status`, `send` and `preview`.

#include <set>

#include "output.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// What waits to be sent, and why.
struct WaitingReports {
  bool incomplete = false;  // some cannot be read
  std::size_t reports = 0, deletions = 0;
  Seconds next_try = 0;                          // 0: at once
  std::string last_error;                        // of the newest try that failed
  std::string held;                              // why one is not sent, as far as that is a matter of consent
  std::map<std::string, std::size_t> reasons{};  // why it is not sent yet, and how many have that reason
  Outbox::LeftAlone left{};
};

/// Everything that the result of permission_for() depends on.
USAGE_STATS_INLINE std::string question_of(const Envelope& envelope) {
  return std::to_string(envelope.rule) + os::path_bytes(envelope.config_file) + '\0' +
         os::path_bytes(envelope.policy_file);
}

/// What the uploader would decide about them; each distinct case is determined only once.
USAGE_STATS_INLINE std::string why_held(const State& state, const std::vector<Envelope>& envelopes) {
  std::set<std::string> asked;
  for (const Envelope& envelope : envelopes) {
    if (envelope.deletion || !asked.insert(question_of(envelope)).second) continue;
    const Permission permission = permission_for(envelope, state);
    if (permission.leave == Leave::unclear) return "they wait, because " + permission.why;
    if (permission.leave == Leave::withdrawn) return "they will be dropped, because " + permission.why;
  }
  return {};
}

USAGE_STATS_INLINE std::string error_of(const Json& line) {
  const std::int64_t status = integer_member(line, "http_status");
  const std::string detail = string_member(line, "detail");
  return status == 0 ? detail : "status " + std::to_string(status) + (detail.empty() ? "" : ": " + detail);
}

/// Why a report waits, in words, as far as this folder and this process show.
class Reasons {
 public:
  Reasons(const Options& options, const Plan& plan) : options_(options), plan_(plan) {
    const auto is_lock = [](std::string_view name) { return name == uploader_impl::lock_file; };
    for (const auto& entry : plan.storage->folder().list(1, is_lock))
      if (entry.size == 0) idle_start_ = std::chrono::system_clock::to_time_t(entry.modified);
    at_work_ = uploader_at_work(*plan.storage);
    stopped_ = sender_stopped(*plan.storage);
  }

  USAGE_STATS_COLD_INLINE std::string of(const Envelope& envelope) {
    if (!envelope.deletion) {
      const std::string question = question_of(envelope);
      if (answers_.count(question) == 0) answers_[question] = permission_for(envelope, *plan_.state);
      const Permission& permission = answers_[question];
      if (permission.leave == Leave::unclear) return permission.why;
      if (permission.leave == Leave::withdrawn) return "it will be dropped, because " + permission.why;
    }
    if (envelope.in_use_elsewhere) return "its run was on another machine or container, which may be sending it";
    if (!stopped_.empty()) return stopped_;
    std::string tried = last_try(envelope);
    if (!tried.empty()) return tried;
    if (at_work_) return "it is being sent now";
    for (const Destination& to : envelope.destinations)
      if (to.attempts > 0) return "the uploader was killed during an attempt; the next one will try again";
    return not_taken_up(envelope);
  }

 private:
  /// The error of its own last attempt, or of the last one at its server; empty if there is none.
  USAGE_STATS_COLD_INLINE std::string last_try(const Envelope& envelope) const {
    const State& state = *plan_.state;
    const Deliveries deliveries = plan_.storage->archive.deliveries(envelope);
    for (const Destination& to : envelope.destinations) {
      const std::string& url = to.endpoint.url;
      const auto pause = state.backoff.find(url);
      std::string why = pause == state.backoff.end() ? std::string() : pause->second.why;
      for (const Json& line : deliveries)
        if (string_member(line, "endpoint") == url && string_member(line, "result") == "again later")
          why = error_of(line);
      const bool paused = !state.may_ask(url, now_seconds());
      if (why.empty() && paused) why = "no answer";
      if (!why.empty()) return url + ": " + why;
    }
    return {};
  }
  USAGE_STATS_COLD_INLINE std::string not_taken_up(const Envelope& envelope) const {
    if (options_.delivery == Delivery::in_process) return "no run has had time to send it; the next one will try";
    if (!can_start_uploader()) return cannot_start_itself;
    if (!os::finds_own_executable())
      return "this program's own file cannot be found (is /proc mounted?), so it cannot start itself";
    if (idle_start_ >= envelope.created)
      return "an uploader was started at " + time_text(idle_start_) +
             " and ended before its first step: the program could not be loaded again, or was killed";
    return "no uploader has got to it yet; the next run will start one";
  }

  const Options& options_;
  const Plan& plan_;
  std::map<std::string, Permission> answers_;
  Seconds idle_start_ = 0;  // of an uploader that has done nothing; 0: no sign of one
  bool at_work_ = false;
  std::string stopped_;
};

/// A report that was rejected or given up, and will not be sent again.
struct Drop {
  std::string at, why;
};

/// The last one for each endpoint, as far as the archived sessions show.
USAGE_STATS_INLINE std::map<std::string, Drop> last_drops(const Plan& plan) {
  std::map<std::string, Drop> drops;
  if (!plan.storage || plan.state->dropped == 0) return drops;
  std::error_code ignored;  // what cannot be listed is told by others
  for (const KnownSession& session : newest_sessions(*plan.storage, limits::kept_sessions, ignored))
    for (const Json& line : session.deliveries) {
      const std::string result = string_member(line, "result"), at = string_member(line, "at");
      if (result != "refused" && result != "stopped" && result != "gave up") continue;
      Drop& last = drops[string_member(line, "endpoint")];
      if (at >= last.at) last = {at, result + " (" + error_of(line) + ")"};
    }
  return drops;
}

/// The newest of the last attempts of waiting reports.
USAGE_STATS_INLINE std::string newest_error(const Storage& storage, const std::vector<Envelope>& envelopes) {
  std::string newest, said;
  const std::size_t first = envelopes.size() > 20 ? envelopes.size() - 20 : 0;  // a look, not a search
  for (std::size_t i = first; i < envelopes.size(); ++i) {
    const Deliveries deliveries = storage.archive.deliveries(envelopes[i]);
    for (const Json& line : deliveries) {
      if (string_member(line, "result") == "delivered" || string_member(line, "at") <= newest) continue;
      newest = string_member(line, "at");
      const std::int64_t status = integer_member(line, "http_status");
      said = string_member(line, "endpoint") + ": " +
             (status == 0 ? string_member(line, "detail") : "status " + std::to_string(status));
    }
  }
  return said;
}

USAGE_STATS_INLINE WaitingReports look_at_waiting(const Options& options, const Plan& plan) {
  WaitingReports waiting;
  if (!plan.storage) return waiting;
  const Outbox::Waiting listed = plan.storage->outbox.list_waiting();
  const std::vector<Envelope>& envelopes = listed.envelopes;
  waiting.incomplete = listed.incomplete;
  waiting.held = why_held(*plan.state, envelopes);
  waiting.left = plan.storage->outbox.left_alone();
  Reasons reasons(options, plan);
  for (const Envelope& envelope : envelopes) ++waiting.reasons[reasons.of(envelope)];
  std::optional<Seconds> next;
  for (const Envelope& envelope : envelopes) {
    ++(envelope.deletion ? waiting.deletions : waiting.reports);
    for (const Destination& destination : envelope.destinations) {
      const Seconds due = (std::max)(destination.not_before, plan.state->paused_until(destination.endpoint.url));
      next = next ? (std::min)(*next, due) : due;
    }
  }
  if (next && *next > now_seconds()) waiting.next_try = *next;
  waiting.last_error = newest_error(*plan.storage, envelopes);
  return waiting;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
