#include "questions.hpp"

#include <algorithm>

namespace collector {
namespace {

Table active_in(const Reader& reader, Period period) {
  Table table = active(reader, period);
  // What has not ended yet would look like a fall.
  if (table.rows.size() > 1 && period != Period::day &&
      text_of(table.rows.back()[0]) == text_of(begin_of(period, today())))
    table.rows.pop_back();
  return table;
}

Question active_question(const char* id, Period period, const char* title, const char* subtitle) {
  return {id,
          Section::use,
          title,
          subtitle,
          [period](const Reader& reader) { return active_in(reader, period); },
          [period](const Table& table) {
            Chart chart = over_time(table, period == Period::day ? Chart::Shape::lines : Chart::Shape::columns);
            chart.x_name = period == Period::day ? "day" : period == Period::week ? "week from" : "month from";
            return chart;
          }};
}

Question shares_question(const char* id, Section section, const char* title, Metric metric) {
  return {id,
          section,
          title,
          "share of runs",
          [metric](const Reader& reader) { return shares(reader, metric); },
          stacked_shares,
          Words{metric, {}, 1}};
}

/// One after the other, as they were adopted, with the rest on top.
Chart versions_chart(const Table& table) {
  Chart chart = stacked_shares(table);
  std::stable_sort(chart.series.begin(), chart.series.end(), [](const Line& a, const Line& b) {
    if ((a.name == "(others)") != (b.name == "(others)")) return b.name == "(others)";
    return older_version(a.name, b.name);
  });
  return chart;
}

Question versions_question() {
  Question question = shares_question("versions", Section::use, "Versions", Metric::version);
  question.draw = versions_chart;
  return question;
}

Question totals_question(const char* id, Section section, const char* title, const char* subtitle, Metric metric,
                         std::size_t most) {
  return {id,
          section,
          title,
          subtitle,
          [=](const Reader& reader) { return totals(reader, metric, {}, most); },
          [](const Table& table) { return bars(table, 2, Unit::share); },
          Words{metric}};
}

/// version, runs, then the endings: of each version its runs are the whole.
Chart endings_chart(const Table& table) {
  Chart chart;
  chart.shape = Chart::Shape::bars;
  chart.unit = Unit::share;
  chart.x_name = "version";
  chart.always_legend = true;
  for (std::size_t column = 2; column < table.columns.size(); ++column)
    chart.series.push_back({table.columns[column], {}});
  for (const auto& row : table.rows) {
    const auto* const all = std::get_if<std::int64_t>(&row[1]);
    chart.x.push_back(text_of(row[0]));
    for (std::size_t column = 2; column < row.size(); ++column) {
      const auto* const n = std::get_if<std::int64_t>(&row[column]);
      const bool known = n != nullptr && all != nullptr && *all > 0;
      chart.series[column - 2].values.push_back(
          known ? std::optional<double>(static_cast<double>(*n) / static_cast<double>(*all)) : std::nullopt);
    }
  }
  // A kind of ending that never came needs no place in the legend.
  const auto never = [](const Line& line) {
    return std::none_of(line.values.begin(), line.values.end(), [](const auto& n) { return n.value_or(0) > 0; });
  };
  chart.series.erase(std::remove_if(chart.series.begin(), chart.series.end(), never), chart.series.end());
  return chart;
}

Chart durations_chart(const Table& table) {
  Table lines = table;
  lines.columns.pop_back();  // the runs
  for (auto& row : lines.rows) row.pop_back();
  Chart chart = over_time(lines, Chart::Shape::lines, Unit::seconds);
  chart.logarithmic = true;
  return chart;
}

std::vector<Question> use_questions() {
  return {
      active_question("active-day", Period::day, "Active installations by day",
                      "distinct installations that reported a run"),
      active_question("active-week", Period::week, "Active installations by week", "weeks begin on Monday"),
      active_question("active-month", Period::month, "Active installations by month", ""),
      {"runs", Section::use, "Runs", "by the day on which the report arrived, UTC", runs,
       [](const Table& table) { return over_time(table, Chart::Shape::columns); }},
      versions_question(),
      shares_question("systems", Section::use, "Operating systems", Metric::os),
      totals_question("system-versions", Section::use, "Versions of operating systems", "share of runs",
                      Metric::os_version, 12),
      totals_question("architectures", Section::use, "Architectures", "share of runs", Metric::arch, 10),
      totals_question("commands", Section::use, "Commands", "share of runs", Metric::command, 20),
      {"options", Section::use, "Options", "share of runs that used the option",
       [](const Reader& reader) { return options(reader, 30); },
       [](const Table& table) { return bars(table, 2, Unit::share); }, Words{Metric::option, {}, 0, false}},
  };
}

std::vector<Question> ending_questions() {
  Question over_time =
      shares_question("endings-over-time", Section::endings, "How runs end, over time", Metric::status);
  over_time.words.reset();  // they are the library's own
  return {
      {"endings", Section::endings, "How runs end", "share of each version's runs",
       [](const Reader& reader) { return endings(reader, 12); }, endings_chart, Words{Metric::version}},
      over_time,
      {"errors",
       Section::endings,
       "Errors",
       "by type and message; \"new\" were first seen in the selected or newest version",
       [](const Reader& reader) { return errors(reader, 40); },
       {},
       Words{Metric::error}},
      totals_question("signals", Section::endings, "Signals", "share of the runs that a signal ended", Metric::signal,
                      12),
  };
}

std::vector<Question> duration_questions() {
  return {{"durations", Section::durations, "Duration of runs",
           "half of the runs are shorter than p50, 90\u00a0% than p90, 99\u00a0% than p99", durations, durations_chart},
          {"duration-histogram", Section::durations, "How long runs take", "",
           [](const Reader& reader) { return histogram(reader, Metric::duration); },
           [](const Table& table) { return histogram_of(table, Unit::seconds); }}};
}

}  // namespace

std::vector<Question> questions(Section section, const Reader& reader, const std::vector<Described>& dictionary) {
  switch (section) {
    case Section::use:
      return use_questions();
    case Section::endings:
      return ending_questions();
    case Section::durations:
      return duration_questions();
    case Section::own:
      break;
  }
  return own_questions(reader, dictionary);
}

DrawnTable answer(const Question& question, Table table, const Reader& reader) {
  DrawnTable result{std::move(table), {}};
  if (question.draw) result.chart = question.draw(result.table);
  const std::string note = question.note ? question.note(reader) : std::string();
  result.chart.title = question.title;
  result.chart.subtitle = question.subtitle + (question.subtitle.empty() || note.empty() ? "" : "; ") + note;
  return result;
}

}  // namespace collector
