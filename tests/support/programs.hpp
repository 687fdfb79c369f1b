#pragma once
// Where the build has put the programs under test.

#include <filesystem>
#include <string>

/// The program made from tests/programs/NAME.cpp.
inline std::filesystem::path program(const std::string& name) {
  return std::filesystem::path(USAGE_STATS_TEST_PROGRAMS) / name;
}

/// A file of the source tree: source_file("docs/report.schema.json").
inline std::filesystem::path source_file(const std::string& name) {
  return std::filesystem::path(USAGE_STATS_SOURCE_FOLDER) / name;
}
