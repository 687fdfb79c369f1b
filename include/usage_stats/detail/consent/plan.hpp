#pragma once
// What would a run do now? A run, `status`, `preview`, `send` and the notice all take it from here, so that they cannot
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

/// For commands: so long another process may hold state.json before they say so.
constexpr std::chrono::seconds time_for_state{5};

struct Plan {
  USAGE_STATS_SPECIAL_MEMBERS(Plan, maps_move_quietly);

  enum class Notice { none, question, first, new_data };

  Consent consent;                  // which rule has spoken, and the settings files as far as they were read
  Decision decision;                // what holds in the end; conclude() alone assigns it
  std::vector<Endpoint> endpoints;  // that a run of now would report to, were it allowed
  bool keeps_local = false;         // Delivery::local
  Withheld withheld;                // what it would do without
  Notice notice = Notice::none;     // what is due where somebody sees it
  std::string problem;              // the author's mistake
  std::string endpoint_problem;     // what is wrong with an address
  std::filesystem::path folder;
  std::optional<Storage> storage;  // none: no run has written anything yet, or `problems` says why
  std::shared_ptr<const State> state = std::make_shared<const State>();  // as it was when the folder was opened
  std::string folder_problem;    // why the folder is not looked into: what it holds is not known
  std::string write_problem;     // why nothing can be recorded there, though it is known what it holds
  std::error_code folder_error;  // the reason of either, as far as the system or a refusal tells it
  bool folder_missing = false;   // it is known that there is none
  std::vector<std::string> problems;

  /// Opens the folder, unless it is open: so that it can be written with `create`. False, and `folder_problem` says
  /// why, where it cannot be used.
  bool open_folder(const Options&, bool create);
  /// To whom, without what, after which notice; needs the state.
  void complete(const Options&);
  /// What the rules, or the user's answer, have said, and what is left of it where nothing can be recorded or sent.
  void conclude(Decision said);
  /// Why nothing can be recorded in the folder; empty where nothing is known against it.
  const std::string& obstacle_in_folder() const noexcept {
    return folder_problem.empty() ? write_problem : folder_problem;
  }
  /// Nothing can be recorded, whatever the rules say.
  void turn_off(const std::string& why);
};

/// As far as the rules go, which read as little as they can. For a run, which then opens the folder and calls
/// complete().
Plan plan_by_rules(const Options&, const std::vector<std::string>& arguments);
/// All of it, looked at without changing anything.
Plan plan_of(const Options&);

/// The endpoints that a run reports to, were it allowed; none where reports stay on this machine.
std::vector<Endpoint> recipients(const Options&, const Consent&);
/// Somebody has switched it on by hand.
bool by_hand(const Decision&) noexcept;
/// The options that say what a report of now would hold.
inline const Options& disclosed(const Options& options, const Plan& plan) noexcept {
  return plan.withheld.instead ? *plan.withheld.instead : options;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
