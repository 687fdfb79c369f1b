// Figures that compare versions: how their runs end, and which errors are new in one.
#include <algorithm>
#include <set>

#include "figures.hpp"

namespace collector {
namespace {

/// All that the program has ever had, the oldest first.
std::vector<std::string> versions_of(const Reader& reader) {
  std::vector<std::string> versions;
  for (const Series& series : reader.series(Metric::version)) versions.push_back(series.value);
  std::sort(versions.begin(), versions.end(), older_version);
  return versions;
}

}  // namespace

Table endings(const Reader& reader, std::size_t most) {
  const std::vector<std::string> statuses = {"ok", "failed", "exception", "signal", "lost", "running"};
  Table table{{"version", "runs"}, {}};
  table.columns.insert(table.columns.end(), statuses.begin(), statuses.end());
  std::vector<std::string> versions = versions_of(reader);
  if (reader.selection().version) versions = {*reader.selection().version};
  for (auto version = versions.rbegin(); version != versions.rend() && table.rows.size() < most; ++version) {
    const Reader of_version = reader.of_version(*version);
    const std::int64_t all = of_version.sum(Metric::runs);
    if (all == 0) continue;
    std::map<std::string, std::int64_t> counts;
    for (const Series& series : of_version.series(Metric::status)) counts[series.value] = of_version.sum(series.id);
    std::vector<Value> row = {*version, all};
    for (const std::string& status : statuses) row.emplace_back(counts[status]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table errors(const Reader& reader, std::size_t most) {
  std::vector<std::pair<std::int64_t, Series>> found;
  for (const Series& series : reader.series(Metric::error))
    if (const std::int64_t n = reader.sum(series.id); n > 0) found.emplace_back(n, series);
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (found.size() > most) found.resize(most);

  // First in a version means of all time, whatever else is selected.
  Selection ever;
  ever.app = reader.selection().app;
  ever.last = INT32_MAX;
  ever.ci = Ci::both;
  const Reader all(reader.database(), ever);
  std::map<std::int64_t, std::string> first_version;
  std::string newest = reader.selection().version.value_or("");
  for (const std::string& version : versions_of(reader)) {
    const Reader of_version = all.of_version(version);
    if (!reader.selection().version && reader.of_version(version).sum(Metric::runs) > 0) newest = version;
    for (const auto& [n, series] : found)
      if (first_version.count(series.id) == 0 && of_version.sum(series.id) > 0) first_version[series.id] = version;
  }
  const std::int64_t runs = reader.sum(Metric::runs);
  Table table{{"type", "message", "runs", "share", "first_version", "new"}, {}};
  for (const auto& [n, series] : found) {
    const std::string& first = first_version[series.id];
    table.rows.push_back(
        {series.name, series.value, n, share_of(n, runs), first, std::int64_t{!first.empty() && first == newest}});
  }
  return table;
}

}  // namespace collector
