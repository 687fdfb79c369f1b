#pragma once
// The figures, and what is to be added to them. Many runs add to the same cells, so that they are gathered in memory
// and written together; what is gathered can be made anew from the runs after meta.aggregated_through.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "../base/day.hpp"
#include "../store/terms.hpp"
#include "bins.hpp"

namespace collector {

/// A fact as a run keeps it.
struct CountedFact {
  Id series;
  std::int64_t bin, n;
};

/// A few bytes for each fact, and back.
std::string packed(const std::vector<CountedFact>&);
std::vector<CountedFact> unpacked(std::string_view);

struct Presence {
  Id client;
  Day day;
  Id leaf;
  bool operator<(const Presence& other) const {
    return std::tie(client, day, leaf) < std::tie(other.client, other.day, other.leaf);
  }
};

class Cells {
 public:
  Cells(Database& database, Terms& terms);

  /// Adds a run's facts to the cells of its eight slices; times = -1 takes them away.
  void add(Id leaf, Day day, const std::vector<CountedFact>& facts, std::int64_t times = 1);
  void add(Id slice, Id series, Day day, std::int64_t bin, std::int64_t n) {
    gathered_[{slice, series, day, bin}] += n;
  }
  /// The installation was there.
  void see(const Presence& presence) { seen_.insert(presence); }
  /// It was not: removes these from the database. Nothing that was seen may be left to write.
  void unsee(const std::vector<Presence>& removed);

  std::size_t size() const { return of_leaves_.size() * 8 + gathered_.size() + seen_.size(); }
  void clear() { of_leaves_.clear(), gathered_.clear(), seen_.clear(); }
  /// Writes all that is gathered. Afterwards it is empty.
  void write();
  /// Brings what is fresh no more to the other cells: looks at so many. False: that was the last.
  bool settle(int most);

 private:
  struct Key {
    Id slice, series;
    Day day;
    std::int64_t bin;
    bool operator==(const Key& other) const {
      return std::tie(slice, series, day, bin) == std::tie(other.slice, other.series, other.day, other.bin);
    }
    bool same_row(const Key& other) const {
      return std::tie(slice, series, day) == std::tie(other.slice, other.series, other.day);
    }
    bool operator<(const Key& other) const {
      return std::tie(slice, series, day, bin) < std::tie(other.slice, other.series, other.day, other.bin);
    }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  using Gathered = std::unordered_map<Key, std::int64_t, Hash>;
  void write_presence();
  bool is_fresh(bool distinct, Day day) const;
  void write_row(const Key& key, const Binned& more);
  void rewrite_row(const Key& key, const Binned& more);
  void count_active(const Presence& presence, std::int64_t n);

  Database& database_;
  Terms& terms_;
  Gathered of_leaves_, gathered_;  // what counts in all eight slices of a leaf, and in one
  std::set<Presence> seen_;
  std::set<Id> distinct_;                            // series of Metric::active that were counted
  Key settled_{INT64_MIN, INT64_MIN, INT64_MIN, 0};  // the last one that settle() has looked at
};

}  // namespace collector
