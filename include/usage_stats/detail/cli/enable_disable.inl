#pragma once

#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// Whether the verdict is what the user has just asked for; else what stands against it, in words.
USAGE_STATS_INLINE std::string still_against(const Plan& plan, bool wanted_on) {
  const Verdict verdict = plan.decision.verdict;
  if (wanted_on ? verdict == Verdict::on : verdict == Verdict::off) return {};
  if (wanted_on && plan.decision.rule == 9 && plan.endpoints.empty()) return {};  // nobody is there to send to
  return std::string(wanted_on ? "but they are " : "but they are still ") + verdict_name(verdict) + ": " +
         plan.decision.why;
}

USAGE_STATS_INLINE int answer_decision(const Call& call, const Plan& plan, bool on, std::size_t dropped) {
  const std::string against = still_against(plan, on);
  const std::string file = config_path(call.options).string();
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
    text += row("to change", how_to_change(call.options, plan));
  } else if (on) {
    text += endpoint_rows(call.options, plan);
    text += row("reports in", plan.folder.string());
    // What has them on may stand above what `disable` writes.
    text += row("to stop it", plan.decision.rule == 9 ? call.typed + " disable" : how_to_change(call.options, plan));
  }
  if (dropped > 0) text += row("dropped", std::to_string(dropped) + " reports that waited to be sent");
  print(text);
  return done;
}

/// Writes the decision into the config file. What is wrong with it, in words; a broken file is not touched.
USAGE_STATS_INLINE std::string write_decision(const Options& options, bool on) {
  const Settings config = read_settings(config_path(options));
  if (!config.problem.empty()) return config.problem + (config.present ? "; it is left as it is" : "");
  return write_verdict(config.file, on);
}

/// Opens the usage folder, which may have to be made: what `enable` and `disable` remember stands there, too.
USAGE_STATS_INLINE std::error_code remember(const Options& options, const std::function<void(State&)>& change) {
  std::error_code error;
  const std::filesystem::path folder = usage_path(options);
  if (folder.empty()) return std::make_error_code(std::errc::no_such_file_or_directory);
  auto storage = Storage::open(folder, options.app, true, error);
  if (!storage) return error;
  storage->be_patient();
  return storage->update_state(change);
}

USAGE_STATS_INLINE int enable(const Call& call) {
  if (const std::string problem = write_decision(call.options, true); !problem.empty()) return fail(call, problem);
  // The answer below tells what the notice would; a folder that cannot be made tells so in `problems` and in each run.
  const Consent before = plan_of(call.options).consent;
  const std::error_code error = remember(call.options, [&](State& state) {
    disclose_all(state.disclosed, call.options, recipients(call.options, before));
    state.said_no = false;
    state.unanswered_prompts = 0;
  });
  if (error) remark(call, usage_path(call.options).string() + ": " + error.message());
  return answer_decision(call, plan_of(call.options), true, 0);
}

USAGE_STATS_INLINE int disable(const Call& call) {
  // First where it holds whatever the variables of this shell say, and whatever is wrong with the config file.
  const std::error_code error = remember(call.options, [](State& state) { state.said_no = true; });
  if (error) remark(call, usage_path(call.options).string() + ": " + error.message());
  if (const std::string problem = write_decision(call.options, false); !problem.empty()) return fail(call, problem);
  Plan plan = plan_of(call.options);
  std::size_t dropped = 0;
  if (plan.storage) {
    collect_vanished(*plan.storage, call.log);
    for (const Envelope& envelope : plan.storage->outbox.waiting())
      if (!envelope.deletion && succeeded(plan.storage->outbox.remove(envelope.session_id))) ++dropped;
    prune(*plan.storage, call.log);
  }
  return answer_decision(call, plan, false, dropped);
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
