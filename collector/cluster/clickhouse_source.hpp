#pragma once
// Figures from a cluster: those of all collectors that send there.

#include <memory>
#include <optional>

#include "../aggregate/sqlite_source.hpp"
#include "clickhouse.hpp"

namespace collector {

class ClickHouseSource : public Source {
 public:
  explicit ClickHouseSource(const std::string& url) : server_(url) {}

  std::vector<Program> programs(const std::string& only) override;
  std::vector<Series> series(const Selection&, Metric) override;
  std::map<Day, std::int64_t> installations(const Selection&, Period) override;
  std::vector<VersionTotal> by_version(const Selection&, Metric) override;
  std::set<Word> shared_words(const std::string& app, Metric) override;

 private:
  ClickHouse server_;
};

/// Of the cluster, or of the database where there is none.
inline std::unique_ptr<Source> make_source(const std::optional<std::string>& cluster, Database& database) {
  if (cluster) return std::make_unique<ClickHouseSource>(*cluster);
  return std::make_unique<SqliteSource>(database);
}

}  // namespace collector
