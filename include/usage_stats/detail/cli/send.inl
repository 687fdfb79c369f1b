#pragma once

#include "../send/launcher.inl"
#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

constexpr std::chrono::seconds time_to_send{600};

/// The results of one upload's attempts.
struct Progress {
  struct Try {
    bool deletion;
    std::string id, endpoint, result, detail;
    int http_status;
  };
  std::size_t waiting = 0;  // at first
  std::vector<Try> tries{};

  USAGE_STATS_COLD_INLINE void tell(const Call& call, const Envelope& envelope, const DeliveryRecord& record) {
    const std::string& id = envelope.deletion ? envelope.client_id : envelope.session_id;
    tries.push_back({envelope.deletion, id, record.url, record.result, record.detail, record.http_status});
    if (call.json) return;
    const std::string answer = record.http_status == 0 ? record.detail : "status " + std::to_string(record.http_status);
    const std::string count = std::to_string(tries.size()) + "/" + std::to_string((std::max)(tries.size(), waiting));
    print(plain_text(count + " " + (envelope.deletion ? "client " : "session ") + id + ": " + record.result + " (" +
                     answer + "), " + record.url) +
          "\n");
  }
  USAGE_STATS_COLD_INLINE void write(JsonWriter& json) const {
    json.key("tries").begin_list();
    for (const Try& one : tries) {
      json.begin_object();
      json.key(one.deletion ? "client_id" : "session_id").text(one.id);
      json.key("endpoint").text(one.endpoint);
      json.key("result").text(one.result);
      json.key("http_status").integer(one.http_status);
      put_text(json, "detail", one.detail);
      json.end_object();
    }
    json.end_list();
  }
};

/// Sends what waits, with a line for each attempt. Returns why nothing could be done, in words; empty if it was.
USAGE_STATS_INLINE std::string upload_now(const Call& call, Storage& storage, bool only_deletions, Progress& progress) {
  const os::ScopedSigpipeBlock unharmed;
  if (!os::has_standard_streams()) remark(call, "nothing is sent while a standard stream is closed");
  UploadOptions options;
  options.stay = std::chrono::milliseconds(0);
  options.ignore_backoff = true;
  options.only_deletions = only_deletions;
  options.progress = [&](const Envelope& envelope, const DeliveryRecord& record) {
    progress.tell(call, envelope, record);
  };
  collect_vanished(storage, call.log);
  for (const Envelope& envelope : storage.outbox.waiting())
    if (envelope.deletion || !only_deletions) progress.waiting += envelope.destinations.size();
  const auto begin = std::chrono::steady_clock::now();
  options.deadline = begin + time_to_send;
  for (bool told = false;; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
    std::error_code error;
    if (upload(storage.folder().path(), options, call.log, error)) return {};
    if (error) return os::path_bytes(storage.folder().path()) + ": " + error.message();
    if (std::string stopped = sender_stopped(storage); !stopped.empty()) return stopped;
    if (std::chrono::steady_clock::now() - begin >= time_for_another_uploader)
      return "another process is still sending; try again later";
    if (!told) remark(call, "another process is sending; waiting for it");
    told = true;
  }
}

USAGE_STATS_INLINE int send_now(const Call& call) {
  Plan plan = plan_of(call.options);
  // Even if all current recipients are new: waiting reports are for the earlier ones.
  const bool allowed = plan.decision.verdict == Verdict::on ||
                       (plan.consent.decision.verdict == Verdict::on && !plan.withheld.endpoints.empty());
  Progress progress;
  if (!plan.storage && !plan.problems.empty()) return fail(call, plan.problems.front());
  if (plan.storage)
    if (const std::string problem = upload_now(call, *plan.storage, !allowed, progress); !problem.empty())
      return fail(call, problem);
  WaitingReports left;
  if (plan.storage) {
    const Plan after = plan_of(call.options);
    if (!after.storage && !after.problems.empty()) return fail(call, after.problems.front());
    left = look_at_waiting(call.options, after);
  }
  if (left.incomplete)
    return fail(call, os::path_bytes(plan.folder / storage_impl::pending_folder) + " cannot be read");
  const std::size_t waiting = left.reports + left.deletions;
  if (call.json) {
    JsonWriter json(true);
    json.begin_object();
    json.key("allowed").flag(allowed);
    progress.write(json);
    json.key("still_waiting").positive(waiting);
    json.end_object();
    print_json(json);
  } else if (progress.tries.empty() && waiting == 0) {
    print("Nothing is waiting to be sent.\n");
  }
  if (waiting == 0) return done;
  if (!allowed && left.reports > 0)
    remark(call, std::string("usage statistics are ") + verdict_name(plan.decision.verdict) + " (" + plan.decision.why +
                     "): reports are not sent");
  remark(call, std::to_string(waiting) + " still waiting");
  if (allowed && !left.held.empty()) remark(call, "not sent yet: " + left.held);
  return failed;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
