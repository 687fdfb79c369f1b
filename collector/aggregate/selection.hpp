#pragma once
// What a page is about, and how cells are read for it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../base/day.hpp"
#include "../base/sqlite.hpp"
#include "facts.hpp"

namespace collector {

enum class Ci { without, only, both };

/// Any combination of filters is one slice (two with Ci::both), so that all cost much the same.
struct Selection {
  std::string app;
  Day first = 0, last = 0;  // both included
  std::optional<std::string> version{}, os{}, command{};
  Ci ci = Ci::without;
  Period step = Period::day;  // of charts over time
};

/// bin -> n.
using Bins = std::map<std::int64_t, std::int64_t>;

struct Series {
  std::int64_t id;
  std::string name, value;
};

/// The cells of a selection. Cheap to make; for one thread, like its database.
class Reader {
 public:
  Reader(Database& database, const Selection& selection);

  /// False where no run has ever fitted the selection: everything is empty then.
  bool known() const { return !slices_.empty(); }
  const Selection& selection() const { return selection_; }

  /// All series of a metric, or those of a name.
  std::vector<Series> series(Metric metric) const;
  std::vector<Series> series(Metric metric, const std::string& name) const;

  /// Calls it with day, bin and n of each cell from `first` to the selection's last day.
  using Use = std::function<void(Day day, std::int64_t bin, std::int64_t n)>;
  void cells(std::int64_t series, Day first, const Use&) const;
  void cells(std::int64_t series, const Use& use) const { cells(series, selection_.first, use); }

  /// The same for Metric::active, whose numbers of installations cannot be added up.
  void installations(std::int64_t series, Day first, const Use&) const;

  std::int64_t sum(std::int64_t series) const;
  std::int64_t sum(Metric metric, const std::string& name = {}) const;
  Bins bins(Metric metric, const std::string& name) const;

  /// The same selection for another version.
  Reader of_version(const std::string& version) const;
  Database& database() const { return database_; }

 private:
  void cells(const std::vector<std::int64_t>& slices, std::int64_t series, Day first, const Use&) const;
  std::optional<std::int64_t> term(std::int64_t app, Metric metric, const std::string& value) const;

  Database& database_;
  Selection selection_;
  std::int64_t app_ = 0;
  std::vector<std::int64_t> slices_, slices_of_installations_;
};

/// 1.9 before 1.10, 2.0-rc1 before 2.0.
bool older_version(const std::string& a, const std::string& b);

}  // namespace collector
