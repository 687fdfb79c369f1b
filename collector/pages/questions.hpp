#pragma once
// What a page asks of the figures, and how each answer is shown. The questions about a program's own data come from its
// dictionary, or, where it was never taught, from the names in its reports.

#include <functional>
#include <string>
#include <vector>

#include "../aggregate/figures.hpp"
#include "../store/dictionary.hpp"
#include "chart.hpp"

namespace collector {

/// An answer: the table that CSV and JSON give, and the picture of it.
struct Answer {
  Table table;
  Chart chart;
};

enum class Section { use, endings, durations, own };

struct Question {
  std::string id;  // its address: chart/ID.svg; letters, digits and '-' first, then the declared name
  Section section;
  std::string title, subtitle;
  std::function<Answer(const Reader&)> ask;
  bool owner_only = false;  // shows what users wrote: not for publish
};

/// All questions about a selection's program; cheap, nothing is asked yet.
std::vector<Question> questions(const Reader&, const std::vector<Described>&);
/// Those about its own fields, counters, events and stages (own_questions.cpp).
std::vector<Question> own_questions(const Reader&, const std::vector<Described>&);

// From tables to charts.
Chart over_time(const Table&, Chart::Shape, Unit = Unit::count);   // start, then one line for each further column
Chart stacked_shares(const Table&);                                // start, value, n
Chart bars(const Table&, std::size_t column, Unit = Unit::count);  // the first column names the bars
Chart histogram_of(const Table&, Unit x_unit);                     // from, to, n; neighbouring bins are joined

/// The chart's table where it has a picture, else the answer's own, as HTML.
std::string table_html(const Answer&);

}  // namespace collector
