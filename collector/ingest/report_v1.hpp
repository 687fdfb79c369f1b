#pragma once
// Is this report v1? The same rules as docs/report.schema.json, in C++, with a reason that a person can read.

#include <nlohmann/json.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace collector {

using Json = nlohmann::ordered_json;  // keeps the order of the keys, so that a stored report reads like the one sent

/// Why a report is refused: "events[3].at_s: must be a number, not negative".
struct Refused : std::runtime_error {
  Refused(const std::string& where, const std::string& why)
      : std::runtime_error(where.empty() ? why : where + ": " + why) {}
};

/// Throws Refused unless `body` is report v1; returns it parsed.
Json parse_report(std::string_view body);

/// 32 lower case hexadecimal digits, or 64.
bool is_client_id(std::string_view text);

/// Foreign text that is repeated in a reason: short, and harmless on a terminal and in JSON.
std::string printable(std::string_view text, std::size_t limit = 64);

}  // namespace collector
