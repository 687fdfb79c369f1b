#include "public_words.hpp"

#include <algorithm>
#include <set>

namespace collector {
namespace {

constexpr std::int64_t enough_runs = 5;
constexpr std::size_t errors_shown = 40, all_errors = 10000;

using Row = std::vector<Value>;

/// In which rows the word is shared.
class Shared {
 public:
  Shared(const Words& words, const Reader& reader)
      : words_(words), known_(reader.source().shared_words(reader.selection().app, words.metric)) {}

  bool operator()(const Row& row) const {
    const std::string word = text_of(row[words_.column]);
    if (words_.metric == Metric::error) return known_.count({word, text_of(row[words_.column + 1])}) != 0;
    if (words_.metric == Metric::option) return known_.count({word, {}}) != 0;
    return known_.count({words_.name, word}) != 0;
  }

 private:
  const Words& words_;
  const std::set<Word> known_;
};

/// Of a column; beyond the last where there is none.
std::size_t place_of(const std::string& name, const Table& table) {
  return static_cast<std::size_t>(std::find(table.columns.begin(), table.columns.end(), name) - table.columns.begin());
}

/// The counts of two rows; texts and shares are not added up.
void add_counts(Row& sum, const Row& more) {
  for (std::size_t i = 0; i < more.size(); ++i) {
    auto* const count = std::get_if<std::int64_t>(&sum[i]);
    const auto* const other = std::get_if<std::int64_t>(&more[i]);
    if (count != nullptr && other != nullptr) *count += *other;
  }
}

/// A row for what is not shared: its first one without its words.
Row without_words(Row row, std::size_t column) {
  for (std::size_t i = column; i < row.size(); ++i)
    if (std::holds_alternative<std::string>(row[i])) row[i] = std::string();
  row[column] = std::string("(others)");
  return row;
}

/// Rows that are alike up to the word, as those of a day are, are one where their words are not shared.
Table with_shared_words(const Table& table, const Words& words, const Reader& reader) {
  const Shared shared(words, reader);
  const std::size_t share = place_of("share", table), is_new = place_of("new", table);
  std::int64_t whole = 0;
  for (const Row& row : table.rows)
    if (const auto* const n = share < row.size() ? std::get_if<std::int64_t>(&row[share - 1]) : nullptr) whole += *n;
  if (words.metric == Metric::error) whole = reader.sum(Metric::runs);

  const std::size_t most = words.metric == Metric::error ? errors_shown : table.rows.size();
  Table shown{table.columns, {}};
  std::optional<Row> others;
  const auto end_group = [&] {
    if (others && words.one_each) {
      if (share < others->size()) (*others)[share] = share_of(std::get<std::int64_t>((*others)[share - 1]), whole);
      if (is_new < others->size()) (*others)[is_new] = std::monostate();
      shown.rows.push_back(std::move(*others));
    }
    others.reset();
  };
  std::string group;
  for (const Row& row : table.rows) {
    const std::string here = words.column == 0 ? std::string() : text_of(row[0]);
    if (here != group) end_group();
    group = here;
    if (shared(row) && shown.rows.size() < most)
      shown.rows.push_back(row);
    else if (others)
      add_counts(*others, row);
    else
      others = without_words(row, words.column);
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
  const std::size_t runs = is_histogram ? table.columns.size() - 1 : place_of("runs", table);
  if (runs == table.columns.size()) return;
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

bool may_be_published(const Reader& reader) {
  return !reader.source().shared_words(reader.selection().app, Metric::runs).empty();
}

Table public_table(const Question& question, const Reader& reader) {
  // All errors, so that rare ones take no place of those that are shown, and are counted.
  Table table = question.id == "errors" ? errors(reader, all_errors) : question.ask(reader);
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
