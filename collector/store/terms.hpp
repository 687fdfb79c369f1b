#pragma once
// Names and numbers for what is counted, and for the slices that filters select. In memory as in the database.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "../aggregate/facts.hpp"
#include "../base/sqlite.hpp"

namespace collector {

using Id = std::int64_t;

/// The finest slice of a run.
struct Leaf {
  Id app = 0, version = 0, os = 0, command = 0;
  int ci = 0;  // 0, 1, or 2 for either
};

inline constexpr int either_ci = 2;  // slices that count installations only: one may be on both sides

class Terms {
 public:
  explicit Terms(Database& database) : database_(database) {}

  /// Takes all from the database anew.
  void load();

  /// Nothing where there are as many programs as there can be.
  std::optional<Id> app(const std::string& name);
  /// A value beyond what a metric can have becomes "other"; a name beyond that is nothing.
  std::optional<Id> series(Id app, Metric metric, const std::string& name, const std::string& value);
  Id slice(const Leaf&);
  /// The eight slices in which a run of this one counts: itself, and with each of version, os and command left out.
  const std::array<Id, 8>& slices_of(Id leaf) { return known_slices(leaf)[0]; }
  /// The same with either_ci.
  const std::array<Id, 8>& slices_of_either(Id leaf) { return known_slices(leaf)[1]; }
  const Leaf& leaf(Id slice) const { return leaves_.at(slice); }

  /// Remembers that an installation shares this text, for up to five of them.
  void witness(Id term, const std::string& client_hash);
  std::size_t size() const { return terms_.size(); }

 private:
  const std::array<std::array<Id, 8>, 2>& known_slices(Id leaf);
  std::optional<Id> find(Id app, Metric metric, const std::string& name, const std::string& value);
  Id add(Id app, Metric metric, const std::string& name, const std::string& value);
  bool has_room(Id app, Metric metric, const std::string& name) const;
  void remember(Id id, Id app, Metric metric, const std::string& name, const std::string& value);

  Database& database_;
  std::unordered_map<std::string, Id> terms_;
  std::unordered_map<std::string, int> counts_;  // of values, by app, metric and name; of names, by app and metric
  std::unordered_map<Id, int> witnesses_;
  std::unordered_map<std::string, Id> slices_;
  std::unordered_map<Id, Leaf> leaves_;
  std::unordered_map<Id, std::array<std::array<Id, 8>, 2>> slices_of_;
};

}  // namespace collector
