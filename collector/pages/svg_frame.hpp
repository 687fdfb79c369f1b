#pragma once
// What all charts have in common: size, legend, axes. Included by svg*.cpp.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "svg.hpp"

namespace collector::svg_parts {

constexpr double font = 12, character = 7.7;  // of the font's characters: an upper estimate

/// The rectangle that values are drawn in.
struct Plot {
  double left = 0, top = 0, right = 0, bottom = 0;
  double wide() const { return right - left; }
  double high() const { return bottom - top; }
};

/// A scale from `low` to `high` with marks at round values.
struct Scale {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> marks;

  /// 0 at the low end, 1 at the high one.
  double at(double value) const;
};

/// From nought to at least `most` in four or five round steps; whole ones where things are counted.
Scale linear_scale(double most, Unit);
/// From a round value at or below `least` to one at or above `most`; both over nought.
/// Of durations, marks are those that people know: 100 ms, 1 s, 10 s, 1 min.
Scale logarithmic_scale(double least, double most, Unit);

std::string number(double);  // a coordinate
double text_width(std::string_view text);
/// The text, or as much of it as has room.
std::string fitted(std::string_view text, double room);
std::string text(double x, double y, std::string_view anchor, std::string_view what, std::string_view kind = "");
std::string rectangle(double x, double y, double wide, double high, const std::string& kind,
                      const std::string& tip = {});

/// The class of a series' colour: "s0" to "s6", and "rest" for one that is called other, or comes after them.
std::string colour_of(const Chart&, std::size_t series);

/// Draws the names of the series from `top` on and returns where they end; nothing for a single line that needs no
/// name.
double draw_legend(const Chart&, double top, std::string& into);
/// The lines of a scale across the plot, with its values at the left.
void draw_values(const Chart&, const Scale&, const Plot&, std::string& into);
/// The width of those values.
double values_width(const Chart&, const Scale&);
/// Labels below the plot at the positions of `where`, as many as fit into the picture.
void draw_labels(const std::vector<std::string>& labels, const std::function<double(std::size_t)>& where, const Plot&,
                 double width, std::string& into);
/// "2026-11-03" as "3 Nov", first days of months as "Nov 2026" where all are; anything else as it is.
std::vector<std::string> day_labels(const std::vector<std::string>& days);

// One for each shape: draws below `top` and returns where it ends.
double draw_over_time(const Chart&, double top, std::string& into);
double draw_bars(const Chart&, double top, std::string& into);
double draw_histogram(const Chart&, double top, std::string& into);

}  // namespace collector::svg_parts
