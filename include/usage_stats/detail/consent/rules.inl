#pragma once

#include <array>

#include "rules.hpp"
#include "../record/system_info.hpp"
#include "../base/text.hpp"
#include "../os/platform.hpp"
#include "../store/storage.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Consent, true);

USAGE_STATS_INLINE std::string anothers_home(const std::filesystem::path& home) {
  return "this home folder belongs to another user: " + os::path_bytes(home);
}

USAGE_STATS_INLINE std::vector<std::string> prefixes_of_no(std::string_view app) {
  std::vector<std::string> prefixes{environment_prefix(app)};
  if (prefixes[0].size() > app.size()) prefixes.push_back(prefixes[0].substr(1));
  return prefixes;
}

namespace consent_impl {

/// What the rules look at. The files and the state are read when a rule first needs them: an environment that says
/// "off" costs not even one file read.
struct Situation {
  const Options& options;
  const std::vector<std::string>& arguments;
  const std::string& problem;
  const std::function<const State&()>& state;
  Consent& consent;
  const std::string prefix = environment_prefix(options.app);
};

using Opinion = std::optional<Decision>;

USAGE_STATS_INLINE Opinion off(std::string why) { return Decision{Verdict::off, 0, std::move(why)}; }

USAGE_STATS_INLINE std::string set_to(const std::string& name, const std::string& value) {
  return value.size() > 64 ? name + " is set" : name + "=" + value;
}

enum class Switch { unset, off, on };

USAGE_STATS_INLINE Switch enabled_switch(const std::string& name, std::string& text) {
  const auto value = os::variable(name.c_str());
  if (!value || value->empty()) return Switch::unset;
  text = *value;
  const std::string word = lower(*value);
  return word == "1" || word == "true" || word == "yes" || word == "on" ? Switch::on : Switch::off;
}

USAGE_STATS_INLINE Opinion process_is_trusted(Situation& situation) {  // 1
  if (os::variable("USAGE_STATS_UPLOADER")) return off("this process was started as an uploader");
  if (os::elevated()) return off("the program runs with more privileges than its user (setuid)");
  if (!situation.problem.empty()) return off(situation.problem);
  return {};
}

USAGE_STATS_INLINE Opinion environment_says_off(Situation& situation) {  // 2
  std::string text;
  for (const std::string& prefix : prefixes_of_no(situation.options.app))
    if (const std::string name = prefix + "_USAGE_STATS_ENABLED"; enabled_switch(name, text) == Switch::off)
      return off(set_to(name, text));
  return {};
}

USAGE_STATS_INLINE Opinion no_telemetry_is_set(Situation& situation) {  // 3
  for (const std::string& prefix : prefixes_of_no(situation.options.app))
    for (const char* const suffix : {"_NO_TELEMETRY", "_DISABLE_TELEMETRY"})
      if (os::variable((prefix + suffix).c_str())) return off(prefix + suffix + " is set");
  return {};
}

USAGE_STATS_INLINE Opinion do_not_track(Situation&) {  // 4
  const auto value = os::variable("DO_NOT_TRACK");
  if (!value || value->empty() || *value == "0") return {};
  return off(set_to("DO_NOT_TRACK", *value));
}

USAGE_STATS_INLINE Opinion argument_says_off(Situation& situation) {  // 5
  for (const std::string& argument : situation.arguments)
    if (argument == "--disable-usage-stats") return off("the argument --disable-usage-stats was given");
  return {};
}

USAGE_STATS_INLINE Opinion
home_is_ours(Situation&) {  // 1, after what the environment alone decides: it looks at folders
  const std::filesystem::path home = os::foreign_home();
  if (home.empty()) return {};
  return off(anothers_home(home));
}

USAGE_STATS_INLINE Opinion file_says(const Settings& settings) {  // 6 and 9, or 10 where the file is broken
  if (!settings.problem.empty()) return Decision{Verdict::off, 10, settings.problem};
  if (!settings.verdict) return {};
  const char* const word = *settings.verdict == Verdict::on    ? "true"
                           : *settings.verdict == Verdict::off ? "false"
                                                               : "\"local\"";
  return Decision{*settings.verdict, 0, os::path_bytes(settings.file) + " says \"usage_stats\": " + word};
}

USAGE_STATS_INLINE Opinion policy_says(Situation& situation) {  // 6
  situation.consent.policy = read_policy(policy_path(situation.options));
  return file_says(situation.consent.policy);
}

USAGE_STATS_INLINE Opinion environment_says_on(Situation& situation) {  // 7
  std::string text;
  const std::string name = situation.prefix + "_USAGE_STATS_ENABLED";
  if (enabled_switch(name, text) != Switch::on) return {};
  return Decision{Verdict::on, 0, set_to(name, text)};
}

USAGE_STATS_INLINE Opinion build_is_not_official(Situation& situation) {  // 8
  if (situation.options.official_build) return {};
  return off("this is not an official build of the program");
}

USAGE_STATS_INLINE Opinion config_says(Situation& situation) {  // 9
  situation.consent.config = read_settings(config_path(situation.options));
  Opinion opinion = file_says(situation.consent.config);
  if (opinion && opinion->verdict == Verdict::off) return opinion;
  // A "no" is kept in two places. Which config file a run finds depends on its environment; the "no" in the state
  // applies whatever that file says, until `usage-stats enable` takes both back.
  if (!opinion && situation.options.consent == ConsentMode::opt_in) return opinion;  // off either way, by rule 11
  if (!situation.state().said_no) return opinion;
  return off(os::path_bytes(usage_path(situation.options) / "state.json") +
             " says that usage statistics were switched off");
}

USAGE_STATS_INLINE Opinion opt_in(Situation& situation) {  // 11
  if (situation.options.consent != ConsentMode::opt_in) return {};
  return off("usage statistics are opt-in, and nobody has switched them on");
}

/// Somebody is at the terminal and sees what this program, and not another one, writes there.
USAGE_STATS_INLINE bool attended() { return interactive() && os::in_foreground(); }

USAGE_STATS_INLINE Opinion prompt(Situation& situation) {  // 12
  if (situation.options.consent != ConsentMode::ask || !attended()) return {};
  if (situation.state().unanswered_prompts >= 3) return off("asked three times without an answer");
  if (os::input_waiting()) return {};  // it is meant for the program and must not be taken as the answer
  situation.consent.ask = true;
  return off("the question has not been answered");
}

USAGE_STATS_INLINE Opinion notice_was_shown(Situation& situation) {  // 13
  if (situation.options.consent != ConsentMode::opt_out || !situation.state().notice_shown) return {};
  return Decision{Verdict::on, 0, "the notice was shown in an earlier run"};
}

USAGE_STATS_INLINE Opinion notice_is_due(Situation& situation) {  // 14
  if (situation.options.consent != ConsentMode::opt_out || !attended()) return {};
  situation.consent.show_notice = true;
  return Decision{Verdict::local, 0, "the notice is shown in this run for the first time"};
}

USAGE_STATS_INLINE Opinion unattended(Situation& situation) {  // 15
  const bool at_terminal = attended();  // only a question that could not be asked comes here from there
  const std::string why = in_ci()        ? "continuous integration: "
                          : !at_terminal ? "nobody at a terminal: "
                                         : "input was typed ahead, so the question could not be asked: ";
  switch (situation.options.unattended) {
    case Unattended::off:
      return off(why + "nothing is collected");
    case Unattended::on:
      if (!at_terminal) break;  // who could have been asked is not sent from unasked
      [[fallthrough]];
    case Unattended::local:
      return Decision{Verdict::local, 0, why + "reports stay on this machine"};
  }
  situation.consent.show_notice = !situation.state().notice_shown;
  return Decision{Verdict::on, 0, why + "the program's author has switched them on"};
}

/// docs/consent.md; the first rule that applies decides. Rule 10 takes the place of the rule whose file is broken.
struct Rule {
  int number;
  Opinion (*speak)(Situation&);
};
constexpr std::array<Rule, 15> rules = {{{1, process_is_trusted},
                                         {2, environment_says_off},
                                         {3, no_telemetry_is_set},
                                         {4, do_not_track},
                                         {5, argument_says_off},
                                         {1, home_is_ours},
                                         {6, policy_says},
                                         {7, environment_says_on},
                                         {8, build_is_not_official},
                                         {9, config_says},
                                         {11, opt_in},
                                         {12, prompt},
                                         {13, notice_was_shown},
                                         {14, notice_is_due},
                                         {15, unattended}}};

}  // namespace consent_impl

USAGE_STATS_INLINE const char* verdict_name(Verdict verdict) noexcept {
  return verdict == Verdict::on ? "on" : verdict == Verdict::local ? "local" : "off";
}

USAGE_STATS_INLINE Consent decide(const Options& options, const std::vector<std::string>& arguments,
                                  const std::string& problem, const std::function<const State&()>& state) {
  Consent consent;
  consent_impl::Situation situation{options, arguments, problem, state, consent};
  for (const auto& rule : consent_impl::rules) {
    auto opinion = rule.speak(situation);
    if (!opinion) continue;
    if (opinion->rule == 0) opinion->rule = rule.number;
    consent.decision = std::move(*opinion);
    break;
  }
  // What is not off needs the config's endpoints, also where an earlier rule has decided.
  if (consent.decision.verdict != Verdict::off && consent.config.file.empty())
    consent.config = read_settings(config_path(options));
  return consent;
}

namespace consent_impl {

/// What a file's setting means for a waiting report; nothing if the file has none.
USAGE_STATS_INLINE std::optional<Permission> permission_by(const Settings& settings) {
  const auto said = file_says(settings);
  if (!said) return std::nullopt;
  const Leave leave = said->rule == 10               ? Leave::unclear
                      : said->verdict == Verdict::on ? Leave::allowed
                                                     : Leave::withdrawn;
  return Permission{leave, said->why};
}

}  // namespace consent_impl

USAGE_STATS_INLINE Permission permission_for(const Envelope& envelope, const State& state) {
  const auto gone = [](const std::filesystem::path& file) {
    return Permission{Leave::withdrawn, os::path_bytes(file) + " no longer says \"usage_stats\": true"};
  };
  if (!envelope.policy_file.is_absolute()) return {Leave::unclear, "the run did not record where its policy file is"};
  if (auto opinion = consent_impl::permission_by(read_policy(envelope.policy_file))) return *opinion;
  if (envelope.rule == 6) return gone(envelope.policy_file);
  if (envelope.rule == 7) return {Leave::allowed, "the run's environment had switched them on"};
  if (state.said_no) return {Leave::withdrawn, "usage statistics were switched off"};
  if (!envelope.config_file.is_absolute()) return {Leave::unclear, "the run did not record where its config file is"};
  if (auto opinion = consent_impl::permission_by(read_settings(envelope.config_file))) return *opinion;
  if (envelope.rule == 9 || envelope.rule == 12) return gone(envelope.config_file);
  return {Leave::allowed, "nothing says no"};
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
