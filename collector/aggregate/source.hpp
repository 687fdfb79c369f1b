#pragma once
// What a page is about, and where its figures come from: the cells of SQLite (sqlite_source.hpp), or a cluster's
// (cluster/clickhouse_source.hpp). All questions (figures.hpp) can be put to either.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../base/day.hpp"
#include "facts.hpp"

namespace collector {

enum class Ci { without, only, both };

/// Any combination of filters costs much the same.
struct Selection {
  std::string app;
  Day first = 0, last = 0;  // both included
  std::optional<std::string> version{}, os{}, command{};
  Ci ci = Ci::without;
  Period step = Period::day;  // of charts over time
};

struct Cell {
  Day day;
  std::int64_t bin, n;
};
/// All that a selection has of a name and a value of a metric.
struct Series {
  std::string name, value;
  std::vector<Cell> cells;

  std::int64_t sum() const;
};
struct VersionTotal {
  std::string version, name, value;
  std::int64_t n;
};
struct Program {
  std::string app;
  std::int64_t runs;  // of all time, CI too
  Day first, last;
};
/// A name and a value.
using Word = std::pair<std::string, std::string>;

/// For one thread.
class Source {
 public:
  virtual ~Source() = default;
  /// Those that have runs, by name; only that one unless `only` is empty.
  virtual std::vector<Program> programs(const std::string& only) = 0;
  /// The series of a metric, by name and value; those without cells in the selection may be there or not.
  virtual std::vector<Series> series(const Selection&, Metric) = 0;
  /// Distinct installations of each day, week or month, from that on in which the selection begins.
  virtual std::map<Day, std::int64_t> installations(const Selection&, Period) = 0;
  /// The sums of each version.
  virtual std::vector<VersionTotal> by_version(const Selection&, Metric) = 0;
  /// What at least five installations have reported, of a metric that needs_witnesses.
  virtual std::set<Word> shared_words(const std::string& app, Metric) = 0;
};

/// The days from the first to the last run of a program; nothing if there is none.
std::optional<std::pair<Day, Day>> days_of(Source&, const std::string& app);

/// bin -> n.
using Bins = std::map<std::int64_t, std::int64_t>;

/// The figures of a selection. Each metric is asked for once.
class Reader {
 public:
  Reader(Source& source, Selection selection) : source_(source), selection_(std::move(selection)) {}

  const Selection& selection() const { return selection_; }
  Source& source() const { return source_; }
  const std::vector<Series>& series(Metric) const;
  std::vector<Series> series(Metric, const std::string& name) const;
  std::int64_t sum(Metric, const std::string& name = {}) const;
  Bins bins(Metric, const std::string& name = {}) const;

 private:
  Source& source_;
  Selection selection_;
  mutable std::map<Metric, std::vector<Series>> known_;
};

/// 1.9 before 1.10, 2.0-rc1 before 2.0.
bool older_version(const std::string& a, const std::string& b);

}  // namespace collector
