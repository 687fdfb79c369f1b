#include "store.hpp"

#include <algorithm>
#include <utility>

#include "../base/sha256.hpp"
#include "outbox.hpp"

namespace collector {

Store::Store(const std::string& file, bool create)
    : database_(open_database(file, create)), terms_(database_), cells_(database_, terms_) {
  remember_deletions();
}

void Store::begin() {
  database_["BEGIN IMMEDIATE"]().run();
  const std::int64_t version = database_["PRAGMA data_version"]().number().value_or(0);
  try {
    if (!loaded_ || version != data_version_) reload();
  } catch (...) {
    roll_back();
    throw;
  }
  data_version_ = version;
}

/// Another process may have changed everything; a roll-back leaves what is in memory ahead of the database.
void Store::reload() {
  terms_.load();
  cells_.clear();
  written_through_ = database_["SELECT value FROM meta WHERE name = 'aggregated_through'"]().number().value_or(0);
  last_run_ = written_through_;
  Statement& runs =
      database_["SELECT id, client, leaf, day, facts FROM run WHERE id > ? ORDER BY id"](written_through_);
  while (runs.step()) {
    last_run_ = runs.integer(0);
    cells_.add(runs.integer(2), runs.integer(3), unpacked(runs.bytes(4)));
    if (!runs.is_null(1)) cells_.see({runs.integer(1), runs.integer(3), runs.integer(2)});
  }
  loaded_ = true;
}

void Store::commit() {
  if (must_write_) write_figures();
  database_["COMMIT"]().run();
}

void Store::roll_back() noexcept {
  loaded_ = must_write_ = false;
  try {
    if (database_.in_transaction()) database_["ROLLBACK"]().run();
  } catch (const SqlError&) {  // SQLite has rolled back by itself
  }
}

void Store::write_figures() {
  cells_.write();
  must_write_ = false;
  if (written_through_ == last_run_) return;
  database_["UPDATE meta SET value = ? WHERE name = 'aggregated_through'"](last_run_).run();
  written_through_ = last_run_;
}

Id Store::client_of(const std::string& key) {
  if (const auto id = database_["SELECT id FROM client WHERE key = ?"](Blob{key}).number()) return *id;
  database_["INSERT INTO client(key) VALUES(?)"](Blob{key}).run();
  return database_.last_id();
}

Leaf Store::leaf_of(Id app, const Report& report) {
  const auto term = [&](Metric metric, const std::string& value) {
    if (const auto id = terms_.series(app, metric, {}, value)) return *id;
    throw Refused("", "this collector cannot take more names");
  };
  return {app, term(Metric::version, report.version), term(Metric::os, report.os),
          term(Metric::command, report.command), report.ci ? 1 : 0};
}

std::vector<CountedFact> Store::counted(Id app, const Report& report) {
  std::vector<CountedFact> facts;
  facts.reserve(report.facts.size());
  for (const Fact& fact : report.facts) {
    const auto series = terms_.series(app, fact.metric, fact.name, fact.value);
    if (!series) continue;
    facts.push_back({*series, fact.bin, fact.n});
    if (needs_witnesses(fact.metric)) terms_.witness(*series, report.client_hash);
  }
  return facts;
}

Added Store::add(const Report& report, Day arrival) {
  if (!report.client_hash.empty() &&
      database_["SELECT 1 FROM tombstone WHERE hash = ?"](Blob{report.client_hash}).number())
    return Added::deleted;
  Id before = 0;
  Statement& same = database_["SELECT id, sequence FROM run WHERE session = ?"](Blob{report.session});
  if (same.step()) {
    before = same.integer(0);
    const bool is_news = same.integer(1) < report.sequence;
    same.reset();
    if (!is_news) return Added::known;
  }
  const auto app = terms_.app(report.app);
  if (!app) throw Refused("app.name", "is one program more than this collector accepts");
  const Id leaf = terms_.slice(leaf_of(*app, report));
  if (before != 0) remove_run(before, true);
  std::optional<Id> client;
  if (!report.client.empty()) client = client_of(report.client);
  const std::vector<CountedFact> facts = counted(*app, report);
  database_["INSERT INTO run(session, sequence, day, client, leaf, facts) VALUES(?, ?, ?, ?, ?, ?)"](
      Blob{report.session}, report.sequence, arrival, client, leaf, Blob{packed(facts)})
      .run();
  last_run_ = database_.last_id();
  database_["INSERT INTO report(id, body) VALUES(?, ?)"](last_run_, report.body).run();
  cells_.add(leaf, arrival, facts);
  if (client) cells_.see({*client, arrival, leaf});
  return Added::stored;
}

/// With figures: what the run has added is taken away, in this same transaction.
void Store::remove_run(Id run, bool with_figures, std::set<std::pair<Id, Id>>* touched) {
  if (with_figures) {
    if (run > written_through_) write_figures();
    must_write_ = true;
    Statement& found = database_["SELECT leaf, day, facts FROM run WHERE id = ?"](run);
    if (found.step()) {
      const Id leaf = found.integer(0);
      const std::vector<CountedFact> facts = unpacked(found.bytes(2));
      cells_.add(leaf, found.integer(1), facts, -1);
      for (const CountedFact& fact : facts)
        if (touched != nullptr) touched->emplace(terms_.leaf(leaf).app, fact.series);
    }
    found.reset();
  }
  database_["DELETE FROM run WHERE id = ?"](run).run();
  database_["DELETE FROM report WHERE id = ?"](run).run();
}

std::vector<Day> Store::expired_days(Day first_kept) {
  std::vector<Day> days;
  // From one to the next in the index: each has very many runs.
  Statement& next = database_["SELECT day FROM run WHERE day > ? AND day < ? ORDER BY day LIMIT 1"];
  for (auto day = next(INT64_MIN, first_kept).number(); day; day = next(*day, first_kept).number())
    days.push_back(*day);
  return days;
}

bool Store::expire_reports(Day first_kept, int most) {
  write_figures();
  std::vector<Id> runs;
  Statement& found = database_["SELECT id FROM run WHERE day < ? AND id <= ? ORDER BY day, id LIMIT ?"](
      first_kept, forwarded(database_), most);
  while (found.step()) runs.push_back(found.integer(0));
  for (const Id run : runs) remove_run(run, false);
  return runs.size() == static_cast<std::size_t>(most);
}

Id Store::expire_clients(Day first_kept, Id after) {
  if (tells_of_installations(database_)) return 0;
  write_figures();
  std::vector<Id> clients;
  Statement& found = database_["SELECT id FROM client WHERE id > ? ORDER BY id LIMIT 1000"](after);
  while (found.step()) clients.push_back(found.integer(0));
  // Until its month is over, and the week that goes on into the next, its days are needed to count it once.
  const Day first = std::min(first_kept, last_day_of_presence());
  for (const Id client : clients) {
    database_["DELETE FROM presence WHERE client = ? AND day < ?"](client, first).run();
    database_
        ["DELETE FROM client WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM run WHERE client = ?1) "
         "AND NOT EXISTS(SELECT 1 FROM presence WHERE client = ?1)"](client)
            .run();
  }
  return clients.size() == 1000 ? clients.back() : 0;
}

bool Store::shrink(int pages) {
  database_.execute("PRAGMA incremental_vacuum(" + std::to_string(pages) + ")");
  return database_["PRAGMA freelist_count"]().number().value_or(0) > 0;
}

bool Store::truncate_log() {
  sqlite3_busy_timeout(database_.handle(), 0);
  const int code = sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(database_.handle(), 5000);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw SqlError(code, sqlite3_errmsg(database_.handle()));
  return code == SQLITE_OK;
}

Id Store::rebuild(Id after, int most) {
  write_figures();
  std::vector<std::pair<Id, std::string>> reports;
  Statement& found = database_["SELECT id, body FROM report WHERE id > ? ORDER BY id LIMIT ?"](after, most);
  while (found.step()) reports.emplace_back(found.integer(0), found.text(1));
  for (const auto& [id, body] : reports) {
    const Report report = report_of(Json::parse(body));
    Statement& run = database_["SELECT leaf, day, facts FROM run WHERE id = ?"](id);
    if (!run.step()) continue;
    const Day day = run.integer(1);
    cells_.add(run.integer(0), day, unpacked(run.bytes(2)), -1);
    run.reset();
    const Id app = terms_.app(report.app).value_or(0), leaf = terms_.slice(leaf_of(app, report));
    const std::vector<CountedFact> facts = counted(app, report);
    cells_.add(leaf, day, facts);
    database_["UPDATE run SET leaf = ?, facts = ? WHERE id = ?"](leaf, Blob{packed(facts)}, id).run();
  }
  write_figures();
  if (reports.size() == static_cast<std::size_t>(most)) return reports.back().first;
  forward_again(database_);  // all of them are as they shall be
  return 0;
}

}  // namespace collector
