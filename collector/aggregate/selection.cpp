#include "selection.hpp"

#include "bins.hpp"

#include <cctype>
#include <string_view>

namespace collector {

Reader::Reader(Database& database, const Selection& selection) : database_(database), selection_(selection) {
  const auto app = term(0, Metric::app, selection.app);
  if (!app) return;
  app_ = *app;
  const auto filter = [this](Metric metric, const std::optional<std::string>& value) {
    return value ? term(app_, metric, *value) : std::optional<std::int64_t>(0);
  };
  const auto version = filter(Metric::version, selection.version), os = filter(Metric::os, selection.os),
             command = filter(Metric::command, selection.command);
  if (!version || !os || !command) return;
  const auto add = [&](int ci, std::vector<std::int64_t>& slices) {
    if (const auto slice = database_["SELECT id FROM slice WHERE app = ? AND version = ? AND os = ? AND command = ? "
                                     "AND ci = ?"](app_, *version, *os, *command, ci)
                               .number())
      slices.push_back(*slice);
  };
  if (selection.ci != Ci::only) add(0, slices_);
  if (selection.ci != Ci::without) add(1, slices_);
  add(selection.ci == Ci::without ? 0 : selection.ci == Ci::only ? 1 : 2, slices_of_installations_);
}

std::optional<std::int64_t> Reader::term(std::int64_t app, Metric metric, const std::string& value) const {
  return database_["SELECT id FROM term WHERE app = ? AND metric = ? AND name = '' AND value = ?"](
             app, static_cast<int>(metric), value)
      .number();
}

std::vector<Series> Reader::series(Metric metric) const {
  std::vector<Series> list;
  Statement& found = database_["SELECT id, name, value FROM term WHERE app = ? AND metric = ? ORDER BY name, value"](
      app_, static_cast<int>(metric));
  while (found.step()) list.push_back({found.integer(0), found.text(1), found.text(2)});
  return list;
}

std::vector<Series> Reader::series(Metric metric, const std::string& name) const {
  std::vector<Series> list;
  Statement& found = database_["SELECT id, value FROM term WHERE app = ? AND metric = ? AND name = ? ORDER BY value"](
      app_, static_cast<int>(metric), name);
  while (found.step()) list.push_back({found.integer(0), name, found.text(1)});
  return list;
}

void Reader::cells(std::int64_t series, Day first, const Use& use) const { cells(slices_, series, first, use); }
void Reader::installations(std::int64_t series, Day first, const Use& use) const {
  cells(slices_of_installations_, series, first, use);
}

void Reader::cells(const std::vector<std::int64_t>& slices, std::int64_t series, Day first, const Use& use) const {
  for (const std::int64_t slice : slices) {
    Statement& found = database_["SELECT day, bins FROM cell WHERE slice = ? AND series = ? AND day >= ? AND day <= ?"](
        slice, series, first, selection_.last);
    while (found.step())
      for (const auto& [bin, n] : unpacked_bins(found.bytes(1))) use(found.integer(0), bin, n);
  }
}

std::int64_t Reader::sum(std::int64_t series) const {
  std::int64_t total = 0;
  cells(series, [&](Day, std::int64_t, std::int64_t n) { total += n; });
  return total;
}

std::int64_t Reader::sum(Metric metric, const std::string& name) const {
  std::int64_t total = 0;
  for (const Series& one : series(metric, name)) total += sum(one.id);
  return total;
}

Bins Reader::bins(Metric metric, const std::string& name) const {
  Bins bins;
  for (const Series& one : series(metric, name))
    cells(one.id, [&](Day, std::int64_t bin, std::int64_t n) { bins[bin] += n; });
  return bins;
}

Reader Reader::of_version(const std::string& version) const {
  Selection other = selection_;
  other.version = version;
  return {database_, other};
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
