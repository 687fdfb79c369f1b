#include "cells.hpp"

#include <algorithm>
#include <array>

namespace collector {
namespace {

constexpr Period periods[] = {Period::day, Period::week, Period::month};
constexpr const char* period_names[] = {"day", "week", "month"};
constexpr const char* insert_cell =
    "INSERT INTO cell VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET bins = added_up(bins, excluded.bins)";

/// added_up(a, b) for SQL, of packed bins.
void add_up(sqlite3_context* context, int, sqlite3_value** values) {
  const auto bins_of = [](sqlite3_value* value) {
    const auto* const bytes = static_cast<const char*>(sqlite3_value_blob(value));
    return unpacked_bins({bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))});
  };
  try {
    const std::string sum = packed(added_up(bins_of(values[0]), bins_of(values[1])));
    sqlite3_result_blob(context, sum.data(), static_cast<int>(sum.size()), SQLITE_TRANSIENT);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

}  // namespace

Cells::Cells(Database& database, Terms& terms) : database_(database), terms_(terms) {
  sqlite3_create_function(database.handle(), "added_up", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, add_up,
                          nullptr, nullptr);
}

std::size_t Cells::Hash::operator()(const Key& key) const noexcept {
  std::uint64_t hash = 0;
  for (const std::int64_t part : {key.slice, key.series, key.day, key.bin}) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
  }
  return static_cast<std::size_t>(hash);
}

void Cells::add(Id leaf, Day day, const std::vector<CountedFact>& facts, std::int64_t times) {
  for (const CountedFact& fact : facts) of_leaves_[{leaf, fact.series, day, fact.bin}] += times * fact.n;
}

void Cells::write_presence() {
  Statement& insert = database_["INSERT OR IGNORE INTO presence(client, day, leaf) VALUES(?, ?, ?)"];
  for (const Presence& presence : seen_) {
    insert(presence.client, presence.day, presence.leaf).run();
    if (database_.changes() > 0) count_active(presence, 1);
  }
  seen_.clear();
}

/// Adds n to the distinct numbers of each slice and period in which nothing else shows this installation. The presence
/// itself must be in the database if n is 1, and must not if it is -1.
void Cells::count_active(const Presence& presence, std::int64_t n) {
  const std::array<Id, 8> mine[] = {terms_.slices_of(presence.leaf), terms_.slices_of_either(presence.leaf)};
  bool known[3][2][8] = {};
  const Day first = std::min(begin_of(Period::week, presence.day), begin_of(Period::month, presence.day));
  const Day end = std::max(end_of(Period::week, presence.day), end_of(Period::month, presence.day));
  Statement& others = database_["SELECT day, leaf FROM presence WHERE client = ? AND day >= ? AND day < ?"];
  others(presence.client, first, end);
  while (others.step()) {
    const Day day = others.integer(0);
    const Id leaf = others.integer(1);
    if (day == presence.day && leaf == presence.leaf) continue;
    const std::array<Id, 8>* const theirs[] = {&terms_.slices_of(leaf), &terms_.slices_of_either(leaf)};
    for (std::size_t period = 0; period < 3; ++period)
      if (begin_of(periods[period], day) == begin_of(periods[period], presence.day))
        for (std::size_t either = 0; either < 2; ++either)
          for (std::size_t mask = 0; mask < 8; ++mask)
            known[period][either][mask] |= (*theirs[either])[mask] == mine[either][mask];
  }
  for (std::size_t period = 0; period < 3; ++period) {
    const auto series = terms_.series(terms_.leaf(presence.leaf).app, Metric::active, period_names[period], {});
    if (!series) continue;
    distinct_.insert(*series);
    for (std::size_t either = 0; either < 2; ++either)
      for (std::size_t mask = 0; mask < 8; ++mask)
        if (!known[period][either][mask])
          add(mine[either][mask], *series, begin_of(periods[period], presence.day), 0, n);
  }
}

void Cells::unsee(const std::vector<Presence>& removed) {
  Statement& remove = database_["DELETE FROM presence WHERE client = ? AND day = ? AND leaf = ?"];
  for (const Presence& presence : removed) {  // each period is taken away with the last day that showed it
    remove(presence.client, presence.day, presence.leaf).run();
    count_active(presence, -1);
  }
}

void Cells::write() {
  write_presence();
  std::vector<std::pair<Key, std::int64_t>> sorted(gathered_.begin(), gathered_.end());
  sorted.reserve(sorted.size() + of_leaves_.size() * 8);
  for (auto [key, n] : of_leaves_) {
    if (n == 0) continue;
    for (const Id slice : terms_.slices_of(key.slice)) sorted.push_back({{slice, key.series, key.day, key.bin}, n});
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto cell = sorted.begin(); cell != sorted.end();) {
    const Key& row = cell->first;
    Binned bins;
    for (auto end = cell; cell != sorted.end() && cell->first.same_row(row); cell = end) {
      std::int64_t n = 0;
      for (; end != sorted.end() && end->first == cell->first; ++end) n += end->second;
      if (n != 0) bins.emplace_back(cell->first.bin, n);
    }
    if (!bins.empty()) write_row(row, bins);
  }
  of_leaves_.clear();
  gathered_.clear();
}

bool Cells::is_fresh(bool distinct, Day day) const { return day >= (distinct ? last_day_of_presence() : today()); }

void Cells::write_row(const Key& key, const Binned& more) {
  if (std::any_of(more.begin(), more.end(), [](const auto& bin) { return bin.second < 0; }))
    return rewrite_row(key, more);
  Statement& insert = is_fresh(distinct_.count(key.series) > 0, key.day)
                          ? database_
                                ["INSERT INTO fresh VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET bins = added_up(bins, "
                                 "excluded.bins)"]
                          : database_[insert_cell];
  insert(key.slice, key.series, key.day, Blob{packed(more)}).run();
}

/// A row of which something is taken away may come to its end.
void Cells::rewrite_row(const Key& key, const Binned& more) {
  const auto bins_of = [&](Statement& found) {
    const Binned bins = found(key.slice, key.series, key.day).step() ? unpacked_bins(found.bytes(0)) : Binned();
    found.reset();
    return bins;
  };
  const Binned fresh = bins_of(database_["SELECT bins FROM fresh WHERE slice = ? AND series = ? AND day = ?"]);
  const Binned rest =
      added_up(bins_of(database_["SELECT bins FROM cell WHERE slice = ? AND series = ? AND day = ?"]), fresh);
  if (!fresh.empty())
    database_["DELETE FROM fresh WHERE slice = ? AND series = ? AND day = ?"](key.slice, key.series, key.day).run();
  const Binned bins = added_up(rest, more);
  if (bins.empty())
    database_["DELETE FROM cell WHERE slice = ? AND series = ? AND day = ?"](key.slice, key.series, key.day).run();
  else
    database_["INSERT OR REPLACE INTO cell(slice, series, day, bins) VALUES(?, ?, ?, ?)"](key.slice, key.series,
                                                                                          key.day, Blob{packed(bins)})
        .run();
}

bool Cells::settle(int most) {
  std::vector<std::pair<Key, std::string>> rows;
  int looked_at = 0;
  Statement& fresh = database_
      ["SELECT slice, series, day, bins, metric FROM fresh CROSS JOIN term ON term.id = series "
       "WHERE (slice, series, day) > (?, ?, ?) ORDER BY slice, series, day LIMIT ?"];
  for (fresh(settled_.slice, settled_.series, settled_.day, most); fresh.step(); ++looked_at) {
    settled_ = {fresh.integer(0), fresh.integer(1), fresh.integer(2), 0};
    if (!is_fresh(static_cast<Metric>(fresh.integer(4)) == Metric::active, settled_.day))
      rows.emplace_back(settled_, fresh.text(3));
  }
  for (const auto& [key, bins] : rows) {
    database_[insert_cell](key.slice, key.series, key.day, Blob{bins}).run();
    database_["DELETE FROM fresh WHERE slice = ? AND series = ? AND day = ?"](key.slice, key.series, key.day).run();
  }
  if (looked_at == most) return true;
  settled_ = {INT64_MIN, INT64_MIN, INT64_MIN, 0};
  return false;
}

}  // namespace collector
