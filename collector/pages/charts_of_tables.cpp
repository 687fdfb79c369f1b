#include <algorithm>
#include <cmath>
#include <map>

#include "questions.hpp"

namespace collector {
namespace {

std::optional<double> number_in(const Value& value) {
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* const number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

std::string name_in(const Value& value) {
  const std::string text = text_of(value);
  return text.empty() ? "(none)" : text;
}

/// The number of a bin: 8 to each doubling, counted from one.
long bin_number(double bound) { return std::lround(8 * std::log2(bound)); }

std::string cell(const Value& value, const std::string& column) {
  const auto number = number_in(value);
  if (!number) return escape(text_of(value));
  if (column == "share" || column == "failure_rate") return escape(legible(*number, Unit::share));
  return std::holds_alternative<double>(value) ? legible(*number, Unit::number) : grouped(*number);
}

std::string row_html(const std::vector<std::string>& cells) {
  std::string html = "<tr><th scope=\"row\">" + (cells.empty() ? std::string() : cells[0]) + "</th>";
  for (std::size_t i = 1; i < cells.size(); ++i) html += "<td>" + cells[i] + "</td>";
  return html + "</tr>\n";
}

std::string head_html(const std::vector<std::string>& names) {
  std::string html = "<thead><tr>";
  for (std::string name : names) {
    std::replace(name.begin(), name.end(), '_', ' ');
    html += "<th scope=\"col\">" + escape(name) + "</th>";
  }
  return html + "</tr></thead>\n";
}

std::string chart_rows(const Chart& chart) {
  std::string html;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    const bool bins = chart.shape == Chart::Shape::histogram;
    std::vector<std::string> cells{
        escape(bins ? legible(std::strtod(chart.x[at].c_str(), nullptr), chart.x_unit) : chart.x[at])};
    for (const Line& line : chart.series) {
      const auto value = at < line.values.size() ? line.values[at] : std::nullopt;
      cells.push_back(!value                      ? std::string()
                      : chart.unit == Unit::count ? grouped(*value)
                                                  : escape(legible(*value, chart.unit)));
    }
    html += row_html(cells);
  }
  return html;
}

/// Each whole number with a bin of its own.
std::vector<std::pair<double, double>> counted_one_by_one(const Table& table, double least, double most) {
  std::map<double, double> numbers;
  for (double at = std::ceil(least); at <= std::ceil(most); ++at) numbers[at] = 0;
  for (const auto& row : table.rows)
    if (const double bound = number_in(row[0]).value_or(0); bound > 0)
      numbers[std::ceil(bound)] += number_in(row[2]).value_or(0);
  return {numbers.begin(), numbers.end()};
}

/// Bins that are joined, two, four or eight of them, so that no count has to be divided.
std::vector<std::pair<double, double>> joined_bins(const Table& table, double least, double most) {
  const double doublings = std::log2(most / least);
  const long joined = doublings < 7 ? 2 : doublings < 16 ? 4 : 8;
  const auto place = [&](double bound) {
    const long number = bin_number(bound);
    return number >= 0 ? number / joined : -((-number + joined - 1) / joined);
  };
  std::map<long, double> counts;
  for (long at = place(least); at <= place(most); ++at) counts[at] = 0;
  for (const auto& row : table.rows)
    if (const double bound = number_in(row[0]).value_or(0); bound > 0)
      counts[place(bound)] += number_in(row[2]).value_or(0);
  std::vector<std::pair<double, double>> bins;
  for (const auto& [at, n] : counts) bins.emplace_back(std::exp2(static_cast<double>(at * joined) / 8), n);
  return bins;
}

}  // namespace

Chart over_time(const Table& table, Chart::Shape shape, Unit unit) {
  Chart chart;
  chart.shape = shape;
  chart.unit = unit;
  for (std::size_t column = 1; column < table.columns.size(); ++column)
    chart.series.push_back({table.columns[column], {}});
  for (const auto& row : table.rows) {
    chart.x.push_back(text_of(row[0]));
    for (std::size_t column = 1; column < row.size(); ++column)
      chart.series[column - 1].values.push_back(number_in(row[column]));
  }
  return chart;
}

Chart stacked_shares(const Table& table) {
  Chart chart;
  chart.shape = Chart::Shape::shares;
  chart.always_legend = true;
  chart.unit = Unit::share;
  std::map<std::string, double> sums;
  std::vector<std::string> names;
  for (const auto& row : table.rows) {
    const std::string start = text_of(row[0]), name = name_in(row[1]);
    if (chart.x.empty() || chart.x.back() != start) chart.x.push_back(start);
    sums[start] += number_in(row[2]).value_or(0);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names)
    chart.series.push_back({name, std::vector<std::optional<double>>(chart.x.size())});
  for (const auto& row : table.rows) {
    const std::string start = text_of(row[0]);
    if (sums[start] <= 0) continue;  // no runs, no shares
    const auto x = std::find(chart.x.begin(), chart.x.end(), start) - chart.x.begin();
    const auto line = std::find(names.begin(), names.end(), name_in(row[1])) - names.begin();
    chart.series[static_cast<std::size_t>(line)].values[static_cast<std::size_t>(x)] =
        number_in(row[2]).value_or(0) / sums[start];
  }
  return chart;
}

Chart bars(const Table& table, std::size_t column, Unit unit) {
  Chart chart;
  chart.shape = Chart::Shape::bars;
  chart.unit = unit;
  chart.x_name = table.columns[0];
  chart.series.push_back({table.columns[column], {}});
  for (const auto& row : table.rows) {
    chart.x.push_back(name_in(row[0]));
    chart.series[0].values.push_back(number_in(row[column]));
  }
  return chart;
}

Chart histogram_of(const Table& table, Unit x_unit, bool whole) {
  Chart chart;
  chart.shape = Chart::Shape::histogram;
  chart.unit = Unit::count;
  chart.x_unit = x_unit;
  chart.x_name = "from";
  chart.series.push_back({"n", {}});
  double zero = 0, negative = 0, least = 0, most = 0;
  for (const auto& row : table.rows) {
    const double bound = number_in(row[0]).value_or(0), n = number_in(row[2]).value_or(0);
    if (bound <= 0) {
      (bound < 0 ? negative : zero) += n;
      continue;
    }
    least = least > 0 ? std::min(least, bound) : bound;
    most = std::max(most, bound);
  }
  const auto add = [&](double bound, double n) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", bound);
    chart.x.emplace_back(text);
    chart.series[0].values.emplace_back(n);
  };
  if (negative > 0) add(-1, negative);
  if (zero > 0) add(0, zero);
  if (least <= 0) return chart;
  chart.exact_bins = whole && most < 16;
  if (chart.exact_bins) chart.x_name = "number";
  for (const auto& [at, n] :
       chart.exact_bins ? counted_one_by_one(table, least, most) : joined_bins(table, least, most))
    add(at, n);
  return chart;
}

std::string table_html(const DrawnTable& answer) {
  std::string html = "<div class=\"scroll\"><table>";
  if (answer.chart.shape != Chart::Shape::none) {
    std::vector<std::string> names{answer.chart.x_name};
    for (const Line& line : answer.chart.series) names.push_back(line.name);
    return html + head_html(names) + "<tbody>\n" + chart_rows(answer.chart) + "</tbody></table></div>\n";
  }
  html += head_html(answer.table.columns) + "<tbody>\n";
  for (const auto& row : answer.table.rows) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < row.size(); ++i) cells.push_back(cell(row[i], answer.table.columns[i]));
    html += row_html(cells);
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace collector
