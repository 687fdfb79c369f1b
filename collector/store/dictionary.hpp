#pragma once
// What programs have declared: `mytool usage-stats describe --json`, taught by `describe add`.

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "../base/sqlite.hpp"
#include "../ingest/report_v1.hpp"

namespace collector {

struct Described {
  std::string name, kind, description;  // kind: boolean, integer, number, choice, hashed, text, counter, event, stage
  std::vector<std::string> choices;
};

/// Adds a program's dictionary to what is known of it: what an older version declared and this one does not stays.
/// Returns the program's name. Throws Problem if `text` is no such dictionary.
std::string teach(Database&, const std::string& text);

/// What the program declares, in its own order. Empty if it was never taught.
std::vector<Described> described(Database&, const std::string& app);

/// For --only-described. For any thread.
class OnlyDescribed {
 public:
  explicit OnlyDescribed(const std::string& file);
  /// Throws Refused unless the program, its names and the words of its choices were taught; within a second of that.
  void check(const Json& report);

 private:
  using Names = std::map<std::string, Described>;
  void refresh();
  static void check_values(const Names& names, const Json& values, const std::string& where);
  static const Described& find(const Names& names, const std::string& name, const std::string& where);

  std::mutex mutex_;
  Database database_;
  std::chrono::steady_clock::time_point looked_at_{};
  std::map<std::string, Names> programs_;
};

}  // namespace collector
