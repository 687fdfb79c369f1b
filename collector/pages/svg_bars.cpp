// Bars for categories, and histograms.
#include <algorithm>
#include <cstdlib>

#include "svg_frame.hpp"

namespace collector::svg_parts {
namespace {

constexpr double bar_height = 18, row_height = 26, histogram_height = 180;
constexpr double labels_share = 0.45;  // of the width, at most

double value_at(const Line& series, std::size_t at) {
  return at < series.values.size() ? series.values[at].value_or(0) : 0;
}

double sum_at(const Chart& chart, std::size_t at) {
  double sum = 0;
  for (const Line& series : chart.series) sum += value_at(series, at);
  return sum;
}

/// Shares that make up a whole need no total beside them.
bool is_whole(const Chart& chart) { return chart.unit == Unit::share && chart.series.size() > 1; }

void draw_bar(const Chart& chart, std::size_t at, const Plot& plot, double most, double y, std::string& into) {
  double x = plot.left;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const double value = value_at(chart.series[i], at), wide = plot.wide() * value / most;
    if (value <= 0) continue;
    const std::string& name = chart.series[i].name;
    into += rectangle(x, y, std::max(wide, 1.0), bar_height, colour_of(chart, i),
                      chart.x[at] + (chart.series.size() > 1 ? ", " + name : "") + ": " + legible(value, chart.unit));
    x += wide;
  }
  if (!is_whole(chart)) into += text(x + 6, y + 13, "start", legible(sum_at(chart, at), chart.unit), "quiet");
}

}  // namespace

double draw_bars(const Chart& chart, double top, std::string& into) {
  double widest = 0, widest_value = 0, most = 0;
  std::vector<std::string> labels;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    labels.push_back(fitted(chart.x[at], labels_share * chart.width));
    widest = std::max(widest, text_width(labels.back()));
    widest_value = std::max(widest_value, text_width(legible(sum_at(chart, at), chart.unit)));
    most = std::max(most, sum_at(chart, at));
  }
  Plot plot;
  plot.top = draw_legend(chart, top, into) + 4;
  plot.left = widest + 10;
  plot.right = chart.width - (is_whole(chart) ? 8 : widest_value + 12);
  if (most <= 0) most = 1;
  double y = plot.top;
  for (std::size_t at = 0; at < chart.x.size(); ++at, y += row_height) {
    into += "<g>";
    if (labels[at] != chart.x[at]) into += "<title>" + escape(chart.x[at]) + "</title>";
    into += text(plot.left - 10, y + 13, "end", labels[at]) + "</g>\n";
    draw_bar(chart, at, plot, most, y, into);
  }
  return y + 2;
}

double draw_histogram(const Chart& chart, double top, std::string& into) {
  double most = 0;
  for (std::size_t at = 0; at < chart.x.size(); ++at) most = std::max(most, sum_at(chart, at));
  const Scale scale = linear_scale(most, chart.unit);
  Plot plot;
  plot.top = draw_legend(chart, top, into) + 8;
  plot.bottom = plot.top + histogram_height;
  plot.left = values_width(chart, scale);
  plot.right = chart.width - 8;
  draw_values(chart, scale, plot, into);
  const double room = plot.wide() / std::max<double>(1, static_cast<double>(chart.x.size()));
  std::vector<std::string> labels;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    labels.push_back(legible(std::strtod(chart.x[at].c_str(), nullptr), chart.x_unit));
    const double value = sum_at(chart, at), high = scale.at(value) * plot.high();
    if (value <= 0) continue;
    into += rectangle(plot.left + room * static_cast<double>(at) + 0.5, plot.bottom - high, room - 1, high, "s0",
                      (chart.exact_bins ? "" : "from ") + labels.back() + ": " + legible(value, chart.unit));
  }
  // A label is the lower bound of its bin, at the bin's left edge.
  const double place = chart.exact_bins ? 0.5 : 0;
  const auto where = [&](std::size_t at) { return plot.left + room * (static_cast<double>(at) + place); };
  draw_labels(labels, where, plot, chart.width, into);
  return plot.bottom + 26;
}

}  // namespace collector::svg_parts
