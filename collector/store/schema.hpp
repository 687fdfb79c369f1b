#pragma once
// The database file: one that is ours, of a version that we know, or a new one.

#include <string>

#include "../base/sqlite.hpp"

namespace collector {

/// A reason to give up, in words for the person at the terminal.
struct Problem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Opens the file for changes; makes it first if `create`, and brings an older one up to date. Throws Problem if it
/// cannot be used, and then has not changed it.
Database open_database(const std::string& file, bool create);

/// Opens it for questions only; brings an older one up to date, too. Throws Problem.
Database open_for_reading(const std::string& file);

/// Where to find the runs after one id and through another (place, visit).
void write_places(Database&, std::int64_t after, std::int64_t through);

}  // namespace collector
