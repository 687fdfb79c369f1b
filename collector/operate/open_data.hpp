#pragma once
// Reports for everyone: raw data that identifies nobody. Two passes over all reports: what is in them is counted, then
// each is written with what at least five installations share.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "../base/day.hpp"
#include "../ingest/report_v1.hpp"

namespace collector {

class OpenData {
 public:
  /// First pass.
  void count(const Json& report);
  /// Second pass: the report on one line, or nothing where fewer than five installations share even its version, system
  /// and architecture. It has no ids, no times but the week of `day`, no hashes; numbers have three digits; words
  /// (values and names) that fewer than five share are not there, and of the machine only what five share together.
  std::optional<std::string> line(const Json& report, Day day) const;

 private:
  void see(const std::string& what, std::size_t installation);
  void see_words(const Json& part, const std::string& path, std::size_t installation);
  bool is_shared(const std::string& what) const;
  void keep_shared_words(Json& part, const std::string& path) const;
  bool keep_shared_machine(Json& report) const;

  std::unordered_map<std::string, std::vector<std::size_t>> seen_;  // up to five installations each
};

}  // namespace collector
