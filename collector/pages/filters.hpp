#pragma once
// The selection in a page's address, and the links that change it. All of it is plain links:
// days=90&version=1.4.2&ci=only.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../aggregate/figures.hpp"

namespace collector {

/// The parameters of an address: days (7, 30, 90, 365, all), version, os, command, ci (only, both). A missing parameter
/// has its default; an unknown value counts as missing.
class Filters {
 public:
  Filters() = default;
  Filters(const std::multimap<std::string, std::string>& parameters);

  /// The selection of a program's runs until `last`; `known` are the days that it has any of.
  Selection selection(const std::string& app, Day last, const std::optional<std::pair<Day, Day>>& known) const;
  /// "?days=30&version=1.4.2", or nothing where all is the default.
  std::string query() const;
  /// The same with one parameter changed; an empty value is the default.
  Filters with(const std::string& name, const std::string& value) const;
  const std::string& value(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

/// The rows of links: period, version, system, command, CI, each with what it chooses now marked.
std::string filter_links(const Filters&, const Reader& unfiltered, const std::string& page);

}  // namespace collector
