#include "store.hpp"

#include <algorithm>
#include <tuple>
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
  unplaced_.clear();
  first_part_ = database_["SELECT part FROM place ORDER BY part LIMIT 1"]().number().value_or(INT64_MAX);
  written_through_ = database_["SELECT value FROM meta WHERE name = 'aggregated_through'"]().number().value_or(0);
  last_run_ = written_through_;
  Statement& runs =
      database_["SELECT id, client, leaf, day, facts, session FROM run WHERE id > ? ORDER BY id"](written_through_);
  while (runs.step()) {
    last_run_ = runs.integer(0);
    unplaced_[runs.text(5)] = last_run_;
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
  forged_ = {};  // begins anew
  try {
    if (database_.in_transaction()) database_["ROLLBACK"]().run();
  } catch (const SqlError&) {  // SQLite has rolled back by itself
  }
}

void Store::write_figures() {
  cells_.write();
  must_write_ = false;
  if (written_through_ == last_run_) return;
  write_places(database_, written_through_, last_run_);
  first_part_ = std::min(first_part_, (written_through_ + 1) >> 16);
  unplaced_.clear();
  database_["UPDATE meta SET value = ? WHERE name = 'aggregated_through'"](last_run_).run();
  written_through_ = last_run_;
}

/// The run of a session. The newest are asked first: what comes again mostly does so soon.
std::optional<Store::Place> Store::find(const std::string& session) {
  const auto place = [&](Statement& found) {
    std::optional<Place> result;
    if (found.step()) result = Place{found.integer(0), found.integer(1)};
    found.reset();
    return result;
  };
  if (const auto unplaced = unplaced_.find(session); unplaced != unplaced_.end())
    return place(database_["SELECT id, sequence FROM run WHERE id = ?"](unplaced->second));
  Statement& placed = database_
      ["SELECT r.id, r.sequence FROM place p CROSS JOIN run r ON r.id = p.run "
       "WHERE p.part = ? AND p.key = ? AND r.session = ?"];
  const std::string_view key = std::string_view(session).substr(0, 8);
  for (Id part = written_through_ >> 16; part >= first_part_; --part)
    if (const auto found = place(placed(part, Blob{key}, Blob{session}))) return found;
  return std::nullopt;
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
  if (!loaded_) reload();  // a client was removed in this same change, and words and slices with it
  if (!report.client_hash.empty() &&
      database_["SELECT 1 FROM tombstone WHERE hash = ?"](Blob{report.client_hash}).number())
    return Added::deleted;
  const std::optional<Place> before = find(report.session);
  if (before && before->sequence >= report.sequence) return Added::known;
  const auto app = terms_.app(report.app);
  if (!app) throw Refused("app.name", "is one program more than this collector accepts");
  const Id leaf = terms_.slice(leaf_of(*app, report));
  if (before) remove_runs({before->run}, true);
  std::optional<Id> client;
  if (!report.client.empty()) client = client_of(report.client);
  const std::vector<CountedFact> facts = counted(*app, report);
  database_["INSERT INTO run(session, sequence, day, client, leaf, facts, body) VALUES(?, ?, ?, ?, ?, ?, ?)"](
      Blob{report.session}, report.sequence, arrival, client, leaf, Blob{packed(facts)}, report.body)
      .run();
  last_run_ = database_.last_id();
  unplaced_[report.session] = last_run_;
  cells_.add(leaf, arrival, facts);
  if (client) cells_.see({*client, arrival, leaf});
  return Added::stored;
}

/// With figures: what the runs have added is taken away, in this same transaction. Table by table and each in its
/// order, so that a page is changed once, even if there are more than the cache can hold.
void Store::remove_runs(const std::vector<Id>& runs, bool with_figures, std::set<std::pair<Id, Id>>* touched) {
  if (!runs.empty() && *std::max_element(runs.begin(), runs.end()) > written_through_) write_figures();
  must_write_ = must_write_ || (with_figures && !runs.empty());
  std::vector<std::tuple<Id, std::string, Id>> places;
  std::vector<std::tuple<Day, Id, Id>> visits;
  for (const Id run : runs) {
    Statement& found = database_["SELECT substr(session, 1, 8), day, client, leaf, facts FROM run WHERE id = ?"](run);
    if (!found.step()) continue;
    places.emplace_back(run >> 16, found.text(0), run);
    visits.emplace_back(found.integer(1), found.integer(2), run);
    if (with_figures) {
      const Id leaf = found.integer(3), app = terms_.leaf(leaf).app;
      const std::vector<CountedFact> facts = unpacked(found.bytes(4));
      cells_.add(leaf, found.integer(1), facts, -1);
      for (const CountedFact& fact : facts)
        if (touched != nullptr) touched->emplace(app, fact.series);
    }
    found.reset();
    database_["DELETE FROM run WHERE id = ?"](run).run();
  }
  std::sort(places.begin(), places.end());
  for (const auto& [part, key, run] : places)
    database_["DELETE FROM place WHERE part = ? AND key = ? AND run = ?"](part, Blob{key}, run).run();
  std::sort(visits.begin(), visits.end());
  for (const auto& [day, client, run] : visits)
    database_["DELETE FROM visit WHERE day = ? AND client = ? AND run = ?"](day, client, run).run();
}

std::vector<Day> Store::expired_days(Day first_kept) {
  std::vector<Day> days;
  // From one to the next in the index: each has very many runs.
  Statement& next = database_["SELECT day FROM visit WHERE day > ? AND day < ? ORDER BY day LIMIT 1"];
  for (auto day = next(INT64_MIN, first_kept).number(); day; day = next(*day, first_kept).number())
    days.push_back(*day);
  return days;
}

bool Store::expire_reports(Day first_kept, int most) {
  write_figures();
  std::vector<Id> runs;
  Statement& found = database_["SELECT run FROM visit WHERE day < ? AND run <= ? ORDER BY day LIMIT ?"](
      first_kept, forwarded(database_), most);
  while (found.step()) runs.push_back(found.integer(0));
  std::sort(runs.begin(), runs.end());
  remove_runs(runs, false);
  first_part_ = database_["SELECT part FROM place ORDER BY part LIMIT 1"]().number().value_or(INT64_MAX);
  return runs.size() == static_cast<std::size_t>(most);
}

Id Store::expire_clients(Day first_kept, Id after, int most) {
  if (tells_of_installations(database_)) return 0;
  write_figures();
  std::vector<Id> clients;
  Statement& found = database_["SELECT id FROM client WHERE id > ? ORDER BY id LIMIT ?"](after, most);
  while (found.step()) clients.push_back(found.integer(0));
  // Until its month is over, and the week that goes on into the next, its days are needed to count it once; and as long
  // as there are runs of them, to find these.
  const Day oldest = database_["SELECT day FROM visit ORDER BY day LIMIT 1"]().number().value_or(INT64_MAX);
  const Day first = std::min({first_kept, last_day_of_presence(), oldest});
  for (const Id client : clients) {
    database_["DELETE FROM presence WHERE client = ? AND day < ?"](client, first).run();
    database_["DELETE FROM client WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM presence WHERE client = ?1)"](client)
        .run();
  }
  return clients.size() == static_cast<std::size_t>(most) ? clients.back() : 0;
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
  Statement& found = database_["SELECT id, body FROM run WHERE id > ? ORDER BY id LIMIT ?"](after, most);
  while (found.step()) reports.emplace_back(found.integer(0), found.text(1));
  for (const auto& [id, body] : reports) {
    const Report report = report_of(Json::parse(body));
    Statement& run = database_["SELECT leaf, day, facts, client FROM run WHERE id = ?"](id);
    if (!run.step()) continue;
    const Day day = run.integer(1);
    const Id client = run.integer(3);
    cells_.add(run.integer(0), day, unpacked(run.bytes(2)), -1);
    run.reset();
    const Id app = terms_.app(report.app).value_or(0), leaf = terms_.slice(leaf_of(app, report));
    const std::vector<CountedFact> facts = counted(app, report);
    cells_.add(leaf, day, facts);
    if (client != 0) cells_.see({client, day, leaf});
    database_["UPDATE run SET leaf = ?, facts = ? WHERE id = ?"](leaf, Blob{packed(facts)}, id).run();
    database_["UPDATE visit SET leaf = ? WHERE day = ? AND client = ? AND run = ?"](leaf, day, client, id).run();
  }
  write_figures();
  if (reports.size() == static_cast<std::size_t>(most)) return reports.back().first;
  forward_again(database_);  // all of them are as they shall be
  return 0;
}

}  // namespace collector
