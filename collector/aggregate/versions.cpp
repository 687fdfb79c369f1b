// Figures that compare versions: how their runs end, and which errors are new in one.
#include <algorithm>

#include "figures.hpp"

namespace collector {
namespace {

struct Older {
  bool operator()(const std::string& a, const std::string& b) const { return older_version(a, b); }
};
/// The oldest first; each with its sums by name and value.
using Versions = std::map<std::string, std::map<Word, std::int64_t>, Older>;

Versions versions_of(Source& source, const Selection& selection, Metric metric) {
  Versions versions;
  for (VersionTotal& total : source.by_version(selection, metric))
    if (total.n > 0) versions[total.version][{total.name, total.value}] += total.n;
  return versions;
}

}  // namespace

Table endings(const Reader& reader, std::size_t most) {
  const std::vector<std::string> statuses = {"ok", "failed", "exception", "signal", "lost", "running"};
  Table table{{"version", "runs"}, {}};
  table.columns.insert(table.columns.end(), statuses.begin(), statuses.end());
  Versions runs = versions_of(reader.source(), reader.selection(), Metric::runs),
           endings = versions_of(reader.source(), reader.selection(), Metric::status);
  for (auto version = runs.rbegin(); version != runs.rend() && table.rows.size() < most; ++version) {
    std::vector<Value> row = {version->first, version->second[{}]};
    for (const std::string& status : statuses) row.emplace_back(endings[version->first][{"", status}]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table errors(const Reader& reader, std::size_t most) {
  std::vector<std::pair<std::int64_t, Word>> found;
  for (const Series& series : reader.series(Metric::error))
    if (const std::int64_t n = series.sum(); n > 0) found.push_back({n, {series.name, series.value}});
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (found.size() > most) found.resize(most);

  // First in a version means of all time, whatever else is selected.
  Selection ever;
  ever.app = reader.selection().app;
  ever.last = INT32_MAX;
  ever.ci = Ci::both;
  std::map<Word, std::string> first_version;
  for (const auto& [version, words] : versions_of(reader.source(), ever, Metric::error))
    for (const auto& [word, n] : words) first_version.emplace(word, version);
  std::string newest = reader.selection().version.value_or("");
  if (!reader.selection().version)
    if (const Versions versions = versions_of(reader.source(), reader.selection(), Metric::runs); !versions.empty())
      newest = versions.rbegin()->first;
  const std::int64_t runs = reader.sum(Metric::runs);
  Table table{{"type", "message", "runs", "share", "first_version", "new"}, {}};
  for (const auto& [n, word] : found) {
    const std::string& first = first_version[word];
    table.rows.push_back(
        {word.first, word.second, n, share_of(n, runs), first, std::int64_t{!first.empty() && first == newest}});
  }
  return table;
}

}  // namespace collector
