#include "svg_frame.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace collector::svg_parts {
namespace {

/// 1, 2 or 5 times a power of ten, at least `value`.
double round_step(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= value * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace

double Scale::at(double value) const {
  if (!logarithmic) return (value - low) / (high - low);
  return (std::log10(std::max(value, low)) - std::log10(low)) / (std::log10(high) - std::log10(low));
}

Scale linear_scale(double most, Unit unit) {
  Scale scale;
  const double wanted = most > 0 ? most : 1;
  double step = round_step(wanted / 4.5);
  if (unit == Unit::count) step = std::max(step, 1.0);
  if (unit == Unit::share && wanted > 0.75) step = 0.25;
  const double count = std::ceil(wanted / step - 1e-9);
  for (int i = 0; i <= static_cast<int>(count); ++i) scale.marks.push_back(step * i);
  scale.high = step * count;
  return scale;
}

Scale logarithmic_scale(double least, double most, Unit unit) {
  std::vector<double> round;
  if (unit == Unit::seconds)
    round = {1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 86400, 864000, 8640000, 86400000};
  else
    for (int power = -12; power <= 18; ++power) round.push_back(std::pow(10, power));
  std::size_t first = 0, last = round.size() - 1;
  while (first + 1 < last && round[first + 1] <= least * (1 + 1e-9)) ++first;
  while (last > first + 1 && round[last - 1] >= most * (1 - 1e-9)) --last;
  Scale scale;
  scale.logarithmic = true;
  scale.low = round[first];
  scale.high = round[last];
  const std::size_t step = (last - first + 6) / 7;
  for (std::size_t i = first; i <= last; i += step) scale.marks.push_back(round[i]);
  return scale;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  std::string result = text.data();
  if (result.size() > 2 && result.compare(result.size() - 2, 2, ".0") == 0) result.resize(result.size() - 2);
  return result == "-0" ? "0" : result;
}

double text_width(std::string_view text) {
  double wide = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;
    const bool capital = byte >= 'A' && byte <= 'Z';
    const bool broad = std::string_view("mwMW%@").find(c) != std::string_view::npos;
    const bool sign = std::string_view("#&<>=+~_").find(c) != std::string_view::npos;
    // From U+3000 on, most are square; what is beyond U+FFFF may be wider.
    wide += character * (byte >= 0xF0 ? 2.4 : byte >= 0xE3 ? 2 : broad ? 1.65 : capital || sign ? 1.4 : 1);
  }
  return wide;
}

std::string fitted(std::string_view text, double room) {
  std::size_t most = std::max<std::size_t>(1, static_cast<std::size_t>(room / (character * 0.9)));
  std::string shown = shorten(text, most);
  while (most > 1 && text_width(shown) > room) shown = shorten(text, --most);
  return shown;
}

std::string text(double x, double y, std::string_view anchor, std::string_view what, std::string_view kind) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" +
         (anchor == "start" ? std::string() : " text-anchor=\"" + std::string(anchor) + "\"") +
         (kind.empty() ? std::string() : " class=\"" + std::string(kind) + "\"") + ">" + escape(what) + "</text>\n";
}

std::string rectangle(double x, double y, double wide, double high, const std::string& kind, const std::string& tip) {
  const std::string head = "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" +
                           number(std::max(wide, 0.0)) + "\" height=\"" + number(std::max(high, 0.0)) + "\" class=\"" +
                           kind + "\"";
  return tip.empty() ? head + "/>\n" : head + "><title>" + escape(tip) + "</title></rect>\n";
}

std::string colour_of(const Chart& chart, std::size_t series) {
  const std::string& name = chart.series[series].name;
  // How runs end has the same colours in all charts.
  constexpr std::array<std::pair<const char*, const char*>, 6> endings = {
      {{"ok", "s2"}, {"failed", "s5"}, {"exception", "s1"}, {"signal", "s3"}, {"lost", "rest"}, {"running", "s0"}}};
  for (const auto& [ending, colour] : endings)
    if (name == ending) return colour;
  return series > 6 || name == "other" || name == "(others)" || name == "unknown" ? "rest"
                                                                                  : "s" + std::to_string(series);
}

double draw_legend(const Chart& chart, double top, std::string& into) {
  if (chart.series.size() < 2 && !chart.always_legend) return top;
  double x = 0, y = top + font;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const std::string name = fitted(chart.series[i].name, std::min(260.0, chart.width - 40));
    const double wide = 16 + text_width(name) + 12;
    if (x > 0 && x + wide > chart.width) {
      x = 0;
      y += 20;
    }
    into += rectangle(x, y - 10, 11, 11, colour_of(chart, i)) + text(x + 16, y, "start", name);
    x += wide;
  }
  return y + 12;
}

double values_width(const Chart& chart, const Scale& scale) {
  double wide = 0;
  for (const double mark : scale.marks) wide = std::max(wide, text_width(legible(mark, chart.unit)));
  return wide + 8;
}

void draw_values(const Chart& chart, const Scale& scale, const Plot& plot, std::string& into) {
  for (const double mark : scale.marks) {
    const double y = plot.bottom - scale.at(mark) * plot.high();
    into += "<line x1=\"" + number(plot.left) + "\" x2=\"" + number(plot.right) + "\" y1=\"" + number(y) + "\" y2=\"" +
            number(y) + "\" class=\"" + (mark == scale.marks.front() ? "axis" : "grid") + "\"/>\n";
    into += text(plot.left - 8, y + 4, "end", legible(mark, chart.unit), "quiet");
  }
}

void draw_labels(const std::vector<std::string>& labels, const std::function<double(std::size_t)>& where,
                 const Plot& plot, double width, std::string& into) {
  double widest = 0;
  for (const std::string& label : labels) widest = std::max(widest, text_width(label));
  const double room = plot.wide() / std::max<double>(1, static_cast<double>(labels.size()));
  const std::size_t step = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil((widest + 14) / room)));
  for (std::size_t i = 0; i < labels.size(); i += step) {
    const double wide = text_width(labels[i]) / 2;
    const double x = std::clamp(where(i), wide, width - wide);
    into += text(x, plot.bottom + 18, "middle", labels[i], "quiet");
  }
}

std::vector<std::string> day_labels(const std::vector<std::string>& days) {
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::vector<std::string> labels;
  labels.reserve(days.size());
  const bool are_months = days.size() > 1 && std::all_of(days.begin(), days.end(), [](const std::string& day) {
                            return day.size() == 10 && day.compare(8, 2, "01") == 0;
                          });
  for (const std::string& day : days) {
    const int month = day.size() == 10 ? std::atoi(day.c_str() + 5) : 0;
    if (are_months && month >= 1 && month <= 12) {
      labels.push_back(std::string(months[static_cast<std::size_t>(month - 1)]) + " " + day.substr(0, 4));
      continue;
    }
    labels.push_back(month < 1 || month > 12 ? shorten(day, 12)
                                             : std::to_string(std::atoi(day.c_str() + 8)) + "\u00a0" +
                                                   months[static_cast<std::size_t>(month - 1)]);
  }
  return labels;
}

}  // namespace collector::svg_parts
