#include "sqlite_source.hpp"

#include <algorithm>

#include "bins.hpp"

namespace collector {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): a literal
#define OF_ALL_CELLS(select, rest) select " cell c " rest " UNION ALL " select " fresh c " rest

/// Slices are apart by ci, and summed up for both; of installations 2 has the distinct ones of both.
std::pair<int, int> ci_range(Ci ci) { return {ci == Ci::only ? 1 : 0, ci == Ci::without ? 0 : 1}; }

std::int64_t sum_of(std::string_view bins) {
  std::int64_t sum = 0;
  for (const auto& [bin, n] : unpacked_bins(bins)) sum += n;
  return sum;
}

}  // namespace

std::optional<std::int64_t> SqliteSource::term(std::int64_t app, Metric metric, const std::string& value) {
  return database_["SELECT id FROM term WHERE app = ? AND metric = ? AND name = '' AND value = ?"](
             app, static_cast<int>(metric), value)
      .number();
}

std::optional<SqliteSource::Ids> SqliteSource::ids(const Selection& selection) {
  const auto app = term(0, Metric::app, selection.app);
  if (!app) return std::nullopt;
  const auto filter = [&](Metric metric, const std::optional<std::string>& value) {
    return value ? term(*app, metric, *value) : std::optional<std::int64_t>(0);
  };
  const auto version = filter(Metric::version, selection.version), os = filter(Metric::os, selection.os),
             command = filter(Metric::command, selection.command);
  if (!version || !os || !command) return std::nullopt;
  return Ids{*app, *version, *os, *command};
}

std::optional<std::int64_t> SqliteSource::slice(const Ids& ids, int ci) {
  return database_["SELECT id FROM slice WHERE app = ? AND version = ? AND os = ? AND command = ? AND ci = ?"](
             ids.app, ids.version, ids.os, ids.command, ci)
      .number();
}

std::vector<Program> SqliteSource::programs(const std::string& only) {
  std::map<std::string, Program> programs;
  Statement& found = database_[OF_ALL_CELLS(
      "SELECT a.value, c.day, c.bins FROM term a CROSS JOIN term t ON t.app = a.id AND t.metric = 1 "
      "CROSS JOIN slice s ON s.app = a.id AND s.version = 0 AND s.os = 0 AND s.command = 0 AND s.ci < 2 CROSS JOIN",
      "ON c.slice = s.id AND c.series = t.id WHERE a.app = 0 AND a.metric = 0 AND (?1 = '' OR a.value = "
      "?1)")](only);
  while (found.step()) {
    const Day day = found.integer(1);
    Program& program = programs.try_emplace(found.text(0), Program{found.text(0), 0, day, day}).first->second;
    program.runs += sum_of(found.bytes(2));
    program.first = std::min(program.first, day);
    program.last = std::max(program.last, day);
  }
  std::vector<Program> list;
  for (auto& [app, program] : programs) list.push_back(std::move(program));
  return list;
}

std::vector<Series> SqliteSource::series(const Selection& selection, Metric metric) {
  std::vector<Series> list;
  const auto wanted = ids(selection);
  if (!wanted) return list;
  const auto [first_ci, last_ci] = ci_range(selection.ci);
  // -1 is no slice.
  const std::int64_t one = slice(*wanted, first_ci).value_or(-1),
                     other = first_ci == last_ci ? -1 : slice(*wanted, last_ci).value_or(-1);
  Statement& found = database_[OF_ALL_CELLS(
      "SELECT t.id, t.name, t.value, c.day, c.bins FROM term t CROSS JOIN",
      "ON c.slice IN (?3, ?4) AND c.series = t.id AND c.day BETWEEN ?5 AND ?6 WHERE t.app = ?1 AND "
      "t.metric = ?2") " ORDER BY 2, 3"](wanted->app, static_cast<int>(metric), one, other, selection.first,
                                         selection.last);
  for (std::int64_t id = 0; found.step();) {
    if (id != found.integer(0)) list.push_back({found.text(1), found.text(2), {}});
    id = found.integer(0);
    for (const auto& [bin, n] : unpacked_bins(found.bytes(4))) list.back().cells.push_back({found.integer(3), bin, n});
  }
  return list;
}

std::map<Day, std::int64_t> SqliteSource::installations(const Selection& selection, Period period) {
  std::map<Day, std::int64_t> counts;
  const auto wanted = ids(selection);
  if (!wanted) return counts;
  const char* const names[] = {"day", "week", "month"};
  const int ci = selection.ci == Ci::without ? 0 : selection.ci == Ci::only ? 1 : 2;
  Statement& found = database_[OF_ALL_CELLS("SELECT c.day, c.bins FROM term t JOIN",
                                            "ON c.slice = ?4 AND c.series = t.id AND c.day BETWEEN ?5 AND ?6 "
                                            "WHERE t.app = ?1 AND t.metric = ?2 AND t.name = ?3 AND t.value = ''")](
      wanted->app, static_cast<int>(Metric::active), names[static_cast<int>(period)], slice(*wanted, ci).value_or(-1),
      begin_of(period, selection.first), selection.last);
  while (found.step()) counts[found.integer(0)] += sum_of(found.bytes(1));
  return counts;
}

std::vector<VersionTotal> SqliteSource::by_version(const Selection& selection, Metric metric) {
  std::vector<VersionTotal> totals;
  const auto wanted = ids(selection);
  if (!wanted) return totals;
  const auto [first_ci, last_ci] = ci_range(selection.ci);
  Statement& found = database_[OF_ALL_CELLS(
      "SELECT v.value, t.name, t.value, c.bins FROM slice s JOIN term v ON v.id = s.version "
      "CROSS JOIN term t CROSS JOIN",
      "ON c.slice = s.id AND c.series = t.id AND c.day BETWEEN ?8 AND ?9 "
      "WHERE s.app = ?1 AND (s.version = ?2 OR (?2 = 0 AND s.version > 0)) AND s.os = ?3 AND s.command = "
      "?4 AND s.ci BETWEEN ?5 AND ?6 AND t.app = ?1 AND t.metric = ?7") " ORDER BY 1, 2, 3"](
      wanted->app, wanted->version, wanted->os, wanted->command, first_ci, last_ci, static_cast<int>(metric),
      selection.first, selection.last);
  while (found.step()) {
    const VersionTotal row{found.text(0), found.text(1), found.text(2), sum_of(found.bytes(3))};
    if (!totals.empty() && totals.back().version == row.version && totals.back().name == row.name &&
        totals.back().value == row.value)
      totals.back().n += row.n;
    else
      totals.push_back(row);
  }
  return totals;
}

std::set<Word> SqliteSource::shared_words(const std::string& app, Metric metric) {
  std::set<Word> words;
  Statement& found = database_
      ["SELECT t.name, t.value FROM term t WHERE t.app = ? AND t.metric = ? "
       "AND (SELECT COUNT(*) FROM witness WHERE term = t.id) >= 5"](term(0, Metric::app, app).value_or(-1),
                                                                    static_cast<int>(metric));
  while (found.step()) words.emplace(found.text(0), found.text(1));
  return words;
}

}  // namespace collector
