#include "witnesses.hpp"

namespace collector {

std::set<std::pair<std::string, std::string>> shared_words(const Reader& reader, Metric metric) {
  constexpr std::int64_t enough = 5;
  std::set<std::pair<std::string, std::string>> words;
  for (const Series& series : reader.series(metric)) {
    const auto witnesses =
        reader.database()["SELECT count(*) FROM witness WHERE term = ?"](series.id).number().value_or(0);
    if (witnesses >= enough) words.emplace(series.name, series.value);
  }
  return words;
}

}  // namespace collector
