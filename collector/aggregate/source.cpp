#include "source.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace collector {

std::int64_t Series::sum() const {
  std::int64_t total = 0;
  for (const Cell& cell : cells) total += cell.n;
  return total;
}

std::optional<std::pair<Day, Day>> days_of(Source& source, const std::string& app) {
  const std::vector<Program> programs = source.programs(app);
  if (app.empty() || programs.empty()) return std::nullopt;
  return std::pair(programs[0].first, programs[0].last);
}

const std::vector<Series>& Reader::series(Metric metric) const {
  const auto found = known_.find(metric);
  return found != known_.end() ? found->second
                               : known_.emplace(metric, source_.series(selection_, metric)).first->second;
}

std::vector<Series> Reader::series(Metric metric, const std::string& name) const {
  std::vector<Series> of_name;
  for (const Series& one : series(metric))
    if (one.name == name) of_name.push_back(one);
  return of_name;
}

std::int64_t Reader::sum(Metric metric, const std::string& name) const {
  std::int64_t total = 0;
  for (const Series& one : series(metric))
    if (one.name == name) total += one.sum();
  return total;
}

Bins Reader::bins(Metric metric, const std::string& name) const {
  Bins bins;
  for (const Series& one : series(metric))
    if (one.name == name)
      for (const Cell& cell : one.cells) bins[cell.bin] += cell.n;
  return bins;
}

bool older_version(const std::string& a, const std::string& b) {
  std::string_view x = a, y = b;
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto number = [&](std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && is_digit(text[length])) ++length;
    std::string_view digits = text.substr(0, length);
    text.remove_prefix(length);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  while (!x.empty() && !y.empty()) {
    if (is_digit(x[0]) && is_digit(y[0])) {
      const std::string_view m = number(x), n = number(y);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
    } else {
      if (x[0] != y[0]) return x[0] == '-' || (y[0] != '-' && x[0] < y[0]);
      x.remove_prefix(1), y.remove_prefix(1);
    }
  }
  // What goes on with a hyphen or a tilde comes before the version that it leads to.
  if (x.empty() && y.empty()) return a < b;
  const char next = x.empty() ? y[0] : x[0];
  const bool longer_is_older = next == '-' || next == '~';
  return x.empty() != longer_is_older;
}

}  // namespace collector
