// Lines, and stacked columns: values over days.
#include <algorithm>

#include "svg_frame.hpp"

namespace collector::svg_parts {
namespace {

constexpr double plot_height = 200, widest_column = 48;
constexpr std::size_t most_tips = 400;  // beyond that a page would be mostly tips; the table has the figures

bool is_stacked(const Chart& chart) { return chart.shape != Chart::Shape::lines; }

/// What the scale must reach: the highest value, or the highest sum where they are stacked.
double highest(const Chart& chart) {
  double most = 0;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    double sum = 0;
    for (const Line& series : chart.series) {
      const double value = at < series.values.size() ? series.values[at].value_or(0) : 0;
      sum = is_stacked(chart) ? sum + value : std::max(sum, value);
    }
    most = std::max(most, sum);
  }
  return most;
}

double lowest_over_nought(const Chart& chart, double otherwise) {
  double least = otherwise;
  for (const Line& series : chart.series)
    for (const auto& value : series.values)
      if (value && *value > 0) least = std::min(least, *value);
  return least;
}

Scale scale_of(const Chart& chart) {
  const double most = highest(chart);
  if (chart.shape == Chart::Shape::shares) return linear_scale(1, Unit::share);
  if (chart.logarithmic && most > 0) return logarithmic_scale(lowest_over_nought(chart, most), most, chart.unit);
  return linear_scale(most, chart.unit);
}

std::string tip_of(const Chart& chart, const Line& series, std::size_t at) {
  return chart.x[at] + ", " + series.name + ": " + legible(*series.values[at], chart.unit);
}

void draw_line(const Chart& chart, std::size_t number_of_series, const Scale& scale, const Plot& plot,
               const std::function<double(std::size_t)>& where, std::string& into) {
  const Line& series = chart.series[number_of_series];
  const std::string colour = colour_of(chart, number_of_series);
  const auto known = [&](std::size_t at) { return at < series.values.size() && series.values[at].has_value(); };
  std::string path, points;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    if (!known(at)) continue;
    const double share = std::clamp(scale.at(*series.values[at]), 0.0, 1.0);
    const std::string x = number(where(at)), y = number(plot.bottom - share * plot.high());
    path += (at > 0 && known(at - 1) ? "L" : "M") + x + " " + y;
    const bool alone = (at == 0 || !known(at - 1)) && (at + 1 == chart.x.size() || !known(at + 1));
    if (alone || chart.x.size() <= 40)
      points += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"" + (alone ? "3.5" : "2.5") + "\" class=\"" + colour +
                "\"><title>" + escape(tip_of(chart, series, at)) + "</title></circle>\n";
  }
  if (!path.empty()) into += "<path d=\"" + path + "\" class=\"line l" + colour + "\"/>\n" + points;
}

void draw_columns(const Chart& chart, const Scale& scale, const Plot& plot,
                  const std::function<double(std::size_t)>& where, std::string& into) {
  const double room = plot.wide() / static_cast<double>(chart.x.size());
  const double wide = std::min(widest_column, room > 5 ? room - 1.5 : room);
  const bool with_tips = chart.x.size() * chart.series.size() <= most_tips;
  for (std::size_t at = 0; at < chart.x.size(); ++at) {
    double below = 0;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
      const Line& series = chart.series[i];
      if (at >= series.values.size() || series.values[at].value_or(0) <= 0) continue;
      const double low = scale.at(below), high = scale.at(below += *series.values[at]);
      into += rectangle(where(at) - wide / 2, plot.bottom - high * plot.high(), wide, (high - low) * plot.high(),
                        colour_of(chart, i), with_tips ? tip_of(chart, series, at) : std::string());
    }
  }
}

}  // namespace

double draw_over_time(const Chart& chart, double top, std::string& into) {
  const Scale scale = scale_of(chart);
  Plot plot;
  plot.top = draw_legend(chart, top, into) + 8;
  plot.bottom = plot.top + plot_height;
  plot.left = values_width(chart, scale);
  plot.right = chart.width - 8;
  const double count = static_cast<double>(chart.x.size());
  const auto where = [&](std::size_t at) {
    const double position = static_cast<double>(at);
    if (is_stacked(chart) || chart.x.size() < 2) return plot.left + plot.wide() * (position + 0.5) / count;
    return plot.left + plot.wide() * position / (count - 1);
  };
  draw_values(chart, scale, plot, into);
  if (is_stacked(chart)) draw_columns(chart, scale, plot, where, into);
  for (std::size_t i = 0; !is_stacked(chart) && i < chart.series.size(); ++i)
    draw_line(chart, i, scale, plot, where, into);
  draw_labels(day_labels(chart.x), where, plot, chart.width, into);
  return plot.bottom + 26;
}

}  // namespace collector::svg_parts
