#pragma once
// What users can influence (needs_witnesses) can be shown in public only where several installations share it.

#include <set>
#include <string>
#include <utility>

#include "selection.hpp"

namespace collector {

/// Of a metric, the names and values that at least five installations have reported.
std::set<std::pair<std::string, std::string>> shared_words(const Reader&, Metric);

}  // namespace collector
