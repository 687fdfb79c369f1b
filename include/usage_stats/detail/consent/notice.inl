#pragma once

#include <algorithm>

#include "command_line.hpp"
#include "notice.hpp"
#include "plan.hpp"
#include "../os/platform.hpp"
#include "../record/redaction/scrub.hpp"
#include "../base/text.hpp"
#include "../base/url.hpp"
#include "../record/disclosure.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace notice_impl {

constexpr std::size_t most_lines = 8;
constexpr int widest = 80, narrowest = 20;
constexpr std::chrono::seconds time_to_answer{10};
constexpr char hard_blank = '\1';  // in a command to type: no line break here

USAGE_STATS_INLINE int columns_of(std::string_view text) noexcept {  // one column per character: close enough
  int count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

/// Lines of at most `columns`, if the words allow it.
USAGE_STATS_INLINE std::vector<std::string> wrap(const std::string& text, int columns) {
  std::vector<std::string> lines(1);
  int used = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    const int wide = columns_of(word);
    std::replace(word.begin(), word.end(), hard_blank, ' ');
    if (used > 0 && used + 1 + wide > columns) {
      lines.emplace_back();
      used = 0;
    }
    if (used > 0) lines.back() += ' ';
    lines.back() += word;
    used += wide + (used > 0 ? 1 : 0);
  }
  return lines;
}

USAGE_STATS_INLINE std::size_t lines_of(const std::vector<std::string>& paragraphs, int columns) {
  std::size_t count = 0;
  for (const std::string& paragraph : paragraphs) {
    if (paragraph.empty()) continue;
    for (const std::string& line : wrap(paragraph, columns))
      count += static_cast<std::size_t>((std::max(columns_of(line), 1) + columns - 1) / columns);
  }
  return count;
}

USAGE_STATS_INLINE std::string text_of(const std::vector<std::string>& paragraphs, int columns) {
  std::string text;
  const int width = columns <= 0 ? widest : std::clamp(columns, narrowest, widest);
  for (const std::string& paragraph : paragraphs) {
    if (paragraph.empty()) continue;
    for (const std::string& line : wrap(paragraph, width)) text += line + "\n";
  }
  return text;
}

/// A command or a path to be copied: in one piece if the line is wide enough.
USAGE_STATS_INLINE std::string whole(std::string text) {
  std::replace(text.begin(), text.end(), ' ', hard_blank);
  return text;
}

USAGE_STATS_INLINE std::string hosts(const std::vector<Endpoint>& endpoints, std::size_t most) {
  std::vector<std::string> names;
  for (const Endpoint& endpoint : endpoints)
    if (const auto url = parse_url(endpoint.url);
        url && std::find(names.begin(), names.end(), url->host) == names.end())
      names.push_back(url->host);
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + plain_text(names[i]);
  return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more" : text;
}

USAGE_STATS_INLINE std::string what(const Options& options) {
  const std::string rest = ", durations, errors, and the kind of system";
  switch (options.arguments) {
    case ArgumentDetail::none:
      return "commands" + rest;
    case ArgumentDetail::values:
      return "commands, options and their values" + rest;
    case ArgumentDetail::names:
      break;
  }
  return (options.argument_values.empty() ? "commands, option names"
                                          : "commands, option names and some option values") +
         rest;
}

USAGE_STATS_INLINE std::string place(const std::filesystem::path& file) {
  return whole(plain_text(os::path_with_tilde(file)));
}

/// What is typed before a subcommand, if a notice has room for it.
USAGE_STATS_INLINE std::string command_with_room(const Options& options) {
  std::string command = typed_command(options);
  constexpr int most = 120;
  if (columns_of(command) > most) command.clear();
  return command;
}

/// Only what works in this program, and under the rule that has switched it on: the policy (6) and the environment (7)
/// override the config file. `brief`: one way instead of two.
USAGE_STATS_INLINE std::string how_to_stop(const Options& options, int rule, bool brief) {
  std::string variable = "set " + environment_prefix(options.app) + "_USAGE_STATS_ENABLED=0";
  const std::string command = command_with_room(options);
  const std::filesystem::path config = config_path(options);
  if (rule == 6 || rule == 7) return variable;
  const std::string disable = command + " disable";
  if (!command.empty() && (!brief || columns_of(disable) <= widest))
    return whole(disable) + (brief ? "" : ", or " + variable);
  if (config.empty() || brief) return variable;
  return variable + ", or put " + whole("{\"usage_stats\": false}") + " into " + place(config);
}

/// What notice and question have in common, with the words in which they differ as parameters.
struct Wording {
  const char *verb, *be, *when, *question;
};

USAGE_STATS_INLINE std::vector<std::string> paragraphs_of(const Options& options,
                                                          const std::vector<Endpoint>& endpoints,
                                                          const Wording& wording, const std::string& purpose,
                                                          bool brief) {
  const std::string receivers = std::string("Reports ") + wording.be + " sent to " + hosts(endpoints, brief ? 1 : 3) +
                                wording.when + "; copies are kept in ";
  const std::string command = command_with_room(options), policy = plain_text(options.policy_url);
  const std::string describe = command.empty() || brief ? "" : whole(command + " describe");
  const std::string more = describe + (describe.empty() || policy.empty() ? "" : ", ") + policy;
  return {options.app + wording.verb + "collect" + (*wording.question == '\0' ? "s" : "") +
              " usage statistics: " + what(options) + ".",
          purpose,
          (endpoints.empty() ? "Reports stay on this machine, in " : receivers) + place(usage_path(options)),
          "To stop it: " + how_to_stop(options, 0, brief),
          more.empty() ? "" : "More: " + more,
          wording.question};
}

/// Removes the last word of an author's text, which "..." replaces.
USAGE_STATS_INLINE void shorten(std::string& text) {
  if (text.size() > 4 && text.compare(text.size() - 4, 4, " ...") == 0) text.resize(text.size() - 4);
  const std::size_t word = text.rfind(' ');
  text = word == std::string::npos ? std::string() : text.substr(0, word) + " ...";
}

/// Shortens the author's purpose until everything fits into 8 lines; if that is not enough, the rest is put more
/// briefly.
USAGE_STATS_INLINE std::string explain(const Options& options, const std::vector<Endpoint>& endpoints,
                                       const Wording& wording, int columns) {
  const std::string purpose = plain_text(options.purpose);
  std::vector<std::string> paragraphs = paragraphs_of(options, endpoints, wording, purpose, false);
  while (!paragraphs[1].empty() && lines_of(paragraphs, widest) > most_lines) shorten(paragraphs[1]);
  if (lines_of(paragraphs, widest) > most_lines) paragraphs = paragraphs_of(options, endpoints, wording, {}, true);
  return text_of(paragraphs, columns);
}

USAGE_STATS_INLINE void log_failure(const Log& log, const char* what, std::error_code error) {
  if (error) log(what, "state.json: ", error.message());
}

/// Stores the answer. A "no" is kept in two places, so that a run that finds another config file knows it too.
USAGE_STATS_INLINE void remember_answer(const Options& options, Plan& plan, bool yes, const Log& log) {
  const std::string problem = write_verdict(config_path(options), yes);
  if (!problem.empty()) log("the answer could not be stored: ", problem);
  if (!yes)
    plan.conclude({Verdict::off, 12, "the question was answered with no"});
  else if (problem.empty())
    plan.conclude({Verdict::on, 12, "the question was answered with yes"});
  else  // the yes must still be there when the report is sent
    plan.conclude({Verdict::local, 12, "the answer yes could not be stored"});
  log_failure(log, "", plan.storage->update_state([&](State& state) {
    state.unanswered_prompts = 0;
    state.said_no = !yes;
    if (yes) disclose_all(state.disclosed, options, plan.endpoints);
  }));
}

/// Asks. Until the answer is known, it counts as "not now", so that Ctrl-C needs no handler.
USAGE_STATS_INLINE void ask(const Options& options, Plan& plan, const Log& log) {
  if (const auto error = plan.storage->update_state([](State& state) noexcept { ++state.unanswered_prompts; }))
    return log_failure(log, "not asked: ", error);
  // Again, because that took time.
  if (os::input_waiting() ||
      !os::offer_to_standard_error(question_text(options, plan.endpoints, os::terminal_columns()))) {
    plan.storage->update_state(
        [](State& state) { state.unanswered_prompts = (std::max)(0, state.unanswered_prompts - 1); });
    return log("not asked: the terminal accepts no output now, or input was typed ahead");
  }
  const auto line = os::read_line(time_to_answer);
  if (!line) os::offer_to_standard_error("\n");  // the host's own output should not follow the question on its line
  std::string word = line.value_or("");
  word.erase(std::remove_if(word.begin(), word.end(), [](char c) { return c == ' ' || c == '\t'; }), word.end());
  word = lower(word);
  const bool yes = word == "y" || word == "yes", no = word == "n" || word == "no";
  if (yes || no) remember_answer(options, plan, yes, log);
}

/// Shows the first notice. One that could not be written has informed nobody: nothing is sent.
USAGE_STATS_INLINE void show_notice(const Options& options, Plan& plan, const Log& log) {
  const Decision said = plan.consent.decision;
  const bool now = said.verdict == Verdict::on;
  if (const auto error = plan.storage->update_state([](State&) noexcept {})) {  // else each run would show it again
    log_failure(log, "no notice: ", error);
    if (now) plan.conclude({Verdict::local, said.rule, "that the notice was shown could not be stored"});
    return;
  }
  if (os::offer_to_standard_error(notice_text(options, plan.endpoints, now, os::terminal_columns())))
    return log_failure(log, "", plan.storage->update_state([&](State& state) {
      state.notice_shown = true;
      disclose_all(state.disclosed, options, plan.endpoints);
    }));
  log("the notice could not be written");
  if (now) plan.conclude({Verdict::local, said.rule, "the notice could not be written"});
}

/// Stores what users of earlier versions, or those who switched it on by hand, are assumed to know.
USAGE_STATS_INLINE void note_disclosed(const Options& options, Plan& plan) {
  const auto& before = plan.state->disclosed;
  if (before ? !before->names_only : !by_hand(plan.consent.decision)) return;
  const auto author = endpoints_of_author(options, plan.consent.policy, plan.consent.config);
  plan.storage->update_state([&](State& now) {
    if (now.disclosed)
      now.disclosed = disclosed_before(now.disclosed, options, author);
    else
      disclose_all(now.disclosed, options, author);
  });
}

/// New data is withheld; at a terminal it is named, and it is sent from the next run on.
USAGE_STATS_INLINE void name_new_data(const Options& options, Plan& plan, const Log& log) {
  const Withheld& withheld = plan.withheld;
  if (!withheld.fields.empty() || !withheld.data.empty())
    log(std::to_string(withheld.data.size()), " items are new and no notice has named them yet",
        withheld.data.empty() ? std::string() : ": " + withheld.data.front().name + " ...");
  if (plan.notice != Plan::Notice::new_data || !interactive() || !os::in_foreground()) return;
  std::vector<NewData> named = withheld.data;
  if (plan.storage->update_state([](State&) noexcept {}) ||
      !os::offer_to_standard_error(new_data_text(options, named, plan.consent.decision.rule, os::terminal_columns())))
    return;
  plan.storage->update_state([&](State& now) {
    if (!now.disclosed) now.disclosed.emplace();
    for (const NewData& data : named) data.disclose(*now.disclosed);
  });
}

}  // namespace notice_impl

USAGE_STATS_INLINE std::string notice_text(const Options& options, const std::vector<Endpoint>& endpoints,
                                           bool from_now_on, int columns) {
  return notice_impl::explain(options, endpoints, {" ", "are", from_now_on ? "" : " from the next run on", ""},
                              columns);
}

USAGE_STATS_INLINE std::string question_text(const Options& options, const std::vector<Endpoint>& endpoints,
                                             int columns) {
  std::string text = notice_impl::explain(
      options, endpoints, {" would like to ", "would be", "", "Do you agree? y(es) or n(o); Enter: not now."}, columns);
  text.back() = ' ';  // the answer is typed after the question
  return text;
}

USAGE_STATS_INLINE std::string new_data_text(const Options& options, std::vector<NewData>& data, int rule,
                                             int columns) {
  using namespace notice_impl;
  const std::string head = options.app + " " + plain_text(options.version) + " also reports, from the next run on:";
  const std::string stop = "To stop it: " + how_to_stop(options, rule, false);
  const std::string command = command_with_room(options);
  for (bool described = true;;) {
    std::vector<std::string> paragraphs{head};
    for (const NewData& item : data)
      if (described)
        paragraphs.push_back("- " + plain_text(item.text));
      else
        paragraphs[0] += (&item == &data.front() ? " " : ", ") + plain_text(item.name);
    if (!described) paragraphs.push_back("What they are: " + whole(command + " describe"));
    paragraphs.push_back(stop);
    if (lines_of(paragraphs, widest) <= most_lines) return text_of(paragraphs, columns);
    if (described && !command.empty())
      described = false;  // names alone: there is a command that describes them
    else if (data.size() > 1)
      data.pop_back();  // left for the next run's notice
    else if (described && !data[0].text.empty())
      shorten(data[0].text);
    else
      return text_of(paragraphs, columns);
  }
}

USAGE_STATS_INLINE void inform_user(const Options& options, Plan& plan, const Log& log) {
  if (plan.notice == Plan::Notice::question)
    return notice_impl::ask(options, plan, log);  // a yes covers everything that is asked for now
  if (plan.notice == Plan::Notice::first) return notice_impl::show_notice(options, plan, log);
  const bool sends = !plan.endpoints.empty() || !plan.withheld.endpoints.empty();
  if (plan.consent.decision.verdict != Verdict::on || !sends) return;
  notice_impl::note_disclosed(options, plan);
  notice_impl::name_new_data(options, plan, log);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
