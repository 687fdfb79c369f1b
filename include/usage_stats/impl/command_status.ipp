#pragma once

#include <set>

#include "command_standing.ipp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

/// Both, if both are set: one alone would change nothing.
USAGE_STATS_INLINE std::string unset_no_telemetry(const std::string& prefix) {
  std::string names;
  for (const char* const suffix : {"_NO_TELEMETRY", "_DISABLE_TELEMETRY"})
    if (platform::variable((prefix + suffix).c_str())) names += (names.empty() ? "" : " and ") + prefix + suffix;
  return "unset " + names;
}

/// What the user can do to change the verdict, each of which does.
USAGE_STATS_INLINE std::string how_to_change(const Options& options, const Standing& standing) {
  const std::string prefix = environment_prefix(options.app), enabled = prefix + "_USAGE_STATS_ENABLED";
  const Decision& decision = standing.decision;
  const std::string command = typed_command(options) + " ";
  if (!platform::foreign_home().empty() && decision.rule == 1) return "run it as that user, or with a HOME of your own";
  if (!standing.folder_problem.empty() && decision.why == standing.folder_problem && decision.rule != 1)
    return "mend or remove what is named, or ask the program's author for another place";
  switch (decision.rule) {
    case 1:
      return "a matter for the program's author, or for how it was started";
    case 2:
      return "unset " + enabled;
    case 3:
      return unset_no_telemetry(prefix);
    case 4:
      return "unset DO_NOT_TRACK";
    case 5:
      return "leave out --disable-usage-stats";
    case 6:
      return (decision.verdict == Verdict::off ? "" : "set " + enabled + "=0, or ") +
             "ask whoever administers this machine to change " + standing.consent.policy.file.string();
    case 7:
      return "set " + enabled + "=0";  // to unset it might leave them on by a weaker rule
    case 8:
      return "set " + enabled + "=1";
    case 10:
      return "mend or remove " +
             (standing.consent.policy.problem.empty() ? standing.consent.config : standing.consent.policy)
                 .file.string();
    default:
      break;
  }
  const bool kept_local = decision.verdict == Verdict::local && standing.consent.decision.verdict == Verdict::on;
  if (kept_local) return command + "disable";  // there is no endpoint: on is all that it can be
  if (decision.verdict == Verdict::local) return command + "enable, or " + command + "disable";
  return command + (decision.verdict == Verdict::off ? "enable" : "disable");
}

/// Why the verdict is as it is: what a run of now would do, where that is not what earlier runs did.
USAGE_STATS_INLINE std::string why(const Standing& standing) {
  if (!standing.folder_problem.empty()) return standing.decision.why;
  if (standing.consent.ask) return "you have not been asked yet; the next run asks";
  if (standing.consent.show_notice && standing.decision.verdict != Verdict::on)
    return "the notice has not been shown yet; the next run shows it, those after it send";
  return standing.decision.why;
}

constexpr const char* cannot_be_told =
    "unknown: the folder cannot be looked into";  // what lies in a folder that is not used

/// What waits to be sent, and why.
struct Waiting {
  bool incomplete = false;  // some cannot be read
  std::size_t reports = 0, deletions = 0;
  Seconds next_try = 0;    // 0: at once
  std::string last_error;  // of the newest try that failed
  std::string held;        // why one is not sent, as far as that is a matter of consent
  std::map<std::string, std::size_t> reasons{};  // why it is not sent yet, and how many have that reason
  Storage::LeftAlone left{};
};

/// All that the answer to permission_for() hangs on.
USAGE_STATS_INLINE std::string question_of(const Label& label) {
  return std::to_string(label.rule) + platform::path_bytes(label.config_file) + '\0' +
         platform::path_bytes(label.policy_file);
}

/// What the uploader would say of them; of many only what differs is asked.
USAGE_STATS_INLINE std::string why_held(const State& state, const std::vector<Label>& labels) {
  std::set<std::string> asked;
  for (const Label& label : labels) {
    if (label.deletion || !asked.insert(question_of(label)).second) continue;
    const Permission permission = permission_for(label, state);
    if (permission.leave == Leave::unclear) return "they wait, for " + permission.why;
    if (permission.leave == Leave::withdrawn) return "they will be dropped, for " + permission.why;
  }
  return {};
}

USAGE_STATS_INLINE std::string error_of(const Json& line) {
  const std::int64_t status = integer_member(line, "http_status");
  const std::string detail = string_member(line, "detail");
  return status == 0 ? detail : "status " + std::to_string(status) + (detail.empty() ? "" : ": " + detail);
}

/// Why a report waits, in words, as far as they can be found in this folder and this process.
class Reasons {
 public:
  Reasons(const Options& options, const Standing& standing) : options_(options), standing_(standing) {
    const auto is_lock = [](std::string_view name) { return name == uploader_impl::lock_file; };
    for (const auto& entry : standing.storage->folder().list(1, is_lock))
      if (entry.size == 0) idle_start_ = std::chrono::system_clock::to_time_t(entry.modified);
    at_work_ = platform::LockedFile::held(standing.storage->folder(), uploader_impl::lock_file);
  }

  std::string of(const Label& label) {
    if (!label.deletion) {
      const std::string question = question_of(label);
      if (answers_.count(question) == 0) answers_[question] = permission_for(label, standing_.state);
      const Permission& permission = answers_[question];
      if (permission.leave == Leave::unclear) return permission.why;
      if (permission.leave == Leave::withdrawn) return "it will be dropped, for " + permission.why;
    }
    if (label.in_use_elsewhere) return "its run was on another machine or container, which may be sending it";
    const std::string tried = last_try(label);
    if (!tried.empty()) return tried;
    if (at_work_) return "it is being sent now";
    for (const Destination& to : label.destinations)
      if (to.attempts > 0) return "the uploader was ended in the middle of a try; the next one tries again";
    return not_taken_up(label);
  }

 private:
  /// The error of its own last try, or of the last one at its server; empty if there is none.
  std::string last_try(const Label& label) const {
    const State& state = standing_.state;
    const auto json = parse_json(standing_.storage->deliveries(label));
    const Json* const lines = json ? member(*json, "deliveries") : nullptr;
    for (const Destination& to : label.destinations) {
      const std::string& url = to.endpoint.url;
      const auto pause = state.backoff.find(url);
      std::string why = pause == state.backoff.end() ? std::string() : pause->second.why;
      if (lines != nullptr && lines->is_array())
        for (const Json& line : *lines)
          if (string_member(line, "endpoint") == url && string_member(line, "result") == "again later")
            why = error_of(line);
      const bool paused = pause != state.backoff.end() && !uploader_impl::passed(pause->second.not_before);
      if (why.empty() && paused) why = "it gave no answer";
      if (!why.empty()) return url + ": " + why;
    }
    return {};
  }
  std::string not_taken_up(const Label& label) const {
    if (options_.delivery == Delivery::in_process) return "no run has had the time to send it; the next one tries";
    if (!can_start_uploader()) return cannot_start_itself;
    if (!platform::finds_own_executable())
      return "this program's file is not found (/proc?), so that it cannot start itself";
    if (idle_start_ >= label.created)
      return "an uploader was started at " + time_text(idle_start_) +
             " and came to nothing before its first step: the program could not be loaded again, or was ended";
    return "no uploader has come to it yet; the next run starts one";
  }

  const Options& options_;
  const Standing& standing_;
  std::map<std::string, Permission> answers_;
  Seconds idle_start_ = 0;  // of an uploader that has done nothing; 0: there is no sign of such
  bool at_work_ = false;
};

USAGE_STATS_INLINE Waiting look_at_waiting(const Options& options, const Standing& standing) {
  Waiting waiting;
  if (!standing.storage) return waiting;
  const std::vector<Label> labels = standing.storage->waiting(&waiting.incomplete);
  waiting.held = why_held(standing.state, labels);
  waiting.left = standing.storage->left_alone();
  Reasons reasons(options, standing);
  for (const Label& label : labels) ++waiting.reasons[reasons.of(label)];
  std::optional<Seconds> next;
  for (const Label& label : labels) {
    ++(label.deletion ? waiting.deletions : waiting.reports);
    for (const Destination& destination : label.destinations) {
      const auto backoff = standing.state.backoff.find(destination.endpoint.url);
      const Seconds pause = backoff == standing.state.backoff.end() ? 0 : backoff->second.not_before;
      const Seconds due = (std::max)(destination.not_before, pause);
      next = next ? (std::min)(*next, due) : due;
    }
  }
  if (next && *next > now_seconds()) waiting.next_try = *next;
  std::error_code error;
  std::string newest;
  const std::size_t first = labels.size() > 20 ? labels.size() - 20 : 0;  // a look, not a search
  for (std::size_t i = first; i < labels.size(); ++i) {
    const platform::Folder client = standing.storage->folder().folder(labels[i].client_id, false, error);
    const platform::Folder session = client ? client.folder(labels[i].session_id, false, error) : platform::Folder();
    if (!session) continue;
    for (const Json& line : deliveries_of(session)) {
      if (string_member(line, "result") == "delivered" || string_member(line, "at") <= newest) continue;
      newest = string_member(line, "at");
      const std::int64_t status = integer_member(line, "http_status");
      waiting.last_error = string_member(line, "endpoint") + ": " +
                           (status == 0 ? string_member(line, "detail") : "status " + std::to_string(status));
    }
  }
  return waiting;
}

USAGE_STATS_INLINE bool endpoint_stopped(const Options& options, const State& state, const std::string& url) {
  const auto& stopped = state.stopped;
  return std::find(stopped.begin(), stopped.end(), options.version + " " + url) != stopped.end();
}

/// The id that reports carry; empty while there is none, and where each run has its own.
USAGE_STATS_INLINE std::string shown_client_id(const Options& options, const State& state) {
  return options.client_id == ClientId::session ? std::string() : client_id_of(options, state);
}

USAGE_STATS_INLINE bool uploader_at_work(const Standing& standing) {
  return standing.storage && platform::LockedFile::held(standing.storage->folder(), uploader_impl::lock_file);
}

USAGE_STATS_INLINE Json status_json(const Options& options, const Standing& standing, const Waiting& waiting) {
  const State& state = standing.state;
  Json json = {{"app", options.app},
               {"version", options.version},
               {"verdict", verdict_name(standing.decision.verdict)},
               {"rule", standing.decision.rule},
               {"why", why(standing)},
               {"change", how_to_change(options, standing)},
               {"purpose", options.purpose},
               {"policy_url", options.policy_url},
               {"contact", options.contact}};
  Json& endpoints = json["endpoints"] = Json::array();
  for (const Endpoint& endpoint : standing.endpoints) {
    Json entry = {{"url", endpoint.url}, {"protocol", protocol_name(endpoint.protocol)}};
    if (const auto pause = state.backoff.find(endpoint.url);
        pause != state.backoff.end() && pause->second.not_before > now_seconds())
      entry["not_before"] = time_text(pause->second.not_before);
    if (endpoint_stopped(options, state, endpoint.url)) entry["stopped"] = true;
    endpoints.push_back(std::move(entry));
  }
  Json& withheld = json["withheld"] = Json::array();
  for (const NewData& data : standing.withheld.data)
    if (data.withheld) withheld.push_back(data.text);
  const bool known = standing.folder_problem.empty();  // else null: nobody can tell
  if (const std::string id = shown_client_id(disclosed(options, standing), state); !id.empty() || !known)
    json["client_id"] = known ? Json(id) : Json();
  json["folder"] = standing.folder.string();
  json["config_file"] = standing.consent.config.file.string();
  json["policy_file"] = standing.consent.policy.file.string();
  Json& queue = json["waiting"] = {{"reports", waiting.reports}, {"deletions", waiting.deletions}};
  if (waiting.next_try != 0) queue["not_before"] = time_text(waiting.next_try);
  if (!waiting.last_error.empty()) queue["last_error"] = waiting.last_error;
  if (!waiting.held.empty()) queue["held"] = waiting.held;
  for (const auto& [why, count] : waiting.reasons) queue["reasons"].push_back({{"count", count}, {"why", why}});
  for (const auto& [name, count] : {std::pair{"vanished", waiting.left.vanished},
                                    {"elsewhere", waiting.left.elsewhere},
                                    {"newer", waiting.left.newer}})
    if (count > 0) queue[name] = count;
  if (!known || waiting.incomplete) queue["reports"] = queue["deletions"] = nullptr;
  json["uploader_at_work"] = uploader_at_work(standing);
  if (state.last_sent != 0) json["last_sent"] = time_text(state.last_sent);
  json["sent"] = known ? Json(state.sent) : Json();
  json["failed"] = known ? Json(state.failed) : Json();
  json["dropped"] = known ? Json(state.dropped) : Json();
  json["problems"] = standing.problems;
  return json;
}

USAGE_STATS_INLINE std::string waiting_text(const Standing& standing, const Waiting& waiting) {
  if (!standing.folder_problem.empty()) return cannot_be_told;
  if (waiting.incomplete) return "unknown: " + (standing.folder / "pending").string() + " cannot be read";
  std::string text = waiting.reports == 1 ? "1 report" : std::to_string(waiting.reports) + " reports";
  if (waiting.deletions > 0)
    text += " and " + std::to_string(waiting.deletions) + (waiting.deletions == 1 ? " deletion" : " deletions");
  if (waiting.reports + waiting.deletions == 0) return "nothing";
  if (uploader_at_work(standing)) text += "; being sent now";
  if (waiting.next_try != 0) text += "; tried again after " + time_text(waiting.next_try);
  if (!waiting.held.empty()) text += "; " + waiting.held;
  if (!waiting.last_error.empty()) text += "; last try: " + waiting.last_error;
  return text;
}

/// Why it waits, and what else lies there, in rows.
USAGE_STATS_INLINE std::string waiting_rows(const Waiting& waiting) {
  std::string rows;
  constexpr std::size_t most = 8;
  std::size_t count = 0;
  for (const auto& [why, reports] : waiting.reasons)
    if (++count <= most) rows += row("", std::to_string(reports) + ": " + why);
  if (count > most) rows += row("", "and " + std::to_string(count - most) + " more reasons (--json has them all)");
  const Storage::LeftAlone& left = waiting.left;
  if (left.vanished > 0)
    rows += row("vanished", std::to_string(left.vanished) + " runs; the next uploader reports them");
  if (left.elsewhere > 0)
    rows += row("elsewhere", std::to_string(left.elsewhere) +
                                 " runs on other machines or in other containers, left alone for a day");
  if (left.newer > 0)
    rows += row("newer", std::to_string(left.newer) + " reports of a newer version of this program, left to that");
  return rows;
}

/// What is new and no notice has named yet.
USAGE_STATS_INLINE std::string withheld_text(const Standing& standing) {
  constexpr std::size_t most = 8;
  std::string text;
  std::size_t count = 0;
  for (const NewData& data : standing.withheld.data)
    if (data.withheld && ++count <= most) text += (text.empty() ? "" : ", ") + data.name;
  if (count == 0) return {};
  if (count > most) text += " and " + std::to_string(count - most) + " more";
  return text + "; until a run at a terminal has named " + (count == 1 ? "it" : "them");
}

USAGE_STATS_INLINE std::string endpoint_rows(const Options& options, const Standing& standing) {
  if (standing.endpoints.empty() && standing.withheld.endpoints.empty())
    return row("endpoint", "none: reports stay on this machine");
  std::string text;
  for (const Endpoint& endpoint : standing.endpoints)
    text += row("endpoint", endpoint.url + " (" + protocol_name(endpoint.protocol) + ")" +
                                (endpoint_stopped(options, standing.state, endpoint.url)
                                     ? "; it wants nothing more from version " + options.version
                                     : std::string()));
  return text;
}

USAGE_STATS_INLINE int status(const Call& call) {
  const Options& options = call.options;
  const Standing standing = look(options);
  const Waiting waiting = look_at_waiting(options, standing);
  if (call.json) return print_json(status_json(options, standing, waiting)), done;
  const Verdict verdict = standing.decision.verdict;
  const State& state = standing.state;
  const Options& reported = disclosed(options, standing);
  const std::string id = shown_client_id(reported, state);
  std::string text = plain_text(options.app + " " + options.version) + ": usage statistics are " +
                     (verdict == Verdict::on      ? "on\n"
                      : verdict == Verdict::local ? "local: recorded on this machine, not sent\n"
                                                  : "off\n");
  text += row("because", why(standing) + " (rule " + std::to_string(standing.decision.rule) + ")");
  text += row("to change", how_to_change(options, standing));
  text += endpoint_rows(options, standing);
  text += row("withheld", withheld_text(standing));
  text += row("purpose", options.purpose);
  text += row("policy", options.policy_url);
  text += row("contact", options.contact);
  text += row("client id", reported.client_id == ClientId::session ? "a new one for each run"
                           : !standing.folder_problem.empty()      ? cannot_be_told
                           : id.empty()                            ? "none yet"
                                                                   : id);
  text += row("reports in", standing.folder.string());
  text += row("waiting", waiting_text(standing, waiting)) + waiting_rows(waiting);
  if (standing.folder_problem.empty()) {
    text += row("last sent", state.last_sent == 0 ? "never" : time_text(state.last_sent));
    text += row("in all", std::to_string(state.sent) + " sent, " + std::to_string(state.failed) + " tries failed, " +
                              std::to_string(state.dropped) + " dropped");
  }
  for (const std::string& problem : standing.problems) text += row("problem", problem);
  print(text);
  return done;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
