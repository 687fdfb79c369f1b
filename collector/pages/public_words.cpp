#include "public_words.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "../aggregate/witnesses.hpp"

namespace collector {
namespace {

constexpr std::int64_t enough_runs = 5;

using Row = std::vector<Value>;

/// In which rows the word is shared.
class Shared {
 public:
  Shared(const Words& words, const Reader& reader) : words_(words), known_(shared_words(reader, words.metric)) {}

  bool operator()(const Row& row) const {
    const std::string word = text_of(row[words_.column]);
    if (words_.metric == Metric::error) return known_.count({word, text_of(row[words_.column + 1])}) != 0;
    if (words_.metric == Metric::option) return known_.count({word, {}}) != 0;
    return known_.count({words_.name, word}) != 0;
  }

 private:
  const Words& words_;
  const std::set<std::pair<std::string, std::string>> known_;
};

/// The numbers of two rows; texts and what is no number go.
void add_numbers(Row& sum, const Row& more) {
  for (std::size_t i = 0; i < more.size(); ++i) {
    auto* const integer = std::get_if<std::int64_t>(&sum[i]);
    const auto* const other = std::get_if<std::int64_t>(&more[i]);
    if (integer != nullptr && other != nullptr) *integer += *other;
    auto* const share = std::get_if<double>(&sum[i]);
    const auto* const part = std::get_if<double>(&more[i]);
    if (share != nullptr && part != nullptr) *share = std::round((*share + *part) * 10000) / 10000;
  }
}

/// Rows that are alike up to the word, as those of a day are, are one where their words are not shared.
Table with_shared_words(const Table& table, const Words& words, const Reader& reader) {
  const Shared shared(words, reader);
  Table shown{table.columns, {}};
  std::optional<Row> others;
  const auto end_group = [&] {
    if (others && words.one_each) shown.rows.push_back(std::move(*others));
    others.reset();
  };
  std::string group;
  for (const Row& row : table.rows) {
    const std::string here = words.column == 0 ? std::string() : text_of(row[0]);
    if (here != group) end_group();
    group = here;
    if (shared(row)) {
      shown.rows.push_back(row);
    } else if (others) {
      add_numbers(*others, row);
    } else {
      others = row;
      for (std::size_t i = words.column; i < row.size(); ++i)
        if (std::holds_alternative<std::string>(row[i])) (*others)[i] = std::string();
      (*others)[words.column] = std::string("(others)");
    }
  }
  end_group();
  return shown;
}

/// Whether a column says something about the runs of a row: of a few it would be about each.
bool is_of_runs(const std::string& column) {
  return column == "sum" || column == "p50" || column == "p90" || column == "p95" || column == "p99";
}

void hide_few(Table& table) {
  const bool is_histogram = table.columns[0] == "from";
  const auto place =
      std::find(table.columns.begin(), table.columns.end(), is_histogram ? table.columns.back() : "runs");
  if (place == table.columns.end()) return;
  const auto runs = static_cast<std::size_t>(place - table.columns.begin());
  std::int64_t all = 0;
  for (Row& row : table.rows) {
    const auto* const n = std::get_if<std::int64_t>(&row[runs]);
    const std::int64_t here = n == nullptr ? 0 : *n;
    all += here;
    for (std::size_t i = 0; i < row.size(); ++i)
      if (here < enough_runs && is_of_runs(table.columns[i])) row[i] = std::monostate();
  }
  if (is_histogram && all < enough_runs) table.rows.clear();
}

}  // namespace

bool may_be_published(const Reader& reader) { return !shared_words(reader, Metric::runs).empty(); }

Table public_table(const Question& question, const Reader& reader) {
  Table table = question.ask(reader);
  if (question.words) table = with_shared_words(table, *question.words, reader);
  hide_few(table);
  // A month counts whole, so that one which has not ended within the selection would tell of later weeks.
  if (question.id == "active-month")
    table.rows.erase(std::remove_if(table.rows.begin(), table.rows.end(),
                                    [&](const Row& row) {
                                      const auto begin = parse_day(text_of(row[0]));
                                      return !begin || end_of(Period::month, *begin) > reader.selection().last + 1;
                                    }),
                     table.rows.end());
  return table;
}

}  // namespace collector
