#include "svg.hpp"

#include "svg_frame.hpp"

namespace collector {
namespace {

constexpr const char* light =
    ".s0{fill:#2f6fd0}.s1{fill:#e0812c}.s2{fill:#2c9a6b}.s3{fill:#b8478f}.s4{fill:#7b61c9}.s5{fill:#c4a11f}"
    ".s6{fill:#3fa3b8}.rest{fill:#9aa1ab}"
    ".ls0{stroke:#2f6fd0}.ls1{stroke:#e0812c}.ls2{stroke:#2c9a6b}.ls3{stroke:#b8478f}.ls4{stroke:#7b61c9}"
    ".ls5{stroke:#c4a11f}.ls6{stroke:#3fa3b8}.lrest{stroke:#9aa1ab}"
    "svg text{fill:#20242b}svg .quiet{fill:#5d6570}.grid{stroke:#e4e7ec}.axis{stroke:#9aa1ab}";
constexpr const char* dark =
    ".s0{fill:#6ba1f2}.s1{fill:#f0a35e}.s2{fill:#5cc795}.s3{fill:#e07fbd}.s4{fill:#a996ee}.s5{fill:#e0c04e}"
    ".s6{fill:#6fcbdd}.rest{fill:#7d8590}"
    ".ls0{stroke:#6ba1f2}.ls1{stroke:#f0a35e}.ls2{stroke:#5cc795}.ls3{stroke:#e07fbd}.ls4{stroke:#a996ee}"
    ".ls5{stroke:#e0c04e}.ls6{stroke:#6fcbdd}.lrest{stroke:#7d8590}"
    "svg text{fill:#e6e9ee}svg .quiet{fill:#a2aab5}.grid{stroke:#2c323b}.axis{stroke:#5d6570}";

double draw(const Chart& chart, double top, std::string& into) {
  if (chart.empty()) {
    into += svg_parts::text(0, top + 24, "start", "Nothing yet.", "quiet");
    return top + 36;
  }
  switch (chart.shape) {
    case Chart::Shape::bars:
      return svg_parts::draw_bars(chart, top, into);
    case Chart::Shape::histogram:
      return svg_parts::draw_histogram(chart, top, into);
    case Chart::Shape::none:
    case Chart::Shape::lines:
    case Chart::Shape::shares:
    case Chart::Shape::columns:
      break;
  }
  return svg_parts::draw_over_time(chart, top, into);
}

/// Title and subtitle, which the page has outside of the picture.
double draw_title(const Chart& chart, std::string& into) {
  into += svg_parts::text(0, 18, "start", svg_parts::fitted(chart.title, chart.width * 12 / 16 / 1.1), "title");
  if (chart.subtitle.empty()) return 32;
  into += svg_parts::text(0, 37, "start", svg_parts::fitted(chart.subtitle, chart.width), "quiet");
  return 50;
}

}  // namespace

std::string chart_style() {
  return std::string(
             "svg text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif}"
             "svg .title{font-size:16px;font-weight:600}.line{fill:none;stroke-width:2;"
             "stroke-linejoin:round;stroke-linecap:round}.grid,.axis{stroke-width:1}") +
         light + "@media(prefers-color-scheme:dark){" + dark + "}";
}

std::string svg(const Chart& chart, Picture picture) {
  std::string drawing;
  const bool own = picture == Picture::own_file;
  const double bottom = draw(chart, own ? draw_title(chart, drawing) : 0, drawing);
  const double edge = own ? 16 : 0;
  std::string head = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"" + svg_parts::number(-edge) + " " +
                     svg_parts::number(-edge) + " " + svg_parts::number(chart.width + 2 * edge) + " " +
                     svg_parts::number(bottom + 2 * edge) + "\" role=\"img\" aria-label=\"" + escape(chart.title) +
                     "\"";
  if (!own) return head + ">\n" + drawing + "</svg>\n";
  head += " width=\"" + svg_parts::number(chart.width + 2 * edge) + "\" height=\"" +
          svg_parts::number(bottom + 2 * edge) + "\">\n<style>" + chart_style() +
          ".paper{fill:#fff}@media(prefers-color-scheme:dark){.paper{fill:#14181f}}</style>\n";
  return head + svg_parts::rectangle(-edge, -edge, chart.width + 2 * edge, bottom + 2 * edge, "paper") + drawing +
         "</svg>\n";
}

}  // namespace collector
