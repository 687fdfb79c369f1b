#include "figures.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "bins.hpp"

namespace collector {
namespace {

std::int64_t total_of(const Bins& bins) {
  std::int64_t total = 0;
  for (const auto& [bin, n] : bins) total += n;
  return total;
}

/// To `digits` significant ones.
double rounded(double number, int digits = 3) {
  if (number == 0) return 0;
  const int places = digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(number))));
  const double scale = std::pow(10, std::abs(places));
  return places >= 0 ? std::round(number * scale) / scale : std::round(number / scale) * scale;
}

bool has_integers(Metric metric) { return metric == Metric::integer || metric == Metric::counter; }

Value number_of(double number, bool integers) {
  if (integers && std::abs(number) < 9e18) return static_cast<std::int64_t>(rounded(number));
  return rounded(number);
}

/// The number below which this share of all lies.
Value quantile(const Bins& bins, double share, bool integers) {
  const std::int64_t total = total_of(bins);
  if (total <= 0) return {};
  const auto wanted =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(share * static_cast<double>(total))));
  std::int64_t seen = 0;
  for (const auto& [bin, n] : bins)
    if ((seen += n) >= wanted) return number_of(middle_of(bin, integers), integers);
  return {};
}

/// Of a counter, from its two halves; a float where it is beyond 64 bits.
Value sum_of(std::int64_t high, std::int64_t low) {
  const double about = static_cast<double>(high) * 4294967296.0 + static_cast<double>(low);
  if (about < 9e18) return high * 4294967296 + low;
  return about;
}

/// The first days of all steps of the selection.
std::vector<Day> steps_of(const Selection& selection, Period step) {
  std::vector<Day> steps;
  for (Day day = begin_of(step, selection.first); day <= selection.last; day = end_of(step, day)) steps.push_back(day);
  return steps;
}

using Counts = std::map<std::string, std::int64_t>;

/// The commonest, then by name; what comes after `most` is added up in `others`.
std::vector<std::pair<std::string, std::int64_t>> commonest(const Counts& counts, std::size_t most,
                                                            std::int64_t& others) {
  std::vector<std::pair<std::string, std::int64_t>> sorted;
  for (const auto& [value, n] : counts)
    if (n > 0) sorted.emplace_back(value, n);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  others = 0;
  while (sorted.size() > most) {
    others += sorted.back().second;
    sorted.pop_back();
  }
  return sorted;
}

}  // namespace

Table programs(Source& source) {
  Table table{{"program", "runs", "first_day", "last_day"}, {}};
  for (const Program& program : source.programs({}))
    table.rows.push_back({program.app, program.runs, text_of(program.first), text_of(program.last)});
  return table;
}

Table active(const Reader& reader, Period period) {
  std::map<Day, std::int64_t> counts = reader.source().installations(reader.selection(), period);
  Table table{{"start", "installations"}, {}};
  for (const Day day : steps_of(reader.selection(), period)) table.rows.push_back({text_of(day), counts[day]});
  return table;
}

Table runs(const Reader& reader) {
  const Period step = reader.selection().step;
  std::map<Day, std::int64_t> counts;
  for (const Day day : steps_of(reader.selection(), step)) counts[day] = 0;
  for (const Series& series : reader.series(Metric::runs))
    for (const Cell& cell : series.cells) counts[begin_of(step, cell.day)] += cell.n;
  Table table{{"start", "runs"}, {}};
  for (const auto& [day, n] : counts) table.rows.push_back({text_of(day), n});
  return table;
}

Table totals(const Reader& reader, Metric metric, const std::string& name, std::size_t most) {
  Counts counts;
  std::int64_t total = 0, others = 0;
  for (const Series& series : reader.series(metric, name)) total += counts[series.value] = series.sum();
  Table table{{"value", "n", "share"}, {}};
  for (const auto& [value, n] : commonest(counts, most, others)) table.rows.push_back({value, n, share_of(n, total)});
  if (others > 0) table.rows.push_back({std::string("(others)"), others, share_of(others, total)});
  return table;
}

Table shares(const Reader& reader, Metric metric, const std::string& name, std::size_t most) {
  const Period step = reader.selection().step;
  Counts counts;
  std::map<std::string, std::map<Day, std::int64_t>> by_value;
  for (const Series& series : reader.series(metric, name))
    for (const Cell& cell : series.cells) {
      counts[series.value] += cell.n;
      by_value[series.value][begin_of(step, cell.day)] += cell.n;
    }
  std::int64_t others = 0;
  const auto shown = commonest(counts, most, others);
  Table table{{"start", "value", "n"}, {}};
  for (const Day day : steps_of(reader.selection(), step)) {
    std::int64_t rest = 0;
    for (const auto& [value, days] : by_value)
      if (const auto found = days.find(day); found != days.end()) rest += found->second;
    for (const auto& [value, n] : shown) {
      const std::int64_t here = by_value[value][day];
      table.rows.push_back({text_of(day), value, here});
      rest -= here;
    }
    if (others > 0) table.rows.push_back({text_of(day), std::string("(others)"), rest});
  }
  return table;
}

Table options(const Reader& reader, std::size_t most) {
  Counts counts;
  for (const Series& series : reader.series(Metric::option)) counts[series.name] = series.sum();
  const std::int64_t all = reader.sum(Metric::runs);
  std::int64_t others = 0;
  Table table{{"option", "runs", "share"}, {}};
  for (const auto& [option, n] : commonest(counts, most, others)) table.rows.push_back({option, n, share_of(n, all)});
  return table;
}

Table durations(const Reader& reader) {
  const Period step = reader.selection().step;
  std::map<Day, Bins> by_step;
  for (const Day day : steps_of(reader.selection(), step)) by_step[day];
  for (const Series& series : reader.series(Metric::duration))
    for (const Cell& cell : series.cells) by_step[begin_of(step, cell.day)][cell.bin] += cell.n;
  Table table{{"start", "p50", "p90", "p99", "runs"}, {}};
  for (const auto& [day, bins] : by_step)
    table.rows.push_back({text_of(day), quantile(bins, 0.5, false), quantile(bins, 0.9, false),
                          quantile(bins, 0.99, false), total_of(bins)});
  return table;
}

Table histogram(const Reader& reader, Metric metric, const std::string& name) {
  Table table{{"from", "to", "n"}, {}};
  for (const auto& [bin, n] : reader.bins(metric, name)) {
    if (n == 0) continue;
    const double near = edge_of(bin), far = far_edge_of(bin);
    table.rows.push_back({rounded(std::min(near, far)), rounded(std::max(near, far)), n});
  }
  return table;
}

Table percentiles(const Reader& reader, Metric metric, const std::string& name) {
  const Bins bins = reader.bins(metric, name);
  const bool integers = has_integers(metric);
  return {{"n", "p50", "p90", "p95", "p99"},
          {{total_of(bins), quantile(bins, 0.5, integers), quantile(bins, 0.9, integers),
            quantile(bins, 0.95, integers), quantile(bins, 0.99, integers)}}};
}

std::vector<std::string> names(const Reader& reader, Metric metric) {
  std::set<std::string> found;
  for (const Series& series : reader.series(metric))
    if (series.sum() > 0) found.insert(series.name);
  return {found.begin(), found.end()};
}

Table counters(const Reader& reader) {
  Table table{{"counter", "runs", "share", "sum", "p50", "p95"}, {}};
  const std::int64_t all = reader.sum(Metric::runs);
  for (const std::string& name : names(reader, Metric::counter)) {
    const Bins bins = reader.bins(Metric::counter, name);
    const std::int64_t low = reader.sum(Metric::counter_low, name), high = reader.sum(Metric::counter_high, name);
    table.rows.push_back({name, total_of(bins), share_of(total_of(bins), all), sum_of(high, low),
                          quantile(bins, 0.5, true), quantile(bins, 0.95, true)});
  }
  return table;
}

Table stages(const Reader& reader) {
  const std::int64_t all = reader.sum(Metric::runs);
  std::vector<std::pair<double, std::vector<Value>>> sorted;
  for (const std::string& name : names(reader, Metric::stage)) {
    std::int64_t times = 0, failed = 0;
    for (const Series& series : reader.series(Metric::stage_status, name)) {
      const std::int64_t n = series.sum();
      times += n;
      if (series.value == "failed") failed += n;
    }
    const Bins bins = reader.bins(Metric::stage_duration, name);
    const Value start = quantile(reader.bins(Metric::stage_start, name), 0.5, false);
    const std::int64_t entered = reader.sum(Metric::stage, name);
    sorted.push_back({std::holds_alternative<double>(start) ? std::get<double>(start) : 0,
                      {name, entered, share_of(entered, all), times, failed, share_of(failed, times),
                       quantile(bins, 0.5, false), quantile(bins, 0.9, false), quantile(bins, 0.99, false)}});
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Table table{{"stage", "runs", "share", "times", "failed", "failure_rate", "p50", "p90", "p99"}, {}};
  for (auto& [start, row] : sorted) table.rows.push_back(std::move(row));
  return table;
}

Table events(const Reader& reader) {
  Table table{{"event", "runs", "share", "times"}, {}};
  const std::int64_t all = reader.sum(Metric::runs);
  for (const std::string& name : names(reader, Metric::event)) {
    const std::int64_t n = reader.sum(Metric::event, name);
    table.rows.push_back({name, n, share_of(n, all), reader.sum(Metric::event_times, name)});
  }
  return table;
}

Table moments(const Reader& reader, const std::string& event) {
  const Bins bins = reader.bins(Metric::event_moment, event);
  Table table{{"from", "to", "runs"}, {}};
  for (std::int64_t bin = 0; bin < 20; ++bin) {
    const auto found = bins.find(bin);
    table.rows.push_back({bin * 5, bin * 5 + 5, found == bins.end() ? std::int64_t{0} : found->second});
  }
  return table;
}

Table distinct(const Reader& reader, const std::string& field) {
  const Bins bins = reader.bins(Metric::hashed, field);
  const auto used = std::count_if(bins.begin(), bins.end(), [](const auto& bin) { return bin.second > 0; });
  const double all = static_cast<double>(hash_bins), free = std::max(1.0, all - static_cast<double>(used));
  const std::int64_t n = total_of(bins), about = std::llround(all * std::log(all / free));
  return {{"distinct", "n"}, {{std::min(about, n), n}}};
}

}  // namespace collector
