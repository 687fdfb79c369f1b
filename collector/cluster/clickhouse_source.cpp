#include "clickhouse_source.hpp"

#include <cstdlib>

namespace collector {
namespace {

std::int64_t number(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

/// The first day whose runs (0) or presences (1) are kept.
std::string horizon(int kind) { return "(SELECT max(day) FROM horizon WHERE kind = " + std::to_string(kind) + ")"; }

/// What the selection says of a row, but for its days.
std::string fits(const Selection& selection) {
  std::string text = "app = " + sql_literal(selection.app);
  const auto add = [&](const char* column, const std::optional<std::string>& value) {
    if (value) text += std::string(" AND ") + column + " = " + sql_literal(*value);
  };
  add("version", selection.version);
  add("os", selection.os);
  add("command", selection.command);
  if (selection.ci != Ci::both) text += selection.ci == Ci::only ? " AND ci = 1" : " AND ci = 0";
  return text;
}

std::string days(const std::string& column, Day first, Day last) {
  return " AND " + column + " >= " + std::to_string(first) + " AND " + column + " <= " + std::to_string(last);
}

/// version, name, value, day, bin, n of all facts of a metric.
std::string facts(const Selection& selection, Metric metric) {
  const std::string fitting = fits(selection) + days("day", selection.first, selection.last),
                    of_metric = "metric = " + std::to_string(static_cast<int>(metric));
  return "(SELECT version, name, value, day, bin, n FROM (SELECT version, day, metrics, names, values, bins, counts "
         "FROM run FINAL WHERE " +
         fitting + " AND kept >= " + horizon(0) +
         ") ARRAY JOIN metrics AS metric, names AS name, values AS value, bins AS bin, counts AS n WHERE " + of_metric +
         " UNION ALL SELECT version, name, value, day, bin, toInt64(n) AS n FROM cell FINAL WHERE " + fitting +
         " AND kept < " + horizon(0) + " AND " + of_metric + ")";
}

}  // namespace

std::vector<Program> ClickHouseSource::programs(const std::string& only) {
  const std::string wanted = only.empty() ? "" : " AND app = " + sql_literal(only);
  std::vector<Program> list;
  for (const auto& row :
       server_.query("SELECT app, sum(n), min(day), max(day) FROM (SELECT app, day, toInt64(1) AS n FROM run FINAL "
                     "WHERE kept >= " +
                     horizon(0) + wanted +
                     " UNION ALL SELECT app, day, toInt64(n) AS n FROM cell FINAL WHERE metric = 1 AND "
                     "kept < " +
                     horizon(0) + wanted + ") GROUP BY app ORDER BY app"))
    list.push_back({row[0], number(row[1]), number(row[2]), number(row[3])});
  return list;
}

std::vector<Series> ClickHouseSource::series(const Selection& selection, Metric metric) {
  std::vector<Series> list;
  for (auto& row : server_.query("SELECT name, value, day, bin, sum(n) FROM " + facts(selection, metric) +
                                 " GROUP BY name, value, day, bin ORDER BY name, value, day, bin")) {
    if (list.empty() || list.back().name != row[0] || list.back().value != row[1])
      list.push_back({std::move(row[0]), std::move(row[1]), {}});
    list.back().cells.push_back({number(row[2]), number(row[3]), number(row[4])});
  }
  return list;
}

std::map<Day, std::int64_t> ClickHouseSource::installations(const Selection& selection, Period period) {
  const char* const starts[] = {"day", "week", "month"};
  const std::string start = starts[static_cast<int>(period)];
  const Day first = begin_of(period, selection.first);
  const int mask = (selection.version ? 1 : 0) + (selection.os ? 2 : 0) + (selection.command ? 4 : 0);
  Selection either = selection;
  either.ci = Ci::both;
  const int ci = selection.ci == Ci::without ? 0 : selection.ci == Ci::only ? 1 : 2;
  std::map<Day, std::int64_t> counts;
  for (const auto& row :
       server_.query("SELECT start, sum(n) FROM (SELECT " + start +
                     " AS start, toInt64(uniqExact(client)) AS n FROM presence "
                     "WHERE " +
                     fits(selection) + " AND kept >= " + horizon(1) + days(start, first, selection.last) +
                     " GROUP BY start UNION ALL SELECT start, toInt64(sum(n)) AS n FROM active FINAL WHERE " +
                     fits(either) + " AND period = " + std::to_string(static_cast<int>(period)) +
                     " AND mask = " + std::to_string(mask) + " AND ci = " + std::to_string(ci) + " AND kept < " +
                     horizon(1) + days("start", first, selection.last) + " GROUP BY start) GROUP BY start"))
    counts[number(row[0])] = number(row[1]);
  return counts;
}

std::vector<VersionTotal> ClickHouseSource::by_version(const Selection& selection, Metric metric) {
  std::vector<VersionTotal> totals;
  for (auto& row : server_.query("SELECT version, name, value, sum(n) FROM " + facts(selection, metric) +
                                 " GROUP BY version, name, value"))
    totals.push_back({std::move(row[0]), std::move(row[1]), std::move(row[2]), number(row[3])});
  return totals;
}

std::set<Word> ClickHouseSource::shared_words(const std::string& app, Metric metric) {
  std::set<Word> words;
  for (auto& row : server_.query("SELECT name, value FROM witness WHERE app = " + sql_literal(app) +
                                 " AND metric = " + std::to_string(static_cast<int>(metric)) +
                                 " GROUP BY name, value HAVING uniqExact(client) >= 5"))
    words.emplace(std::move(row[0]), std::move(row[1]));
  return words;
}

}  // namespace collector
