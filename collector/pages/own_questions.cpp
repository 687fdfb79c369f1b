// A program's own data: each kind of declaration has its charts.
#include <algorithm>

#include "questions.hpp"

namespace collector {
namespace {

Answer boolean_share(const Reader& reader, const std::string& name) {
  Answer answer{shares(reader, Metric::boolean, name), {}};
  answer.chart = stacked_shares(answer.table);
  auto& lines = answer.chart.series;
  lines.erase(std::remove_if(lines.begin(), lines.end(), [](const Line& line) { return line.name != "true"; }),
              lines.end());
  answer.chart.shape = Chart::Shape::lines;
  return answer;
}

Answer choice_shares(const Reader& reader, const std::string& name) {
  Answer answer{shares(reader, Metric::text, name), {}};
  answer.chart = stacked_shares(answer.table);
  return answer;
}

Answer distribution(const Reader& reader, Metric metric, const std::string& name, Unit unit) {
  Answer answer{histogram(reader, metric, name), {}};
  answer.chart = histogram_of(answer.table, unit);
  return answer;
}

Answer commonest_texts(const Reader& reader, const std::string& name) {
  Answer answer{totals(reader, Metric::text, name, 30), {}};
  answer.chart = bars(answer.table, 1);
  return answer;
}

Answer event_moments(const Reader& reader, const std::string& name) {
  Answer answer{moments(reader, name), {}};
  answer.chart.shape = Chart::Shape::histogram;
  answer.chart.x_unit = Unit::share;
  answer.chart.x_name = "part of the run";
  answer.chart.series.push_back({"runs", {}});
  for (const auto& row : answer.table.rows) {
    const auto* const from = std::get_if<std::int64_t>(&row[0]);
    const auto* const n = std::get_if<std::int64_t>(&row[2]);
    if (from == nullptr || n == nullptr) continue;
    answer.chart.x.push_back(std::to_string(static_cast<double>(*from) / 100));
    answer.chart.series[0].values.emplace_back(static_cast<double>(*n));
  }
  return answer;
}

/// Runs that got to each stage, those in which it failed apart.
Answer funnel(const Reader& reader) {
  Answer answer{stages(reader), {}};
  answer.chart = bars(answer.table, 2, Unit::share);
  return answer;
}

/// A description, and what the chart shows of it.
std::string joined(const std::string& description, const std::string& what) {
  return description.empty() || what.empty() ? description + what : description + "; " + what;
}

std::string percentile_words(const Reader& reader, Metric metric, const std::string& name) {
  const Table table = percentiles(reader, metric, name);
  if (table.rows.empty() || std::holds_alternative<std::monostate>(table.rows[0][1])) return {};
  return "p50 " + text_of(table.rows[0][1]) + ", p95 " + text_of(table.rows[0][3]);
}

void add_number(std::vector<Question>& list, const Described& entry, Metric metric, const Reader& reader) {
  list.push_back({"field-" + entry.name, Section::own, entry.name,
                  joined(entry.description, percentile_words(reader, metric, entry.name)),
                  [=](const Reader& of) { return distribution(of, metric, entry.name, Unit::number); }});
}

void add_field(std::vector<Question>& list, const Described& entry, const Reader& reader) {
  const std::string& name = entry.name;
  if (entry.kind == "integer") return add_number(list, entry, Metric::integer, reader);
  if (entry.kind == "number") return add_number(list, entry, Metric::number, reader);
  Question question{"field-" + name, Section::own, name, entry.description, {}};
  if (entry.kind == "boolean") {
    question.subtitle = joined(entry.description, "share of true");
    question.ask = [name](const Reader& of) { return boolean_share(of, name); };
  } else if (entry.kind == "choice") {
    question.ask = [name](const Reader& of) { return choice_shares(of, name); };
  } else if (entry.kind == "text") {
    question.owner_only = true;
    question.ask = [name](const Reader& of) { return commonest_texts(of, name); };
  } else if (entry.kind == "hashed") {
    question.subtitle = joined(entry.description, "how many different ones, about");
    question.ask = [name](const Reader& of) { return Answer{distinct(of, name), {}}; };
  } else {
    return;
  }
  list.push_back(std::move(question));
}

/// What a program that was never described has reported, with names alone. A text may be a choice or what users wrote:
/// it is taken for the latter.
std::vector<Described> found_entries(const Reader& reader) {
  std::vector<Described> entries;
  const std::pair<Metric, const char*> kinds[] = {
      {Metric::boolean, "boolean"}, {Metric::integer, "integer"}, {Metric::number, "number"}, {Metric::text, "text"},
      {Metric::counter, "counter"}, {Metric::stage, "stage"},     {Metric::event, "event"}};
  for (const auto& [metric, kind] : kinds)
    for (const std::string& name : names(reader, metric)) entries.push_back({name, kind, "", {}});
  return entries;
}

bool has(const std::vector<Described>& entries, const std::string& kind) {
  return std::any_of(entries.begin(), entries.end(), [&](const Described& entry) { return entry.kind == kind; });
}

}  // namespace

std::vector<Question> own_questions(const Reader& reader, const std::vector<Described>& dictionary) {
  const std::vector<Described> entries = dictionary.empty() ? found_entries(reader) : dictionary;
  std::vector<Question> list;
  for (const Described& entry : entries) add_field(list, entry, reader);
  if (has(entries, "counter"))
    list.push_back({"counters", Section::own, "Counters",
                    "share of runs that counted, the sum of all, and what a run counts", [](const Reader& of) {
                      return Answer{counters(of), {}};
                    }});
  for (const Described& entry : entries)
    if (entry.kind == "counter")
      list.push_back({"counter-" + entry.name, Section::own, entry.name, entry.description, [entry](const Reader& of) {
                        return distribution(of, Metric::counter, entry.name, Unit::count);
                      }});
  if (has(entries, "stage")) {
    list.push_back({"funnel", Section::own, "Stages",
                    "share of runs that entered each, in the order in which they begin", funnel});
    list.push_back(
        {"stages", Section::own, "Stages in figures", "failures, and durations in seconds", [](const Reader& of) {
           return Answer{stages(of), {}};
         }});
  }
  for (const Described& entry : entries)
    if (entry.kind == "stage")
      list.push_back(
          {"stage-" + entry.name, Section::own, entry.name, joined(entry.description, "how long it takes"),
           [entry](const Reader& of) { return distribution(of, Metric::stage_duration, entry.name, Unit::seconds); }});
  if (has(entries, "event"))
    list.push_back(
        {"events", Section::own, "Events", "share of runs in which they happened, and how often", [](const Reader& of) {
           return Answer{events(of), {}};
         }});
  for (const Described& entry : entries)
    if (entry.kind == "event")
      list.push_back({"event-" + entry.name, Section::own, entry.name,
                      joined(entry.description, "when in a run it first happens"),
                      [entry](const Reader& of) { return event_moments(of, entry.name); }});
  return list;
}

}  // namespace collector
