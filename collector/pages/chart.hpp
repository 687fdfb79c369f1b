#pragma once
// A chart as data, built from the answer to a question (questions.hpp) and drawn by svg.hpp.

#include <optional>
#include <string>
#include <vector>

#include "markup.hpp"

namespace collector {

struct Line {
  std::string name;
  std::vector<std::optional<double>> values;  // one for each position of Chart::x; nothing: unknown there
};

struct Chart {
  enum class Shape {
    none,       // a table says it better
    lines,      // over time
    shares,     // over time, stacked, each step's lines add up to one
    columns,    // over time, stacked
    bars,       // categories, one below the other; the lines are side by side in one bar
    histogram,  // x holds the lower bounds of the bins
  };

  std::string title, subtitle;  // a stranger's words are welcome: they are escaped
  Shape shape = Shape::none;
  Unit unit = Unit::count;       // of the values
  Unit x_unit = Unit::number;    // of a histogram's bounds
  std::string x_name = "day";    // the first column of the table
  std::vector<std::string> x{};  // days as 2026-11-29, categories, or bounds
  std::vector<Line> series{};
  bool always_legend = false;  // what a single line is called is news, too
  bool exact_bins = false;     // of a histogram: x holds the only number of each
  bool logarithmic = false;    // lines: the scale of the values
  double width = 720;          // of the picture; letters have 12 of these units

  bool empty() const;
};

}  // namespace collector
