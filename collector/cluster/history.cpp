// The figures that a database had before there was a cluster: the part that is not explained by its runs and presences,
// which are sent themselves.
#include <array>
#include <map>

#include "../aggregate/bins.hpp"
#include "forwarder.hpp"

namespace collector {
namespace {

constexpr std::size_t bytes_in_a_block = 1 << 20;
constexpr int kept = -1;  // below any horizon

/// Lines that go out whenever there are many.
class Block {
 public:
  Block(ClickHouse& server, std::string table) : server_(server), table_(std::move(table)) {}
  void add(const TsvLine& line) {
    lines_ += line.text();
    if (lines_.size() >= bytes_in_a_block) flush();
  }
  void flush() {
    server_.insert(table_, lines_);
    lines_.clear();
  }

 private:
  ClickHouse& server_;
  const std::string table_;
  std::string lines_;
};

using CellKey = std::array<Id, 3>;  // slice, series, bin

/// Facts of a day's runs that are in the cells.
std::map<CellKey, std::int64_t> facts_of_runs(Database& database, Day day) {
  std::map<CellKey, std::int64_t> facts;
  Statement& runs = database["SELECT r.leaf, facts FROM visit v JOIN run r ON r.id = v.run WHERE v.day = ?"](day);
  while (runs.step())
    for (const CountedFact& fact : unpacked(runs.bytes(1))) facts[{runs.integer(0), fact.series, fact.bin}] += fact.n;
  return facts;
}

using SliceKey = std::array<Id, 5>;  // app, version, os, command, ci

/// Distinct installations in the period that begins on this day, by slice.
std::map<SliceKey, std::int64_t> installations_of(Database& database, Period period, Day start) {
  std::map<SliceKey, std::int64_t> counts;
  Statement& found = database
      ["WITH mask(m) AS (VALUES(0), (1), (2), (3), (4), (5), (6), (7)), side(e) AS (VALUES(0), (1)) "
       "SELECT l.app, IIF(m & 1, l.version, 0), IIF(m & 2, l.os, 0), IIF(m & 4, l.command, 0), IIF(e, 2, l.ci), "
       "COUNT(DISTINCT p.client) FROM presence p JOIN slice l ON l.id = p.leaf, mask, side "
       "WHERE p.day >= ? AND p.day < ? GROUP BY 1, 2, 3, 4, 5"](start, end_of(period, start));
  while (found.step())
    counts[{found.integer(0), found.integer(1), found.integer(2), found.integer(3), found.integer(4)}] =
        found.integer(5);
  return counts;
}

}  // namespace

void Courier::send_history() {
  Statement& meta = database_["SELECT value FROM meta WHERE name = 'history'"]();
  if (!meta.step()) return;
  const std::string origin = meta.text(0);
  meta.reset();
  for (bool more = true; more;)
    if (!perform_([&](Store& store) { more = store.settle(5000); })) throw Problem("the database cannot be changed");
  database_.execute("BEGIN");
  try {
    // Of days before the first one that has runs there are only figures; of that one, some runs may be gone.
    const Day first = database_["SELECT day FROM visit ORDER BY day LIMIT 1"]().number().value_or(INT32_MAX);
    const auto explained = facts_of_runs(database_, first);
    Block block(server_, "cell(app, metric, name, value, day, kept, version, os, command, ci, bin, origin, n)");
    Statement& cells = database_
        ["SELECT c.slice, c.series, c.day, c.bins FROM cell c JOIN slice s ON s.id = c.slice JOIN term t ON "
         "t.id = c.series WHERE s.version > 0 AND s.os > 0 AND s.command > 0 AND s.ci < 2 AND t.metric <> ?1 AND "
         "c.day <= ?2"](static_cast<int>(Metric::active), first);
    while (cells.step()) {
      const NamedLeaf& of = leaf(cells.integer(0));
      const Named& word = term(cells.integer(1));
      for (const auto& [bin, n] : unpacked_bins(cells.bytes(3))) {
        const auto known = explained.find({cells.integer(0), cells.integer(1), bin});
        const std::int64_t rest = n - (cells.integer(2) == first && known != explained.end() ? known->second : 0);
        if (rest > 0)
          block.add(TsvLine(of.app, static_cast<int>(word.metric), word.name, word.value, cells.integer(2), kept,
                            of.version, of.os, of.command, of.ci ? 1 : 0, bin, origin, rest));
      }
    }
    block.flush();
    send_history_of_installations(origin);
    database_.execute("COMMIT");
  } catch (...) {
    if (database_.in_transaction()) database_.execute("ROLLBACK");
    throw;
  }
  perform_([](Store& store) { store.database().execute("DELETE FROM meta WHERE name = 'history'"); });
}

void Courier::send_history_of_installations(const std::string& origin) {
  const Day first = database_["SELECT day FROM presence ORDER BY day LIMIT 1"]().number().value_or(INT32_MAX);
  const std::map<std::string, Period> periods = {
      {"day", Period::day}, {"week", Period::week}, {"month", Period::month}};
  for (const auto& [name, period] : periods) {
    const Day begin = begin_of(period, first);
    const auto explained = installations_of(database_, period, begin);
    Block block(server_, "active(app, period, start, mask, ci, version, os, command, kept, origin, n)");
    Statement& cells = database_
        ["SELECT s.app, s.version, s.os, s.command, s.ci, c.slice, c.day, c.bins FROM cell c JOIN slice s ON "
         "s.id = c.slice JOIN term t ON t.id = c.series WHERE t.metric = ?1 AND t.name = ?2 AND c.day <= ?3"](
            static_cast<int>(Metric::active), name, begin);
    while (cells.step()) {
      std::int64_t n = 0;
      for (const auto& [bin, count] : unpacked_bins(cells.bytes(7))) n += count;
      const SliceKey key{cells.integer(0), cells.integer(1), cells.integer(2), cells.integer(3), cells.integer(4)};
      if (const auto known = explained.find(key); cells.integer(6) == begin && known != explained.end())
        n -= known->second;
      const NamedLeaf& of = leaf(cells.integer(5));
      const int mask = (key[1] > 0 ? 1 : 0) + (key[2] > 0 ? 2 : 0) + (key[3] > 0 ? 4 : 0);
      if (n > 0)
        block.add(TsvLine(of.app, static_cast<int>(period), cells.integer(6), mask, static_cast<int>(key[4]),
                          of.version, of.os, of.command, kept, origin, n));
    }
    block.flush();
  }
}

}  // namespace collector
