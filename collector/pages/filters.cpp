#include "filters.hpp"

#include <algorithm>
#include <cstdlib>

#include "markup.hpp"

namespace collector {
namespace {

constexpr std::size_t most_links = 8, longest_value = 256;

struct Choice {
  std::string value, name;  // an empty value is the default
};

const std::vector<Choice>& periods() {
  static const std::vector<Choice> all = {
      {"7", "7 days"}, {"30", "30 days"}, {"", "90 days"}, {"365", "a year"}, {"all", "all"}};
  return all;
}

const std::vector<Choice>& ci_choices() {
  static const std::vector<Choice> all = {{"", "without"}, {"only", "only"}, {"both", "with"}};
  return all;
}

bool is_one_of(const std::vector<Choice>& choices, const std::string& value) {
  return std::any_of(choices.begin(), choices.end(), [&](const Choice& choice) { return choice.value == value; });
}

std::string row(const std::string& title, const std::vector<Choice>& choices, const std::string& parameter,
                const Filters& filters, const std::string& page) {
  std::string html = "<div class=\"filter\"><span>" + title + "</span>";
  for (const Choice& choice : choices) {
    const bool chosen = filters.value(parameter) == choice.value;
    html += "<a href=\"" + escape(page + filters.with(parameter, choice.value).query()) + "\"" +
            (chosen ? " aria-current=\"true\"" : "") + ">" + escape(shorten(choice.name, 30)) + "</a>";
  }
  return html + "</div>\n";
}

/// "all", and the commonest; the chosen one is there in any case, so that it can be seen and left.
std::vector<Choice> commonest(const Reader& reader, Metric metric, const std::string& chosen) {
  std::vector<Choice> choices{{"", "all"}};
  const Table table = totals(reader, metric, {}, most_links);
  for (const auto& entry : table.rows)
    if (const std::string value = text_of(entry[0]); !value.empty() && value != "(others)")
      choices.push_back({value, value});
  if (metric == Metric::version)  // the newest first
    std::stable_sort(choices.begin() + 1, choices.end(),
                     [](const Choice& a, const Choice& b) { return older_version(b.value, a.value); });
  if (!is_one_of(choices, chosen)) choices.push_back({chosen, chosen});
  return choices;
}

}  // namespace

Filters::Filters(const std::multimap<std::string, std::string>& parameters) {
  for (const char* const name : {"version", "os", "command"})
    if (const auto found = parameters.find(name); found != parameters.end() && found->second.size() <= longest_value)
      values_[name] = found->second;
  if (const auto found = parameters.find("days"); found != parameters.end() && is_one_of(periods(), found->second))
    values_["days"] = found->second;
  if (const auto found = parameters.find("ci"); found != parameters.end() && is_one_of(ci_choices(), found->second))
    values_["ci"] = found->second;
}

const std::string& Filters::value(const std::string& name) const {
  static const std::string none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

Filters Filters::with(const std::string& name, const std::string& value) const {
  Filters changed = *this;
  changed.values_[name] = value;
  return changed;
}

std::string Filters::query() const {
  std::string text;
  for (const auto& [name, value] : values_)
    if (!value.empty()) text += (text.empty() ? "?" : "&") + name + "=" + percent_encode(value);
  return text;
}

Selection Filters::selection(const std::string& app, Day last, const std::optional<std::pair<Day, Day>>& known) const {
  Selection selection;
  selection.app = app;
  selection.last = last;
  const std::string& days = value("days");
  const Day begin = known ? std::min(known->first, last) : last;
  selection.first = days == "all" ? begin : last + 1 - (days.empty() ? 90 : std::atoi(days.c_str()));
  selection.first = std::max(selection.first, begin);  // no empty months before the first report
  const Day length = last - selection.first;
  selection.step = length <= 100 ? Period::day : length <= 800 ? Period::week : Period::month;
  const auto chosen = [&](const char* name) {
    return value(name).empty() ? std::nullopt : std::optional<std::string>(value(name));
  };
  selection.version = chosen("version");
  selection.os = chosen("os");
  selection.command = chosen("command");
  selection.ci = value("ci") == "only" ? Ci::only : value("ci") == "both" ? Ci::both : Ci::without;
  return selection;
}

std::string filter_links(const Filters& filters, const Reader& unfiltered, const std::string& page) {
  std::string html = "<nav class=\"filters\" aria-label=\"Filters\">\n";
  html += row("Period", periods(), "days", filters, page);
  html += row("Version", commonest(unfiltered, Metric::version, filters.value("version")), "version", filters, page);
  html += row("System", commonest(unfiltered, Metric::os, filters.value("os")), "os", filters, page);
  html += row("Command", commonest(unfiltered, Metric::command, filters.value("command")), "command", filters, page);
  html += row("CI", ci_choices(), "ci", filters, page);
  return html + "</nav>\n";
}

}  // namespace collector
