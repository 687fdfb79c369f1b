#pragma once
// A collector's database with reports of days that are over, and what its program declares.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "collector.hpp"
#include "collector/store/store.hpp"

/// The pages of a program.
inline const std::vector<std::string> tabs = {"", "endings", "durations", "own"};

/// Reports of the days before today, so that there are finished weeks; `change` makes each what a test needs.
template <class Change>
void fill_database(const std::filesystem::path& folder, std::size_t count, std::size_t installations, Change change) {
  collector::Store store(folder / "usage.db", true);
  collector::Store::Change all(store);
  for (std::size_t i = 0; i < count; ++i) {
    nlohmann::ordered_json report = report_number(i, i % installations + 1);
    const auto day = collector::today() - 8 - static_cast<collector::Day>(i % 20);
    change(report, i);
    store.add(collector::report_of(report), day);
  }
  store.write_figures();
  all.commit();
}

inline void describe(const std::filesystem::path& folder, const nlohmann::ordered_json& declared) {
  const nlohmann::ordered_json text = {{"app", "mytool"}, {"version", "1.4.2"}, {"declared", declared}};
  if (run_collector(folder, {"describe", "add", "-"}, text.dump()).exit_code != 0)
    throw std::runtime_error("the description was refused");
}

inline nlohmann::ordered_json all_kinds(const std::string& description) {
  nlohmann::ordered_json declared = nlohmann::ordered_json::array();
  for (const auto& [name, kind] : std::vector<std::pair<std::string, std::string>>{{"verified", "boolean"},
                                                                                   {"throughput_gbps", "number"},
                                                                                   {"files", "integer"},
                                                                                   {"format", "choice"},
                                                                                   {"said", "text"},
                                                                                   {"sample", "hashed"},
                                                                                   {"cache_hits", "counter"},
                                                                                   {"connected", "event"},
                                                                                   {"align", "stage"}})
    declared.push_back({{"name", name}, {"kind", kind}, {"description", description}});
  return declared;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
