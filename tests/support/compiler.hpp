#pragma once
// The compiler that builds the tests, for what must not compile and for what is left after an include.

#include <string>
#include <vector>

#include "process.hpp"

/// Runs the compiler on the text of a source file, called source.cpp. It finds <usage_stats.hpp> in the form under
/// test.
Result compile(const std::string& source, std::vector<std::string> flags);
