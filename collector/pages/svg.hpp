#pragma once
// Charts as SVG, without script. Colours are classes: the page's style sheet has them, a picture of its own brings
// them.

#include <string>

#include "chart.hpp"

namespace collector {

/// A chart for a page (its title stands in the page), or as a file of its own, with title and colours in it, which
/// follow the reader's choice of light or dark.
enum class Picture { in_page, own_file };
std::string svg(const Chart&, Picture);

/// The rules that all charts need, for the style sheet: eight colours that the colour-blind can tell apart, in light
/// and in dark.
std::string chart_style();

}  // namespace collector
