#include "cells.hpp"

#include <algorithm>
#include <array>

namespace collector {
namespace {

constexpr Period periods[] = {Period::day, Period::week, Period::month};
constexpr const char* period_names[] = {"day", "week", "month"};

}  // namespace

std::size_t Cells::Hash::operator()(const Key& key) const noexcept {
  std::uint64_t hash = 0;
  for (const std::int64_t part : {key.slice, key.series, key.day, key.bin}) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
  }
  return static_cast<std::size_t>(hash);
}

void Cells::add(Id leaf, Day day, const std::vector<CountedFact>& facts, std::int64_t times) {
  for (const Id slice : terms_.slices_of(leaf))
    for (const CountedFact& fact : facts) gathered_[{slice, fact.series, day, fact.bin}] += times * fact.n;
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
  std::sort(sorted.begin(), sorted.end());
  for (auto cell = sorted.begin(); cell != sorted.end();) {
    const Key& key = cell->first;
    Binned bins;
    auto end = cell;
    for (; end != sorted.end() && end->first.same_row(key); ++end)
      if (end->second != 0) bins.emplace_back(end->first.bin, end->second);
    if (!bins.empty()) write_row(key, bins);
    cell = end;
  }
  gathered_.clear();
}

void Cells::write_row(const Key& key, const Binned& more) {
  Statement& found =
      database_["SELECT bins FROM cell WHERE slice = ? AND series = ? AND day = ?"](key.slice, key.series, key.day);
  const bool exists = found.step();
  const Binned bins = exists ? added_up(unpacked_bins(found.bytes(0)), more) : more;
  found.reset();
  if (!exists)
    database_["INSERT INTO cell(slice, series, day, bins) VALUES(?, ?, ?, ?)"](key.slice, key.series, key.day,
                                                                               Blob{packed(bins)})
        .run();
  else if (bins.empty())
    database_["DELETE FROM cell WHERE slice = ? AND series = ? AND day = ?"](key.slice, key.series, key.day).run();
  else
    database_["UPDATE cell SET bins = ? WHERE slice = ? AND series = ? AND day = ?"](Blob{packed(bins)}, key.slice,
                                                                                     key.series, key.day)
        .run();
}

}  // namespace collector
