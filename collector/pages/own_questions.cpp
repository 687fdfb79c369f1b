// A program's own data: there are charts for each kind of declaration.
#include <algorithm>
#include <set>

#include "questions.hpp"

namespace collector {
namespace {

Chart boolean_chart(const Table& table) {
  Chart chart = stacked_shares(table);
  auto& lines = chart.series;
  lines.erase(std::remove_if(lines.begin(), lines.end(), [](const Line& line) { return line.name != "true"; }),
              lines.end());
  chart.shape = Chart::Shape::lines;
  chart.always_legend = false;
  return chart;
}

Chart moments_chart(const Table& table) {
  Chart chart;
  chart.shape = Chart::Shape::histogram;
  chart.x_unit = Unit::share;
  chart.x_name = "part of the run";
  chart.series.push_back({"runs", {}});
  for (const auto& row : table.rows) {
    const auto* const from = std::get_if<std::int64_t>(&row[0]);
    const auto* const n = std::get_if<std::int64_t>(&row[2]);
    if (from == nullptr || n == nullptr) continue;
    chart.x.push_back(std::to_string(static_cast<double>(*from) / 100));
    chart.series[0].values.emplace_back(static_cast<double>(*n));
  }
  return chart;
}

/// A description, and what the chart shows of it.
std::string joined(const std::string& description, const std::string& what) {
  return description.empty() || what.empty() ? description + what : description + "; " + what;
}

/// Of a few numbers it would only repeat them.
std::string percentile_words(const Reader& reader, Metric metric, const std::string& name, Unit unit) {
  const Table table = percentiles(reader, metric, name);
  const auto* const n = std::get_if<std::int64_t>(&table.rows[0][0]);
  if (n == nullptr || *n < 5) return {};
  const auto number = [&](std::size_t column) {
    const Value& value = table.rows[0][column];
    const auto* const integer = std::get_if<std::int64_t>(&value);
    const auto* const real = std::get_if<double>(&value);
    return legible(integer != nullptr ? static_cast<double>(*integer) : real != nullptr ? *real : 0, unit);
  };
  return "p50 " + number(1) + ", p95 " + number(3);
}

/// A histogram, with its percentiles in words.
Question distribution(const char* kind, const Described& entry, Metric metric, Unit unit, const char* what = "") {
  return {std::string(kind) + entry.name,
          Section::own,
          entry.name,
          joined(entry.description, what),
          [=, name = entry.name](const Reader& reader) { return histogram(reader, metric, name); },
          [=](const Table& table) {
            return histogram_of(table, unit, metric == Metric::integer || metric == Metric::counter);
          },
          {},
          [=, name = entry.name](const Reader& reader) { return percentile_words(reader, metric, name, unit); }};
}

std::optional<Question> field_question(const Described& entry) {
  const std::string& name = entry.name;
  if (entry.kind == "integer") return distribution("field-", entry, Metric::integer, Unit::number);
  if (entry.kind == "number") return distribution("field-", entry, Metric::number, Unit::number);
  Question question{"field-" + name, Section::own, name, entry.description, {}};
  if (entry.kind == "boolean") {
    question.subtitle = joined(entry.description, "share of true");
    question.ask = [name](const Reader& reader) { return shares(reader, Metric::boolean, name); };
    question.draw = boolean_chart;
  } else if (entry.kind == "choice") {
    question.ask = [name](const Reader& reader) { return shares(reader, Metric::text, name); };
    question.draw = stacked_shares;
    question.words = Words{Metric::text, name, 1};
  } else if (entry.kind == "text") {
    question.owner_only = true;
    question.ask = [name](const Reader& reader) { return totals(reader, Metric::text, name, 30); };
    question.draw = [](const Table& table) { return bars(table, 1); };
  } else if (entry.kind == "hashed") {
    question.subtitle = joined(entry.description, "how many different ones, about");
    question.ask = [name](const Reader& reader) { return distinct(reader, name); };
  } else {
    return std::nullopt;
  }
  return question;
}

/// What was described, and then, with names alone, what else has been reported: of a program that was never described,
/// or by a later version. A text may be a choice or what users wrote: it is taken for the latter.
std::vector<Described> all_entries(const Reader& reader, const std::vector<Described>& dictionary) {
  std::vector<Described> entries = dictionary;
  std::set<std::string> known;
  for (const Described& entry : dictionary) known.insert(entry.name);
  const std::pair<Metric, const char*> kinds[] = {
      {Metric::boolean, "boolean"}, {Metric::integer, "integer"}, {Metric::number, "number"}, {Metric::text, "text"},
      {Metric::hashed, "hashed"},   {Metric::counter, "counter"}, {Metric::stage, "stage"},   {Metric::event, "event"}};
  for (const auto& [metric, kind] : kinds)
    for (const std::string& name : names(reader, metric))
      if (known.count(name) == 0) entries.push_back({name, kind, "", {}});
  return entries;
}

bool has(const std::vector<Described>& entries, const std::string& kind) {
  return std::any_of(entries.begin(), entries.end(), [&](const Described& entry) { return entry.kind == kind; });
}

/// One table of all, and then a chart for each.
void add_counters(std::vector<Question>& list, const std::vector<Described>& entries) {
  if (!has(entries, "counter")) return;
  list.push_back({"counters", Section::own, "Counters",
                  "share of runs that counted, the sum of all, and what a run counts", counters});
  for (const Described& entry : entries)
    if (entry.kind == "counter") list.push_back(distribution("counter-", entry, Metric::counter, Unit::count));
}

void add_stages(std::vector<Question>& list, const std::vector<Described>& entries) {
  if (!has(entries, "stage")) return;
  list.push_back({"funnel", Section::own, "Stages", "share of runs that entered each, in the order in which they begin",
                  stages, [](const Table& table) { return bars(table, 2, Unit::share); }});
  list.push_back({"stages", Section::own, "Stages in figures", "failures, and durations in seconds", stages});
  for (const Described& entry : entries)
    if (entry.kind == "stage")
      list.push_back(distribution("stage-", entry, Metric::stage_duration, Unit::seconds, "how long it takes"));
}

void add_events(std::vector<Question>& list, const std::vector<Described>& entries) {
  if (!has(entries, "event")) return;
  list.push_back({"events", Section::own, "Events", "share of runs in which they happened, and how often", events});
  for (const Described& entry : entries)
    if (entry.kind == "event")
      list.push_back({"event-" + entry.name, Section::own, entry.name,
                      joined(entry.description, "when it first happens in a run"),
                      [name = entry.name](const Reader& reader) { return moments(reader, name); }, moments_chart});
}

}  // namespace

std::vector<Question> own_questions(const Reader& reader, const std::vector<Described>& dictionary) {
  const std::vector<Described> entries = all_entries(reader, dictionary);
  std::vector<Question> list;
  for (const Described& entry : entries)
    if (auto question = field_question(entry)) list.push_back(std::move(*question));
  add_counters(list, entries);
  add_stages(list, entries);
  add_events(list, entries);
  return list;
}

}  // namespace collector
