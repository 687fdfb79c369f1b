#pragma once
// What would a run do now? A run, `status`, `preview`, `send` and the notice all use this answer, so they cannot
// disagree.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "../record/disclosure.hpp"
#include "../store/storage.hpp"
#include "rules.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// For commands: how long another process may hold state.json before they report it.
constexpr std::chrono::seconds time_for_state{5};

struct Plan {
  USAGE_STATS_SPECIAL_MEMBERS(Plan, maps_move_quietly);

  enum class Notice { none, question, first, new_data };

  Consent consent;                  // which rule applies, and the settings files as far as they were read
  Decision decision;                // the final verdict; only conclude() assigns it
  std::vector<Endpoint> endpoints;  // where a run would report to now, if it were allowed
  bool keeps_local = false;         // Delivery::local
  Withheld withheld;                // what it would do without
  Notice notice = Notice::none;     // what is due if somebody can see it
  std::string problem;              // the author's mistake
  std::string endpoint_problem;     // what is wrong with an address
  std::filesystem::path folder;
  std::optional<Storage> storage;  // none: no run has written anything yet, or `problems` says why
  std::shared_ptr<const State> state = std::make_shared<const State>();  // as it was when the folder was opened
  std::string folder_problem;    // why the folder is not read: what it contains is unknown
  std::string write_problem;     // why nothing can be recorded there, although its contents are known
  std::error_code folder_error;  // the reason for either, if the system or a refusal gives one
  bool folder_missing = false;   // it is known that there is none
  std::vector<std::string> problems;

  /// Opens the folder unless it is open; with `create`, for writing. If it cannot be used: false, and `folder_problem`
  /// says why.
  bool open_folder(const Options&, bool create);
  /// Which recipients, what is withheld, which notice is due; needs the state.
  void complete(const Options&);
  /// The verdict of the rules or of the user's answer, reduced if nothing can be recorded or sent.
  void conclude(Decision said);
  /// Why nothing can be recorded in the folder; empty if no reason is known.
  const std::string& obstacle_in_folder() const noexcept {
    return folder_problem.empty() ? write_problem : folder_problem;
  }
  /// Nothing can be recorded, whatever the rules say.
  void turn_off(const std::string& why);
};

/// Only the rules, which read as little as possible. For a run, which then opens the folder and calls complete().
Plan plan_by_rules(const Options&, const std::vector<std::string>& arguments);
/// All of it, looked at without changing anything.
Plan plan_of(const Options&);

/// The endpoints that a run would report to if it were allowed; none if reports stay on this machine.
std::vector<Endpoint> recipients(const Options&, const Consent&);
/// Somebody has switched it on by hand.
bool by_hand(const Decision&) noexcept;
/// The options that determine what a report would contain now.
inline const Options& disclosed(const Options& options, const Plan& plan) noexcept {
  return plan.withheld.instead ? *plan.withheld.instead : options;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
