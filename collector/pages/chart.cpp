#include "chart.hpp"

#include <algorithm>

namespace collector {

bool Chart::empty() const {
  return std::none_of(series.begin(), series.end(), [](const Line& line) {
    return std::any_of(line.values.begin(), line.values.end(), [](const auto& value) { return value.has_value(); });
  });
}

}  // namespace collector
