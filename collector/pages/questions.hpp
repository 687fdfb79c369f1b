#pragma once
// What a page asks of the figures, and how each answer is shown. The questions about a program's own data come from its
// dictionary or, if that was never added, from the names in its reports.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../aggregate/figures.hpp"
#include "../store/dictionary.hpp"
#include "chart.hpp"

namespace collector {

enum class Section { use, endings, durations, own };

/// The column of a table that has words: a report's, so that anybody may have influenced them.
struct Words {
  Metric metric;
  std::string name{};      // of the field
  std::size_t column = 0;  // of errors, type and message are two from here on
  bool one_each = true;    // each run has one of them, so that rows can be added up
};

struct Question {
  std::string id;  // its address: chart/ID.svg; letters, digits and '-' first, then the declared name
  Section section;
  std::string title, subtitle;
  std::function<Table(const Reader&)> ask;           // what CSV and JSON give
  std::function<Chart(const Table&)> draw{};         // nothing: the table says it better
  std::optional<Words> words{};                      // publish shows those that are shared
  std::function<std::string(const Reader&)> note{};  // goes on with the subtitle
  bool owner_only = false;                           // shows what users wrote: not for publish
};

/// All questions of a section about a selection's program. Nothing is asked yet but which fields there are, and that of
/// programs that were never described, for Section::own.
std::vector<Question> questions(Section, const Reader&, const std::vector<Described>&);
/// Section::own (own_questions.cpp).
std::vector<Question> own_questions(const Reader&, const std::vector<Described>&);

/// A table, and the picture of it with its titles; without a picture the shape is none.
struct DrawnTable {
  Table table;
  Chart chart;
};
DrawnTable answer(const Question&, Table, const Reader&);
inline DrawnTable answer(const Question& question, const Reader& reader) {
  return answer(question, question.ask(reader), reader);
}

// From tables to charts.
Chart over_time(const Table&, Chart::Shape, Unit = Unit::count);   // start, then one line for each further column
Chart stacked_shares(const Table&);                                // start, value, n
Chart bars(const Table&, std::size_t column, Unit = Unit::count);  // the first column names the bars
/// from, to, n; neighbouring bins are joined. Of a few whole numbers each has a bar.
Chart histogram_of(const Table&, Unit x_unit, bool whole = false);

/// The chart's table where it has a picture, else the answer's own, as HTML.
std::string table_html(const DrawnTable&);

}  // namespace collector
