#pragma once
// What all subcommands share: the call, the ways to answer, and how things stand.

#include <cerrno>
#include <cstdio>

#include "../store/client_id.hpp"
#include "../../command.hpp"
#include "../consent/command_line.hpp"
#include "../consent/rules.hpp"
#include "../consent/notice.hpp"
#include "../os/platform.hpp"
#include "../store/storage.hpp"
#include "../base/json.inl"
#include "../consent/notice.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

enum ExitCode { done = 0, failed = 1, usage_error = 2 };

constexpr std::chrono::seconds time_for_state{5};  // that another process may hold state.json, until it is told

/// `mytool usage-stats NAME ...`, parsed.
struct Call {
  const Options& options;
  std::string name;
  bool json = false, wire = false;
  std::string format;                    // of `describe`; empty: not given
  std::optional<std::size_t> count{};    // of `show`
  std::optional<std::string> message{};  // of `preview`
  Log log;
  std::string typed = typed_command(options);  // "mytool usage-stats"
};

/// The first error of standard output; 0: none.
USAGE_STATS_INLINE int& output_error() noexcept {
  static int error = 0;
  return error;
}

/// What has come to nothing is told at the end of the command, and not tried again: half a text is worse than none.
USAGE_STATS_INLINE void print(std::string_view text) {
  if (output_error() != 0) return;
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) output_error() = errno != 0 ? errno : EIO;
}

USAGE_STATS_INLINE void print_json(const Json& json) { print(json_text(json, 2) + "\n"); }

/// An error or a remark, for standard error.
USAGE_STATS_INLINE void remark(const Call& call, const std::string& text) {
  os::write_to_standard_error(call.typed + ": " + plain_text(text) + "\n");
}

USAGE_STATS_INLINE int fail(const Call& call, const std::string& text) {
  remark(call, text);
  if (call.json) print_json(Json{{"error", plain_text(text)}});
  return failed;
}

/// "  label        text", the text wrapped into 80 columns; nothing for an empty text.
USAGE_STATS_INLINE std::string row(const std::string& label, const std::string& text) {
  constexpr int indent = 16;
  std::string rows;
  if (text.empty()) return rows;
  for (const std::string& line : notice_impl::wrap(plain_text(text), 80 - indent)) {
    std::string head = rows.empty() ? "  " + label : "";
    head.resize(static_cast<std::size_t>((std::max)(indent, static_cast<int>(head.size()) + 1)), ' ');
    rows += head + line + "\n";
  }
  return rows;
}

USAGE_STATS_INLINE std::string time_text(Seconds seconds) {
  const std::string text = timestamp(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
  return text.substr(0, 19) + "Z";  // whole seconds
}

USAGE_STATS_INLINE const char* verdict_name(Verdict verdict) noexcept {
  return verdict == Verdict::on ? "on" : verdict == Verdict::local ? "local" : "off";
}

USAGE_STATS_INLINE const char* protocol_name(Protocol protocol) noexcept {
  return protocol == Protocol::otlp ? "otlp" : protocol == Protocol::amplitude ? "amplitude" : "json";
}

/// What is wrong with the program or the process, so that nothing may be touched; empty if nothing is.
USAGE_STATS_INLINE std::string obstacle(const Options& options) {
  if (os::elevated()) return "the program runs with more rights than its user (setuid)";
  if (const auto home = os::foreign_home(); !home.empty()) return anothers_home(home);
  return problem_with(options);
}

/// How things stand, looked at without changing anything.
struct Plan {
  Consent consent;
  Decision decision;
  std::vector<Endpoint> endpoints;  // that a run of now would report to, were it allowed
  Withheld withheld;                // what it would do without
  std::filesystem::path folder;
  std::optional<Storage> storage;  // none: no run has written anything yet, or `problems` says why
  State state;
  std::string folder_problem;  // why the folder is not looked into: what it holds is not known
  std::vector<std::string> problems;
};

USAGE_STATS_INLINE void open_storage(const Options& options, Plan& plan) {
  if (plan.storage || plan.folder.empty()) return;
  std::error_code error;
  plan.storage = Storage::open(plan.folder, options.app, false, error);
  if (plan.storage) plan.storage->be_patient(time_for_state);
  if (plan.storage) {
    plan.state = plan.storage->state_at_opening();
    if (plan.state.damaged)
      plan.problems.push_back((plan.folder / storage_impl::state_file).string() +
                              ": damaged: what it knew is forgotten");
  } else if (error != std::errc::no_such_file_or_directory) {
    plan.folder_problem = plan.folder.string() + ": " + error.message();
    plan.problems.push_back(plan.folder_problem);
  }
}

USAGE_STATS_INLINE Plan plan_of(const Options& options) {
  Plan plan;
  std::string problem = problem_with(options);
  if (problem.empty()) problem = problem_with_declarations();
  if (!problem.empty()) plan.problems.push_back(problem);
  plan.folder_problem = obstacle(options);
  const bool trusted = plan.folder_problem.empty();
  if (trusted) {
    plan.folder = usage_path(options);
    open_storage(options, plan);
    if (plan.folder.empty()) plan.problems.emplace_back("there is no place for reports (no home folder)");
  }
  plan.consent = decide(options, {}, problem, [&] { return plan.state; });
  plan.decision = plan.consent.decision;
  if (!trusted) return plan;
  if (!plan.folder_problem.empty()) {  // a run would find the same
    plan.decision.verdict = Verdict::off;
    plan.decision.why = plan.folder_problem;
  }

  Consent& consent = plan.consent;
  if (consent.policy.file.empty()) consent.policy = read_settings(policy_path(options));
  if (consent.config.file.empty()) consent.config = read_settings(config_path(options));
  for (const Settings* const settings : {&consent.policy, &consent.config})
    if (!settings->problem.empty()) plan.problems.push_back(settings->problem);
  std::string trouble;
  plan.endpoints = effective_endpoints(options, consent.policy, consent.config, trouble);
  if (!trouble.empty()) plan.problems.push_back(trouble);
  if (options.delivery == Delivery::local) plan.endpoints.clear();
  plan.withheld = withheld_now(options, consent, plan.state);
  if (plan.decision.verdict == Verdict::on && plan.endpoints.empty()) {
    plan.decision.verdict = Verdict::local;
    plan.decision.why +=
        options.delivery == Delivery::local ? "; the program keeps its reports local" : "; there is no endpoint";
  }
  const auto is_new = [&](const Endpoint& endpoint) { return plan.withheld.from(endpoint); };
  auto& endpoints = plan.endpoints;
  endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(), is_new), endpoints.end());
  if (plan.decision.verdict == Verdict::on && endpoints.empty()) {
    plan.decision.verdict = Verdict::local;
    plan.decision.why += unannounced_recipients;
  }
  return plan;
}

/// The options that say what a report of now would hold.
USAGE_STATS_INLINE const Options& disclosed(const Options& options, const Plan& plan) noexcept {
  return plan.withheld.instead ? *plan.withheld.instead : options;
}

/// The endpoint of an address that a report has gone to: one of those that hold now, or one that the program names;
/// else it stood in the place of the program's first, with its protocol.
USAGE_STATS_INLINE Endpoint endpoint_at(const Options& options, const Plan& plan, const std::string& url) {
  for (const std::vector<Endpoint>* const list : {&plan.endpoints, &options.endpoints})
    for (const Endpoint& endpoint : *list)
      if (endpoint.url == url) return endpoint;
  Endpoint then{url};
  if (!options.endpoints.empty()) then.protocol = options.endpoints.front().protocol;
  return then;
}

/// A session of which something lies here.
struct KnownSession {
  std::string client, session;
  std::string text;  // the report, byte for byte
  Json report;
  Json deliveries = Json::array();  // the lines of delivery.json
};

/// The client folders' names.
USAGE_STATS_INLINE std::vector<std::string> client_folders(const Storage& storage) {
  std::vector<std::string> names;
  for (const auto& entry : storage.folder().list(storage_impl::most_entries, storage_impl::is_client))
    if (entry.folder) names.push_back(entry.name);
  return names;
}

USAGE_STATS_INLINE Json deliveries_of(const os::Folder& session) {
  std::error_code error;
  const auto text = session.read(storage_impl::delivery_file, limits::file_bytes, error);
  const auto json = text ? parse_json(*text) : std::nullopt;
  const Json* const list = json ? member(*json, "deliveries") : nullptr;
  return list != nullptr && list->is_array() ? *list : Json::array();
}

/// All reports that can be read, the newest first.
USAGE_STATS_INLINE std::vector<KnownSession> known_sessions(const Storage& storage) {
  std::vector<KnownSession> sessions;
  std::error_code error;
  for (const std::string& client : client_folders(storage)) {
    const os::Folder folder = storage.folder().folder(client, false, error);
    if (!folder) continue;
    for (const auto& entry : folder.list(storage_impl::most_entries, is_id)) {
      const os::Folder session = entry.folder ? folder.folder(entry.name, false, error) : os::Folder();
      if (!session) continue;
      auto text = session.read(storage_impl::report_file, limits::file_bytes, error);
      auto json = text ? parse_json(*text) : std::nullopt;
      if (!json || !json->is_object()) continue;
      sessions.push_back({client, entry.name, std::move(*text), std::move(*json), deliveries_of(session)});
    }
  }
  std::stable_sort(sessions.begin(), sessions.end(), [](const KnownSession& a, const KnownSession& b) {
    return string_member(a.report, "started_at") > string_member(b.report, "started_at");
  });
  return sessions;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
