#pragma once

#include <algorithm>

#include "../os/platform.hpp"
#include "../record/disclosure.inl"
#include "plan.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
constexpr const char* no_place_for_reports = "there is no place for reports (no home folder)";

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Plan, maps_move_quietly);

namespace plan_impl {

/// What a run must withhold because no notice has named it, if anything is sent at all. With a verdict by rule 6, 7 or
/// 9, somebody has switched it on by hand, and is assumed to know what that version asked for, even if that is nothing.
USAGE_STATS_INLINE Withheld withheld_now(const Options& options, const Plan& plan) {
  const bool sends = plan.consent.decision.verdict == Verdict::on && !plan.endpoints.empty();
  if (!sends || plan.consent.show_notice || (by_hand(plan.consent.decision) && !plan.state->disclosed)) return {};
  const auto author = endpoints_of_author(options, plan.consent.policy, plan.consent.config);
  return withheld_from(options, author, disclosed_before(plan.state->disclosed, options, author));
}

/// What is wrong with the program or the process, so that nothing may be touched; empty if nothing is.
USAGE_STATS_INLINE std::string obstacle(const Options& options) {
  if (os::elevated()) return "the program runs with more privileges than its user (setuid)";
  if (const auto home = os::foreign_home(); !home.empty()) return anothers_home(home);
  return problem_with(options);
}

USAGE_STATS_INLINE std::string problem_of_author(const Options& options) {
  std::string problem = problem_with(options);
  return problem.empty() ? problem_with_declarations() : problem;
}

/// What the folder contains, and whether a run could write there, found out without writing.
USAGE_STATS_INLINE void look_at_folder(const Options& options, Plan& plan) {
  plan.folder = usage_path(options);
  if (plan.folder.empty()) {
    plan.folder_error = std::make_error_code(std::errc::no_such_file_or_directory);
    plan.folder_problem = no_place_for_reports;
  } else if (plan.open_folder(options, false) || plan.folder_missing) {
    plan.folder_error = os::check_writable(plan.folder);
    if (plan.folder_error)
      (plan.storage ? plan.write_problem : plan.folder_problem) =
          os::path_bytes(plan.folder) + ": " + plan.folder_error.message();
  }
  if (plan.storage) plan.storage->be_patient(time_for_state);
  if (plan.state->damaged)
    plan.problems.push_back(os::path_bytes(plan.folder / storage_impl::state_file) +
                            ": damaged: its contents are lost");
  if (!plan.obstacle_in_folder().empty()) plan.problems.push_back(plan.obstacle_in_folder());
}

}  // namespace plan_impl

USAGE_STATS_INLINE bool by_hand(const Decision& decision) noexcept {
  return decision.rule == 6 || decision.rule == 7 || decision.rule == 9;
}

USAGE_STATS_INLINE std::vector<Endpoint> recipients(const Options& options, const Consent& consent) {
  std::string trouble;
  if (options.delivery == Delivery::local) return {};
  return effective_endpoints(options, consent.policy, consent.config, trouble);
}

USAGE_STATS_INLINE bool Plan::open_folder(const Options& options, bool create) {
  if (storage || folder.empty()) return storage.has_value();
  storage = Storage::open(folder, options.app, create, folder_error);
  folder_missing = !create && folder_error == std::errc::no_such_file_or_directory;
  if (storage)
    state = storage->shared_state();
  else if (!folder_missing)
    folder_problem = os::path_bytes(folder) + ": " + folder_error.message();
  return storage.has_value();
}

USAGE_STATS_INLINE void Plan::complete(const Options& options) {
  keeps_local = options.delivery == Delivery::local;
  endpoints = effective_endpoints(options, consent.policy, consent.config, endpoint_problem);
  if (keeps_local) endpoints.clear();
  withheld = plan_impl::withheld_now(options, *this);
  const auto is_new = [&](const Endpoint& endpoint) { return withheld.from(endpoint); };
  endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(), is_new), endpoints.end());
  notice = consent.ask             ? Notice::question
           : consent.show_notice   ? Notice::first
           : withheld.data.empty() ? Notice::none
                                   : Notice::new_data;
  conclude(consent.decision);
}

USAGE_STATS_INLINE void Plan::conclude(Decision said) {
  decision = std::move(said);
  // A run that is not off earlier would find the same.
  if (!obstacle_in_folder().empty() && (decision.verdict != Verdict::off || consent.ask))
    return turn_off(obstacle_in_folder());
  if (decision.verdict != Verdict::on || !endpoints.empty()) return;
  decision.verdict = Verdict::local;
  decision.why += !withheld.endpoints.empty() ? "; no notice has named the server that reports would go to"
                  : keeps_local               ? "; the program keeps its reports local"
                                              : "; there is no endpoint";
}

USAGE_STATS_INLINE void Plan::turn_off(const std::string& why) {
  decision.verdict = Verdict::off;
  decision.why = why;
}

USAGE_STATS_INLINE Plan plan_by_rules(const Options& options, const std::vector<std::string>& arguments) {
  Plan plan;
  plan.problem = plan_impl::problem_of_author(options);
  plan.folder = usage_path(options);
  plan.consent = decide(options, arguments, plan.problem, [&]() -> const State& {
    plan.open_folder(options, false);
    return *plan.state;
  });
  plan.folder_problem.clear();  // preliminary: what counts is what the writing run finds
  plan.decision = plan.consent.decision;
  return plan;
}

USAGE_STATS_INLINE Plan plan_of(const Options& options) {
  Plan plan;
  plan.problem = plan_impl::problem_of_author(options);
  if (!plan.problem.empty()) plan.problems.push_back(plan.problem);
  const std::string obstacle = plan_impl::obstacle(options);
  if (obstacle.empty()) plan_impl::look_at_folder(options, plan);
  plan.consent = decide(options, {}, plan.problem, [&]() noexcept -> const State& { return *plan.state; });
  plan.decision = plan.consent.decision;
  if (!obstacle.empty()) return plan.folder_problem = obstacle, plan;
  Consent& consent = plan.consent;
  if (consent.policy.file.empty()) consent.policy = read_policy(policy_path(options));
  if (consent.config.file.empty()) consent.config = read_settings(config_path(options));
  for (const Settings* const settings : {&consent.policy, &consent.config})
    if (!settings->problem.empty()) plan.problems.push_back(settings->problem);
  plan.complete(options);
  if (!plan.endpoint_problem.empty()) plan.problems.push_back(plan.endpoint_problem);
  return plan;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
