#pragma once
// What users wrote (error messages, texts) can be shown in public only where several installations share it.

#include <set>
#include <string>
#include <utility>

#include "selection.hpp"

namespace collector {

/// Of a metric (error, text), the names and values that at least five installations have reported.
std::set<std::pair<std::string, std::string>> shared_words(const Reader&, Metric);

}  // namespace collector
