#pragma once

#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// Whether the verdict is what the user has just asked for; if not, the reason, in words.
USAGE_STATS_INLINE std::string still_against(const Plan& plan, bool wanted_on) {
  const Verdict verdict = plan.decision.verdict;
  if (wanted_on ? verdict == Verdict::on : verdict == Verdict::off) return {};
  if (wanted_on && plan.decision.rule == 9 && plan.endpoints.empty()) return {};  // nobody is there to send to
  return std::string(wanted_on ? "but they are " : "but they are still ") + verdict_name(verdict) + ": " +
         plan.decision.why;
}

USAGE_STATS_INLINE int answer_decision(const Call& call, const Plan& plan, bool on, std::size_t dropped) {
  const std::string against = still_against(plan, on);
  const std::string file = os::path_bytes(config_path(call.options));
  if (call.json) {
    JsonWriter json(true);
    json.begin_object();
    json.key("config_file").text(file);
    json.key("usage_stats").flag(on);
    json.key("verdict").text(verdict_name(plan.decision.verdict));
    json.key("rule").integer(plan.decision.rule);
    json.key("why").text(plan.decision.why);
    if (!on) json.key("dropped").positive(dropped);
    json.end_object();
    return print_json(json), done;
  }
  std::string text = "Usage statistics of " + call.options.app + " are switched " + (on ? "on" : "off") + ".\n";
  text += row("written to", file);
  if (!against.empty()) {
    text += row("overridden", against);
    text += row("to change", how_to_change(call.options, plan), call.typed);
  } else if (on) {
    text += endpoint_rows(call.options, plan);
    text += row("reports in", os::path_bytes(plan.folder));
    // Something may have switched them on that overrides what `disable` writes.
    text += row("to stop it", plan.decision.rule == 9 ? call.typed + " disable" : how_to_change(call.options, plan),
                call.typed);
  }
  if (dropped > 0)
    text += row("dropped",
                counted(dropped, "report") + (dropped == 1 ? " that was" : " that were") + " waiting to be sent");
  print(text);
  return done;
}

/// Writes the decision to the config file. Returns what is wrong, in words; a broken file is not touched.
USAGE_STATS_INLINE std::string write_decision(const Options& options, bool on) {
  const Settings config = read_settings(config_path(options));
  if (!config.problem.empty()) return config.problem + (config.present ? "; it is left as it is" : "");
  return write_verdict(config.file, on);
}

/// Suggests what has the same effect, if not the file but its location is the problem.
USAGE_STATS_INLINE std::string what_else_decides(const Options& options, bool on) {
  if (config_can_be_written(options)) return {};
  const std::string variable = variable_of_config_path(options);
  const bool none = config_path(options).empty();
  std::string text = variable.empty()
                         ? ""
                         : "; set " + variable + (none ? " to your home folder" : " to a folder that you can write to");
  if (!on || text.empty())
    text += std::string(text.empty() ? "; " : ", or ") + "set " + environment_prefix(options.app) +
            "_USAGE_STATS_ENABLED=" + (on ? "1" : "0");
  return text;
}

/// Opens the usage folder, which may have to be created: `enable` and `disable` store the decision there, too. Waits
/// for another process that holds state.json, even if it may have been stopped, because the user's decision must not be
/// lost.
USAGE_STATS_INLINE std::error_code remember(const Options& options, const std::function<void(State&)>& change) {
  using Clock = std::chrono::steady_clock;
  const std::filesystem::path folder = usage_path(options);
  if (folder.empty()) return std::make_error_code(std::errc::no_such_file_or_directory);
  for (const auto deadline = Clock::now() + time_for_state;;) {
    std::error_code error;
    if (auto storage = Storage::open(folder, options.app, true, error)) {
      storage->be_patient(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
      return storage->update_state(change);
    }
    if (error != std::errc::timed_out || Clock::now() >= deadline) return error;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// Reports why the decision could not be stored in the folder. If that is transient, a later run would find a different
/// decision in the folder, so the command has failed; if no run can use the folder, it does not matter.
USAGE_STATS_INLINE int report_remembered(const Call& call, std::error_code error, const char* what) {
  if (!error) return done;
  const std::string folder = os::path_bytes(usage_path(call.options));
  if (has_no_locks(error))
    return remark(call, folder + ": files cannot be locked there: " + error.message() + "; no run uses that folder"),
           done;
  if (!is_transient(error))
    return remark(call, folder.empty() ? no_place_for_reports : folder + ": " + error.message()), done;
  const bool locked = error == std::errc::timed_out;
  const std::string variable = variable_of_usage_path(call.options);
  const bool elsewhere = !variable.empty() && os::check_writable(usage_path(call.options));
  remark(call, "the " + std::string(what) + " is not in " + folder +
                   "/state.json yet: " + (locked ? "another process has locked that file" : error.message()) +
                   (elsewhere ? "; set " + variable + " to a folder that you can write to" : "; try again later"));
  return failed;
}

USAGE_STATS_INLINE int enable(const Call& call) {
  if (const std::string problem = write_decision(call.options, true); !problem.empty())
    return fail(call, problem + what_else_decides(call.options, true));
  // The output below says what the notice would; a folder that cannot be created is reported in `problems` and by each
  // run.
  const Consent before = plan_of(call.options).consent;
  const std::error_code error = remember(call.options, [&](State& state) {
    disclose_all(state.disclosed, call.options, recipients(call.options, before));
    state.said_no = false;
    state.unanswered_prompts = 0;
  });
  const int remembered = report_remembered(call, error, "yes");
  return (std::max)(answer_decision(call, plan_of(call.options), true, 0), remembered);
}

/// A request that had begun before the "no" may still be on its way. When this returns, nothing is.
USAGE_STATS_INLINE void wait_for_uploader(const Call& call, const Storage& storage) {
  const auto deadline = std::chrono::steady_clock::now() + time_for_another_uploader;
  while (uploader_at_work(storage)) {
    if (const std::string stopped = sender_stopped(storage); !stopped.empty())
      return remark(call, stopped + "; a report that it has begun to send may still be sent");
    if (std::chrono::steady_clock::now() >= deadline)
      return remark(call, "another process is still sending; a report that it has begun to send may still be sent");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

USAGE_STATS_INLINE int disable(const Call& call) {
  // First where it applies whatever the variables of this shell say, and whatever is wrong with the config file.
  const std::error_code error = remember(call.options, [](State& state) noexcept { state.said_no = true; });
  const int remembered = report_remembered(call, error, "no");
  if (const std::string problem = write_decision(call.options, false); !problem.empty())
    return fail(call, problem + what_else_decides(call.options, false));
  Plan plan = plan_of(call.options);
  std::size_t dropped = 0, deletions = 0;
  if (plan.storage) {
    collect_vanished(*plan.storage, call.log);
    for (const Envelope& envelope : plan.storage->outbox.waiting())
      if (envelope.deletion)
        ++deletions;
      else if (succeeded(plan.storage->outbox.remove(envelope.session_id)))
        ++dropped;
    prune(*plan.storage, call.log);
    wait_for_uploader(call, *plan.storage);
  }
  if (deletions > 0 && plan.decision.verdict == Verdict::off)
    remark(call, counted(deletions, "deletion") + " still to be confirmed by a server: no run asks again now, but `" +
                     call.typed + " send` does");
  return (std::max)(answer_decision(call, plan, false, dropped), remembered);
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
