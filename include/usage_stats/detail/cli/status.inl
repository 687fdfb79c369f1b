#pragma once

#include "waiting.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// How to remove all of these variables that are set and say no; removing only one would change nothing. No shell can
/// unset a variable that begins with a digit.
USAGE_STATS_INLINE std::string unset_all(const Options& options, const std::vector<std::string>& suffixes,
                                         bool (*says_no)(const std::string& name)) {
  std::string names, plain;
  for (const std::string& prefix : prefixes_of_no(options.app))
    for (const std::string& suffix : suffixes) {
      const std::string name = prefix + suffix;
      if (!says_no(name)) continue;
      if (name[0] >= '0' && name[0] <= '9')
        plain += " -u " + name;
      else
        names += (names.empty() ? "" : " and ") + name;
    }
  if (plain.empty()) return "unset " + names;
  return (names.empty() ? "" : "unset " + names + ", and ") + "start it with env" + plain + " in front";
}

/// What to do about a folder in which nothing can be recorded. If its path is the problem, the variable that determines
/// it can lead to another folder.
USAGE_STATS_INLINE std::string how_to_fix_folder(const Options& options, const Plan& plan) {
  const std::error_code error = plan.folder_error;
  const std::string variable = variable_of_usage_path(options);
  if (plan.folder.empty()) return "set " + variable + " to your home folder";
  bool elsewhere = error == std::errc::no_such_file_or_directory || has_no_locks(error);
  for (const std::errc kind :
       {std::errc::not_a_directory, std::errc::permission_denied, std::errc::read_only_file_system,
        std::errc::too_many_symbolic_link_levels, std::errc::filename_too_long, std::errc::no_space_on_device})
    elsewhere = elsewhere || (error == kind && error.category() != os::in_state_file(error).category());
  if (elsewhere && !variable.empty()) return "set " + variable + " to a folder that you can write to";
  return "repair or remove what is named above, or ask the program's author to use another folder";
}

/// Whether `enable` and `disable` can store the decision.
USAGE_STATS_INLINE bool config_can_be_written(const Options& options) {
  const std::filesystem::path config = config_path(options);
  return !config.empty() && !os::check_writable(config.parent_path());
}

/// The command that changes the verdict, or, if the command could not write, the variable that does.
USAGE_STATS_INLINE std::string how_to_decide(const Options& options, const Plan& plan) {
  const bool by_command = config_can_be_written(options);
  const std::string start = by_command ? typed_command(options) : "set " + environment_prefix(options.app);
  const std::string to_enable = start + (by_command ? " enable" : "_USAGE_STATS_ENABLED=1");
  std::string to_disable = start + (by_command ? " disable" : "_USAGE_STATS_ENABLED=0");
  const Verdict verdict = plan.decision.verdict;
  const bool kept_local = verdict == Verdict::local && plan.consent.decision.verdict == Verdict::on;
  if (kept_local) return to_disable;  // there is no endpoint: on is all that it can be
  if (verdict == Verdict::local) return to_enable + ", or " + to_disable;
  return verdict == Verdict::off ? to_enable : to_disable;
}

/// What the user can do to change the verdict; each of these does.
USAGE_STATS_INLINE std::string how_to_change(const Options& options, const Plan& plan) {
  const std::string enabled = environment_prefix(options.app) + "_USAGE_STATS_ENABLED";
  const Decision& decision = plan.decision;
  if (!os::foreign_home().empty() && decision.rule == 1)
    return "run it as that user, or set HOME to your own home folder";
  if (!plan.obstacle_in_folder().empty() && decision.why == plan.obstacle_in_folder() && decision.rule != 1)
    return how_to_fix_folder(options, plan);
  switch (decision.rule) {
    case 1:
      return "ask the program's author, or start the program in another way";
    case 2:
      return unset_all(options, {"_USAGE_STATS_ENABLED"}, [](const std::string& name) {
        std::string text;
        return consent_impl::enabled_switch(name, text) == consent_impl::Switch::off;
      });
    case 3:
      return unset_all(options, {"_NO_TELEMETRY", "_DISABLE_TELEMETRY"},
                       [](const std::string& name) { return os::variable(name.c_str()).has_value(); });
    case 4:
      return "unset DO_NOT_TRACK";
    case 5:
      return "leave out --disable-usage-stats";
    case 6:
      return (decision.verdict == Verdict::off ? "" : "set " + enabled + "=0, or ") +
             "ask whoever administers this machine to change " + os::path_bytes(plan.consent.policy.file);
    case 7:
      return "set " + enabled + "=0";  // to unset it might leave them on by a weaker rule
    case 8:
      return "set " + enabled + "=1";
    case 10:
      if (plan.consent.policy.problem.empty() && plan.consent.config.file.empty())
        return "set " + variable_of_config_path(options) + " to your home folder";
      return "repair or remove " +
             os::path_bytes((plan.consent.policy.problem.empty() ? plan.consent.config : plan.consent.policy).file);
    default:
      break;
  }
  return how_to_decide(options, plan);
}

/// The reason for the verdict: what a run would do now, if that differs from what earlier runs did.
USAGE_STATS_INLINE std::string why(const Plan& plan) {
  if (!plan.obstacle_in_folder().empty()) return plan.decision.why;
  if (plan.consent.ask) return "you have not been asked yet; the next run will ask";
  if (plan.consent.show_notice && plan.decision.verdict != Verdict::on)
    return "the notice has not been shown yet; the next run will show it, and later runs will send reports";
  return plan.decision.why;
}

constexpr const char* cannot_be_told =
    "unknown: the usage folder cannot be used";  // what lies in a folder that is not used

/// The id in the reports; empty while there is none, and if each run has its own.
USAGE_STATS_INLINE std::string shown_client_id(const Options& options, const State& state) {
  return options.client_id == ClientId::session ? std::string() : client_id_of(options, state);
}

USAGE_STATS_INLINE bool at_work(const Plan& plan) { return plan.storage && uploader_at_work(*plan.storage); }

/// Tries what the next run would do there, and leaves nothing behind.
USAGE_STATS_INLINE void try_folder(Plan& plan) {
  if (plan.decision.verdict == Verdict::off || plan.folder.empty()) return;
  const char* const problem = os::LockedFile::problem_in(plan.folder, plan.folder_error);
  if (!plan.folder_error) return;
  plan.write_problem = os::path_bytes(plan.folder) + ": " + problem + ": " + plan.folder_error.message();
  plan.problems.push_back(plan.write_problem);
  plan.turn_off(plan.write_problem);
}

USAGE_STATS_INLINE void write_endpoints(JsonWriter& json, const Options& options, const Plan& plan) {
  json.key("endpoints").begin_list();
  for (const Endpoint& endpoint : plan.endpoints) {
    json.begin_object();
    json.key("url").text(endpoint.url);
    json.key("protocol").text(protocol_name(endpoint.protocol));
    if (const Seconds pause = plan.state->paused_until(endpoint.url); pause > now_seconds())
      json.key("not_before").text(time_text(pause));
    if (plan.state->is_stopped(options.version, endpoint.url)) json.key("stopped").flag(true);
    json.end_object();
  }
  json.end_list();
  json.key("withheld").begin_list();
  for (const NewData& data : plan.withheld.data)
    if (data.withheld) json.text(data.text);
  json.end_list();
}

/// A number, or null if it is unknown.
USAGE_STATS_INLINE void put_count(JsonWriter& json, const char* name, bool known, std::int64_t count) {
  json.key(name);
  known ? json.integer(count) : json.null();
}

USAGE_STATS_INLINE void write_waiting(JsonWriter& json, const WaitingReports& waiting, bool known) {
  json.key("waiting").begin_object();
  put_count(json, "reports", known && !waiting.incomplete, static_cast<std::int64_t>(waiting.reports));
  put_count(json, "deletions", known && !waiting.incomplete, static_cast<std::int64_t>(waiting.deletions));
  if (waiting.next_try != 0) json.key("not_before").text(time_text(waiting.next_try));
  put_text(json, "last_error", waiting.last_error);
  put_text(json, "held", waiting.held);
  if (!waiting.reasons.empty()) json.key("reasons").begin_list();
  for (const auto& [why, count] : waiting.reasons) {
    json.begin_object();
    json.key("count").positive(count);
    json.key("why").text(why);
    json.end_object();
  }
  if (!waiting.reasons.empty()) json.end_list();
  for (const auto& [name, count] : {std::pair{"vanished", waiting.left.vanished},
                                    {"elsewhere", waiting.left.elsewhere},
                                    {"newer", waiting.left.newer}})
    if (count > 0) json.key(name).positive(count);
  json.end_object();
}

USAGE_STATS_INLINE void write_drops(JsonWriter& json, const Plan& plan) {
  const auto drops = last_drops(plan);
  if (drops.empty()) return;
  json.key("last_drops").begin_list();
  for (const auto& [endpoint, drop] : drops) {
    json.begin_object();
    json.key("endpoint").text(endpoint);
    json.key("at").text(drop.at);
    json.key("why").text(drop.why);
    json.end_object();
  }
  json.end_list();
}

USAGE_STATS_INLINE void print_status_json(const Options& options, const Plan& plan, const WaitingReports& waiting) {
  const State& state = *plan.state;
  JsonWriter json(true);
  json.begin_object();
  json.key("app").text(options.app);
  json.key("version").text(options.version);
  json.key("verdict").text(verdict_name(plan.decision.verdict));
  json.key("rule").integer(plan.decision.rule);
  json.key("why").text(why(plan));
  json.key("change").text(how_to_change(options, plan));
  json.key("purpose").text(options.purpose);
  json.key("policy_url").text(options.policy_url);
  json.key("contact").text(options.contact);
  write_endpoints(json, options, plan);
  const bool known = plan.folder_problem.empty();  // else null: nobody can tell
  const std::string id = shown_client_id(disclosed(options, plan), state);
  if (!known)
    json.key("client_id").null();
  else
    put_text(json, "client_id", id);
  json.key("folder").text(os::path_bytes(plan.folder));
  json.key("config_file").text(os::path_bytes(plan.consent.config.file));
  json.key("policy_file").text(os::path_bytes(plan.consent.policy.file));
  write_waiting(json, waiting, known);
  json.key("uploader_at_work").flag(at_work(plan));
  if (state.last_sent != 0) json.key("last_sent").text(time_text(state.last_sent));
  put_count(json, "sent", known, state.sent);
  put_count(json, "failed", known, state.failed);
  put_count(json, "dropped", known, state.dropped);
  write_drops(json, plan);
  put_list(json, "problems", plan.problems);
  json.end_object();
  print_json(json);
}

USAGE_STATS_INLINE std::string waiting_text(const Plan& plan, const WaitingReports& waiting) {
  if (!plan.folder_problem.empty()) return cannot_be_told;
  if (waiting.incomplete)
    return "unknown: " + os::path_bytes(plan.folder / storage_impl::pending_folder) + " cannot be read";
  std::string text = counted(waiting.reports, "report");
  if (waiting.deletions > 0) text += " and " + counted(waiting.deletions, "deletion");
  if (waiting.reports + waiting.deletions == 0) return "nothing";
  if (at_work(plan) && sender_stopped(*plan.storage).empty()) text += "; being sent now";
  if (waiting.next_try != 0) text += "; next attempt after " + time_text(waiting.next_try);
  if (!waiting.held.empty()) text += "; " + waiting.held;
  if (!waiting.last_error.empty()) text += "; last attempt: " + waiting.last_error;
  return text;
}

/// Why reports wait, and what else is there, as rows.
USAGE_STATS_INLINE std::string waiting_rows(const WaitingReports& waiting) {
  std::string rows;
  constexpr std::size_t most = 8;
  std::size_t count = 0;
  for (const auto& [why, reports] : waiting.reasons)
    if (++count <= most) rows += row("", std::to_string(reports) + ": " + why);
  if (count > most) rows += row("", "and " + counted(count - most, "more reason") + " (--json has them all)");
  const Outbox::LeftAlone& left = waiting.left;
  if (left.vanished > 0)
    rows += row("vanished", counted(left.vanished, "run") + "; the next uploader will report " +
                                (left.vanished == 1 ? "it" : "them"));
  if (left.elsewhere > 0)
    rows += row("elsewhere", counted(left.elsewhere, "run") +
                                 (left.elsewhere == 1 ? " on another machine or in another container"
                                                      : " on other machines or in other containers") +
                                 ", left alone for a day");
  if (left.incomplete) rows += row("unknown", "how many more: active/ or pending/ could not be listed completely");
  if (left.newer > 0)
    rows += row("newer", counted(left.newer, "report") + " of a newer version of this program, left for that version");
  return rows;
}

/// New data that no notice has named yet.
USAGE_STATS_INLINE std::string withheld_text(const Plan& plan) {
  constexpr std::size_t most = 8;
  std::string text;
  std::size_t count = 0;
  for (const NewData& data : plan.withheld.data)
    if (data.withheld && ++count <= most) text += (text.empty() ? "" : ", ") + data.name;
  if (count == 0) return {};
  if (count > most) text += " and " + std::to_string(count - most) + " more";
  return text + "; until a run at a terminal has named " + (count == 1 ? "it" : "them");
}

USAGE_STATS_INLINE std::string endpoint_rows(const Options& options, const Plan& plan) {
  if (plan.endpoints.empty() && plan.withheld.endpoints.empty())
    return row("endpoint", "none: reports stay on this machine");
  std::string text;
  for (const Endpoint& endpoint : plan.endpoints)
    text += row("endpoint", endpoint.url + " (" + protocol_name(endpoint.protocol) + ")" +
                                (plan.state->is_stopped(options.version, endpoint.url)
                                     ? "; it takes no more reports of version " + options.version
                                     : std::string()));
  return text;
}

USAGE_STATS_INLINE int status(const Call& call) {
  const Options& options = call.options;
  Plan plan = plan_of(options);
  try_folder(plan);
  const WaitingReports waiting = look_at_waiting(options, plan);
  if (call.json) return print_status_json(options, plan, waiting), done;
  const Verdict verdict = plan.decision.verdict;
  const State& state = *plan.state;
  const Options& reported = disclosed(options, plan);
  const std::string id = shown_client_id(reported, state);
  std::string text = plain_text(options.app + " " + options.version) + ": usage statistics are " +
                     (verdict == Verdict::on      ? "on\n"
                      : verdict == Verdict::local ? "local: recorded on this machine, not sent\n"
                                                  : "off\n");
  text += row("because", why(plan) + " (rule " + std::to_string(plan.decision.rule) + ")");
  text += row("to change", how_to_change(options, plan), call.typed);
  text += endpoint_rows(options, plan);
  text += row("withheld", withheld_text(plan));
  text += row("purpose", options.purpose);
  text += row("policy", options.policy_url);
  text += row("contact", options.contact);
  text += row("client id", reported.client_id == ClientId::session ? "a new one for each run"
                           : !plan.folder_problem.empty()          ? cannot_be_told
                           : id.empty()                            ? "none yet"
                                                                   : id);
  text += row("reports in", os::path_bytes(plan.folder));
  text += row("waiting", waiting_text(plan, waiting)) + waiting_rows(waiting);
  if (plan.folder_problem.empty()) {
    text += row("last sent", state.last_sent == 0 ? "never" : time_text(state.last_sent));
    text += row("total", std::to_string(state.sent) + " sent, " + std::to_string(state.failed) +
                             (state.failed == 1 ? " attempt failed, " : " attempts failed, ") +
                             std::to_string(state.dropped) + " dropped");
    for (const auto& [endpoint, drop] : last_drops(plan)) text += row("last dropped", endpoint + ": " + drop.why);
  }
  for (const std::string& problem : plan.problems) text += row("problem", problem);
  print(text);
  return done;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
