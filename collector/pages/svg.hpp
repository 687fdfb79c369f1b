#pragma once
// Charts as SVG, without script. Colours are classes, defined in the page's style sheet, or in the image itself if it
// is a separate file.

#include <string>

#include "chart.hpp"

namespace collector {

/// A chart for a page (which has its title), or as a separate file that includes title and colours, which follow the
/// reader's choice of light or dark.
enum class Picture { in_page, own_file };
std::string svg(const Chart&, Picture);

/// The rules that all charts need, for the style sheet: eight colours that the colour-blind can tell apart, in light
/// and in dark.
std::string chart_style();

}  // namespace collector
