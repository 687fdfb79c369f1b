#include "questions.hpp"

#include <algorithm>

namespace collector {
namespace {

Answer active_in(const Reader& reader, Period period) {
  Answer answer{active(reader, period), {}};
  // What has not ended yet would look like a fall.
  if (answer.table.rows.size() > 1 && end_of(period, today()) > today() && period != Period::day &&
      text_of(answer.table.rows.back()[0]) == text_of(begin_of(period, today())))
    answer.table.rows.pop_back();
  answer.chart = over_time(answer.table, period == Period::day ? Chart::Shape::lines : Chart::Shape::columns);
  answer.chart.x_name = period == Period::day ? "day" : period == Period::week ? "week from" : "month from";
  return answer;
}

Answer runs_over_time(const Reader& reader) {
  Answer answer{runs(reader), {}};
  answer.chart = over_time(answer.table, Chart::Shape::columns);
  return answer;
}

Answer totals_of(const Reader& reader, Metric metric, std::size_t most) {
  Answer answer{totals(reader, metric, {}, most), {}};
  answer.chart = bars(answer.table, 2, Unit::share);
  return answer;
}

Answer shares_of(const Reader& reader, Metric metric) {
  Answer answer{shares(reader, metric), {}};
  answer.chart = stacked_shares(answer.table);
  return answer;
}

Answer options_used(const Reader& reader) {
  Answer answer{options(reader, 30), {}};
  answer.chart = bars(answer.table, 2, Unit::share);
  return answer;
}

/// version, runs, then the endings: of each version its runs are the whole.
Answer endings_by_version(const Reader& reader) {
  Answer answer{endings(reader, 12), {}};
  Chart& chart = answer.chart;
  chart.shape = Chart::Shape::bars;
  chart.unit = Unit::share;
  chart.x_name = "version";
  for (std::size_t column = 2; column < answer.table.columns.size(); ++column)
    chart.series.push_back({answer.table.columns[column], {}});
  for (const auto& row : answer.table.rows) {
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
  return answer;
}

Answer duration_percentiles(const Reader& reader) {
  Answer answer{durations(reader), {}};
  Table lines = answer.table;
  lines.columns.pop_back();  // the runs
  for (auto& row : lines.rows) row.pop_back();
  answer.chart = over_time(lines, Chart::Shape::lines, Unit::seconds);
  answer.chart.logarithmic = true;
  return answer;
}

Answer duration_histogram(const Reader& reader) {
  Answer answer{histogram(reader, Metric::duration), {}};
  answer.chart = histogram_of(answer.table, Unit::seconds);
  return answer;
}

void add_use(std::vector<Question>& list) {
  const auto with = [](auto ask, auto what, auto... more) {
    return [=](const Reader& reader) { return ask(reader, what, more...); };
  };
  list.insert(
      list.end(),
      {{"active-day", Section::use, "Active installations by day", "distinct installations that reported a run",
        with(active_in, Period::day)},
       {"active-week", Section::use, "Active installations by week", "weeks begin on Monday",
        with(active_in, Period::week)},
       {"active-month", Section::use, "Active installations by month", "", with(active_in, Period::month)},
       {"runs", Section::use, "Runs", "by the day on which the report arrived, UTC", runs_over_time},
       {"versions", Section::use, "Versions", "share of runs", with(shares_of, Metric::version)},
       {"systems", Section::use, "Operating systems", "share of runs", with(shares_of, Metric::os)},
       {"system-versions", Section::use, "Versions of operating systems", "share of runs",
        with(totals_of, Metric::os_version, std::size_t{12})},
       {"architectures", Section::use, "Architectures", "share of runs",
        with(totals_of, Metric::arch, std::size_t{10})},
       {"commands", Section::use, "Commands", "share of runs", with(totals_of, Metric::command, std::size_t{20})},
       {"options", Section::use, "Options", "share of runs that used the option", options_used}});
}

}  // namespace

std::vector<Question> questions(const Reader& reader, const std::vector<Described>& dictionary) {
  std::vector<Question> list;
  add_use(list);
  list.insert(list.end(),
              {{"endings", Section::endings, "How runs end", "share of each version's runs", endings_by_version},
               {"endings-over-time", Section::endings, "How runs end, over time", "share of runs",
                [](const Reader& of) { return shares_of(of, Metric::status); }},
               {"errors", Section::endings, "Errors",
                "by type and message; \"new\" were first seen in the selected or newest version",
                [](const Reader& of) {
                  return Answer{errors(of, 40), {}};
                }},
               {"signals", Section::endings, "Signals", "share of the runs that a signal ended",
                [](const Reader& of) { return totals_of(of, Metric::signal, 12); }},
               {"durations", Section::durations, "Duration of runs",
                "half of the runs are shorter than p50, 90 % than p90, 99 % than p99", duration_percentiles},
               {"duration-histogram", Section::durations, "How long runs take", "", duration_histogram}});
  for (Question& own : own_questions(reader, dictionary)) list.push_back(std::move(own));
  return list;
}

}  // namespace collector
