// What somebody forged is taken away, in pieces between which reports are taken: runs with what they have added, then
// the days of installations, then what is left in the cells of reports that are gone. What arrives meanwhile stays.
#include <algorithm>

#include "../aggregate/bins.hpp"
#include "outbox.hpp"
#include "store.hpp"

namespace collector {
namespace {

constexpr int rows_for_one = 20;  // that are looked at while one is sought

}  // namespace

void Store::forget(const std::string& app, const std::optional<std::string>& version, std::optional<Day> day) {
  database_["INSERT INTO forged(app, version, day, through) VALUES(?, ?, ?, ?)"](app, version, day, last_run_).run();
}

/// What is to be forgotten next, and its slices: all that the program, or its version, has ever reported.
bool Store::next_forged() {
  Statement& next = database_["SELECT id, app, version, day, through FROM forged ORDER BY id LIMIT 1"]();
  if (!next.step()) return false;
  if (forged_.id != next.integer(0)) {
    forged_ = {};
    forged_.id = next.integer(0);
    forged_.app = next.text(1);
    forged_.through = next.integer(4);
    if (!next.is_null(2)) forged_.version = next.text(2);
    if (!next.is_null(3)) forged_.day = next.integer(3);
    begin_step(Forged::Step::runs);
    forged_.looked_at[0] = forged_.day.value_or(INT64_MIN);
  }
  next.reset();
  forged_.slices.clear();
  Statement& found = database_
      ["SELECT s.id FROM term a JOIN slice s ON s.app = a.id LEFT JOIN term v ON v.id = s.version "
       "WHERE a.app = 0 AND a.metric = 0 AND a.value = ?1 AND (?2 IS NULL OR v.value = ?2)"](forged_.app,
                                                                                             forged_.version);
  while (found.step()) forged_.slices.insert(found.integer(0));
  return true;
}

void Store::begin_step(Forged::Step step) {
  forged_.step = step;
  forged_.looked_at = {INT64_MIN, INT64_MIN, INT64_MIN};
}

std::optional<std::int64_t> Store::forget_some(int most) {
  write_figures();
  if (!next_forged()) return std::nullopt;
  std::int64_t count = 0;
  if (forged_.step == Forged::Step::runs)
    count = forget_runs(most);
  else if (forged_.step == Forged::Step::presences)
    forget_presences(most);
  else
    count = forget_cells(most);
  write_figures();
  return count;
}

std::int64_t Store::forget_runs(int most) {
  std::vector<Id> runs;
  int rows = 0;
  auto& [day, client, run] = forged_.looked_at;
  Statement& visits = database_
      ["SELECT day, client, run, leaf FROM visit WHERE (day, client, run) > (?, ?, ?) AND day <= ? "
       "ORDER BY day, client, run LIMIT ?"](day, client, run, forged_.day.value_or(INT64_MAX), most * rows_for_one);
  for (; runs.size() < static_cast<std::size_t>(most) && visits.step(); ++rows) {
    day = visits.integer(0), client = visits.integer(1), run = visits.integer(2);
    if (run <= forged_.through && forged_.slices.count(visits.integer(3)) > 0) runs.push_back(run);
  }
  visits.reset();
  for (const Id each : runs) put_gone(database_, each);
  std::sort(runs.begin(), runs.end());
  remove_runs(runs, true);
  if (runs.size() < static_cast<std::size_t>(most) && rows < most * rows_for_one) begin_step(Forged::Step::presences);
  return static_cast<std::int64_t>(runs.size());
}

void Store::forget_presences(int most) {
  std::vector<Presence> presences;
  int rows = 0;
  auto& [client, day, leaf] = forged_.looked_at;
  Statement& seen = database_
      ["SELECT client, day, leaf FROM presence WHERE (client, day, leaf) > (?, ?, ?) ORDER BY client, day, leaf "
       "LIMIT ?"](client, day, leaf, most * rows_for_one);
  for (; presences.size() < static_cast<std::size_t>(most) && seen.step(); ++rows) {
    client = seen.integer(0), day = seen.integer(1), leaf = seen.integer(2);
    if (forged_.day.value_or(day) != day || forged_.slices.count(leaf) == 0) continue;
    Statement& since = database_["SELECT 1 FROM visit WHERE day = ? AND client = ? AND run > ? AND leaf = ?"];
    if (!since(day, client, forged_.through, leaf).number()) presences.push_back({client, day, leaf});
  }
  const bool ended = presences.size() < static_cast<std::size_t>(most) && rows < most * rows_for_one;
  seen.reset();
  cells_.unsee(presences);
  if (!ended) return;
  begin_step(Forged::Step::cells);
  while (cells_.settle(INT32_MAX)) {  // what has not gone by now is of days that are over
  }
}

/// A day on which a run has come since has figures of that alone: what had gone from there is of days long over.
std::int64_t Store::forget_cells(int most) {
  std::set<Day> kept;
  Statement& since = database_["SELECT DISTINCT day FROM run WHERE id > ?"](forged_.through);
  while (since.step()) kept.insert(since.integer(0));
  std::int64_t count = 0;
  int rows = 0;
  auto& [of, series, day] = forged_.looked_at;
  for (auto slice = forged_.slices.lower_bound(of); slice != forged_.slices.end() && rows < most; ++slice) {
    if (*slice != of) of = *slice, series = day = INT64_MIN;
    Statement& cells = database_
        ["SELECT series, day, bins, metric, name FROM cell CROSS JOIN term ON term.id = series WHERE slice = ? AND "
         "(series, day) > (?, ?) ORDER BY series, day LIMIT ?"](of, series, day, most - rows);
    for (; cells.step(); ++rows) {
      series = cells.integer(0), day = cells.integer(1);
      count += forget_cell(of, cells, kept);
    }
  }
  if (rows < most) end_forgetting();
  return count;
}

/// Takes its numbers away, and from the slice of all versions, too, if it is one version that goes. Distinct numbers
/// cannot be subtracted like that: there they went with the days of installations. Returns how many runs that were.
std::int64_t Store::forget_cell(Id slice, Statement& cell, const std::set<Day>& kept) {
  const Id series = cell.integer(0);
  const Day day = cell.integer(1);
  const auto metric = static_cast<Metric>(cell.integer(3));
  const std::string name = cell.text(4);
  const bool distinct = metric == Metric::active;
  const Period period = !distinct || name == "day" ? Period::day : name == "week" ? Period::week : Period::month;
  if (forged_.day && (day != *forged_.day || period != Period::day)) return 0;
  if (const auto first = kept.lower_bound(day); first != kept.end() && *first < end_of(period, day)) return 0;
  const Leaf leaf = terms_.leaf(slice);
  const Id whole = terms_.slice({leaf.app, 0, leaf.os, leaf.command, leaf.ci});
  std::int64_t runs = 0;
  for (const auto& [bin, n] : unpacked_bins(cell.bytes(2))) {
    if (metric == Metric::runs && leaf.os == 0 && leaf.command == 0 &&
        (leaf.version != 0) == forged_.version.has_value())
      runs += n;
    cells_.add(slice, series, day, bin, -n);
    if (forged_.version && !distinct) cells_.add(whole, series, day, bin, -n);
  }
  return runs;
}

void Store::end_forgetting() {
  put_forgotten(database_, forged_.app, forged_.version, forged_.day);
  database_["DELETE FROM forged WHERE id = ?"](forged_.id).run();
  forged_ = {};
}

}  // namespace collector
