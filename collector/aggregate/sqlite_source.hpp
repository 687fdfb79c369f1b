#pragma once
// Figures from the cells of the database. Any selection is one slice, or two with Ci::both.

#include "../base/sqlite.hpp"
#include "source.hpp"

namespace collector {

class SqliteSource : public Source {
 public:
  /// The database must outlive it.
  explicit SqliteSource(Database& database) : database_(database) {}

  std::vector<Program> programs(const std::string& only) override;
  std::vector<Series> series(const Selection&, Metric) override;
  std::map<Day, std::int64_t> installations(const Selection&, Period) override;
  std::vector<VersionTotal> by_version(const Selection&, Metric) override;
  std::set<Word> shared_words(const std::string& app, Metric) override;

 private:
  /// Ids of what a selection names; 0 is all.
  struct Ids {
    std::int64_t app = 0, version = 0, os = 0, command = 0;
  };
  /// Nothing where no run has ever fitted.
  std::optional<Ids> ids(const Selection&);
  std::optional<std::int64_t> term(std::int64_t app, Metric, const std::string& value);
  std::optional<std::int64_t> slice(const Ids&, int ci);

  Database& database_;
};

}  // namespace collector
