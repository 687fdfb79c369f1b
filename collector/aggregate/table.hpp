#pragma once
// What a question is answered with: a small table, for a chart, for CSV and for JSON.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace collector {

/// monostate: unknown, or not meaningful, as the median of nothing.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
};

/// RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it.
std::string csv_of(const Table&);
/// {"columns": [...], "rows": [[...], ...]}, one row a line.
std::string json_of(const Table&);
/// Numbers without meaningless digits; empty for what is unknown.
std::string text_of(const Value&);

/// From 0 to 1, to four places; unknown where the whole is nothing.
Value share_of(std::int64_t part, std::int64_t whole);

}  // namespace collector
