#pragma once
// How messages are scrubbed in a program with only these literals, and libraries with those.

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <usage_stats.hpp>
#include <vector>

class Program {
 public:
  explicit Program(const std::vector<std::string>& literals, const std::vector<std::string>& of_libraries = {}) {
    for (const std::string& literal : literals) data_ += literal + '\0';
    for (const std::string& literal : of_libraries) library_ += literal + '\0';
  }

  std::string scrub(const std::string& text, const usage_stats::detail::SensitiveValues& sensitive = {},
                    std::size_t limit = 1024) const {
    const auto result = usage_stats::detail::scrub({text}, sensitive, limit, memory());
    REQUIRE(result);
    REQUIRE(result->size() == 1);
    return result->front();
  }
  /// A text that is no message of the program's, but somebody's own words.
  std::string scrub_text(const std::string& text) const {
    const auto result = usage_stats::detail::scrub({"", text}, {}, 1024, memory(), 1);
    REQUIRE(result);
    REQUIRE(result->size() == 2);
    return (*result)[1];
  }

 private:
  std::vector<usage_stats::detail::os::MemoryRange> memory() const {
    std::vector<usage_stats::detail::os::MemoryRange> ranges;
    for (const std::string* const data : {&data_, &library_}) {
      const auto begin = reinterpret_cast<std::uintptr_t>(data->data());
      if (data->size() > 3) ranges.push_back({begin, begin + data->size(), data == &library_});
    }
    return ranges;
  }

  std::string data_ = std::string(3, '\0'), library_ = std::string(3, '\0');
};

inline usage_stats::detail::SensitiveValues sensitive_values(const std::vector<std::string>& all) {
  usage_stats::detail::SensitiveValues result;
  for (const std::string& value : all) result.add(value);
  return result;
}
