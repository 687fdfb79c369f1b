#include "outbox.hpp"

#include <algorithm>

#include "../base/sha256.hpp"

namespace collector {
namespace {

constexpr int most_entries = 5000;
constexpr int most_rows_of_before = 2000;

constexpr const char* triggers = R"(
CREATE TRIGGER IF NOT EXISTS forward_presence AFTER INSERT ON presence BEGIN
  INSERT INTO outbox(kind, a, b, c) VALUES('presence', new.client, new.day, new.leaf); END;
CREATE TRIGGER IF NOT EXISTS forward_witness AFTER INSERT ON witness BEGIN
  INSERT INTO outbox(kind, a, b) VALUES('witness', new.term, new.key); END;
CREATE TRIGGER IF NOT EXISTS forward_removal AFTER INSERT ON tombstone BEGIN
  INSERT INTO outbox(kind, a) VALUES('removed', new.hash); END;
)";

std::string hash_of_key(std::string_view key) { return key.empty() ? std::string() : hash_of_client(hex_of(key)); }

/// All of them, so that none comes after what has arrived since.
void take_removals(Database& database, Outgoing& outgoing) {
  Statement& found =
      database["SELECT kind, a, b, c, id FROM outbox WHERE kind IN ('removed', 'forgotten', 'gone') ORDER BY id"]();
  while (found.step()) {
    outgoing.removals_through = found.integer(4);
    if (found.text(0) == "removed")
      outgoing.removed.push_back(found.text(1));
    else if (found.text(0) == "gone")
      outgoing.gone.push_back(found.text(1));
    else
      outgoing.forgotten.push_back({found.text(1),
                                    found.is_null(2) ? std::nullopt : std::optional<std::string>(found.text(2)),
                                    found.is_null(3) ? std::nullopt : std::optional<Day>(found.integer(3))});
  }
}

/// What presence and witness had before their triggers goes out in the order of their first keys: meta has the last
/// that went, until none is left. Nothing has to be copied, so that nobody waits for it, and whoever dies goes on from
/// there.
constexpr const char *presence_told = "presence_told", *witness_told = "witness_told";

std::optional<Id> told(Database& database, const char* name) {
  return database["SELECT value FROM meta WHERE name = ?"](name).number();
}

void take_what_was_before(Database& database, Outgoing& outgoing) {
  if (const auto from = told(database, presence_told)) {
    const auto through =
        database["SELECT MAX(client) FROM (SELECT client FROM presence WHERE client > ? ORDER BY client LIMIT ?)"](
            *from, most_rows_of_before)
            .number();
    outgoing.before.push_back({presence_told, *from, through.value_or(0)});
    Statement& seen = database
        ["SELECT c.key, p.day, p.leaf FROM presence p JOIN client c ON c.id = p.client "
         "WHERE p.client > ? AND p.client <= ?"](*from, through.value_or(0));
    while (seen.step()) outgoing.presences.push_back({hash_of_key(seen.bytes(0)), seen.integer(1), seen.integer(2)});
  }
  if (const auto from = told(database, witness_told)) {
    const auto through =
        database["SELECT MAX(term) FROM (SELECT term FROM witness WHERE term > ? ORDER BY term LIMIT ?)"](
            *from, most_rows_of_before)
            .number();
    outgoing.before.push_back({witness_told, *from, through.value_or(0)});
    Statement& witnesses =
        database["SELECT term, key FROM witness WHERE term > ? AND term <= ?"](*from, through.value_or(0));
    while (witnesses.step()) outgoing.witnesses.push_back({witnesses.integer(0), witnesses.integer(1)});
  }
}

/// Those that are still there: what has been taken away since needs not go out.
void take_additions(Database& database, Id last, Outgoing& outgoing) {
  Statement& seen = database
      ["SELECT c.key, p.day, p.leaf FROM outbox o JOIN presence p ON p.client = o.a AND p.day = o.b AND p.leaf = o.c "
       "JOIN client c ON c.id = o.a WHERE o.id <= ? AND o.kind = 'presence'"](last);
  while (seen.step()) outgoing.presences.push_back({hash_of_key(seen.bytes(0)), seen.integer(1), seen.integer(2)});
  Statement& witnesses = database
      ["SELECT w.term, w.key FROM outbox o JOIN witness w ON w.term = o.a AND w.key = o.b "
       "WHERE o.id <= ? AND o.kind = 'witness'"](last);
  while (witnesses.step()) outgoing.witnesses.push_back({witnesses.integer(0), witnesses.integer(1)});
}

void take_runs(Database& database, int most, Outgoing& outgoing) {
  outgoing.runs_from = outgoing.runs_through = forwarded(database);
  Statement& found = database
      ["SELECT r.id, r.session, c.key, r.sequence, r.day, r.leaf, r.facts FROM run r LEFT JOIN client c "
       "ON c.id = r.client WHERE r.id > ? ORDER BY r.id LIMIT ?"](outgoing.runs_from, most);
  while (found.step()) {
    outgoing.runs_through = found.integer(0);
    outgoing.runs.push_back({found.text(1), hash_of_key(found.bytes(2)), found.integer(3), found.integer(4),
                             found.integer(5), unpacked(found.bytes(6))});
  }
}

}  // namespace

void start_forwarding(Database& database) {
  // history: the figures of days whose runs are gone are to go there, too, under this name.
  database.execute(
      "INSERT INTO meta VALUES('forwarded_through', 0), ('presence_told', 0), ('witness_told', 0);"
      "INSERT OR REPLACE INTO meta VALUES('history', lower(hex(randomblob(8))))");
  database.execute(triggers);
  database.execute("INSERT INTO outbox(kind, a) SELECT 'removed', hash FROM tombstone");
}

void stop_forwarding(Database& database) {
  database.execute(
      "DROP TRIGGER IF EXISTS forward_presence; DROP TRIGGER IF EXISTS forward_witness;"
      "DROP TRIGGER IF EXISTS forward_removal; DELETE FROM outbox; DELETE FROM meta WHERE name IN "
      "('forwarded_through', 'history', 'presence_told', 'witness_told')");
}

bool is_forwarding(Database& database) {
  return database["SELECT 1 FROM meta WHERE name = 'forwarded_through'"]().number().has_value();
}

Id forwarded(Database& database) {
  return database["SELECT value FROM meta WHERE name = 'forwarded_through'"]().number().value_or(INT64_MAX);
}

std::int64_t unforwarded(Database& database) {
  const Id last = forwarded(database);
  return database
      ["SELECT (SELECT COUNT(*) FROM place WHERE part >= ?1 >> 16 AND run > ?1) + (SELECT COUNT(*) FROM run WHERE id > "
       "?1 "
       "AND id > (SELECT value FROM meta WHERE name = 'aggregated_through'))"](last)
          .number()
          .value_or(0);
}

bool tells_of_installations(Database& database) { return told(database, presence_told).has_value(); }

void forward_again(Database& database) {
  // Another number each time, below all ids: a block that is on its way does not mark what has changed since.
  database["UPDATE meta SET value = min(value, 0) - 1 WHERE name = 'forwarded_through'"]().run();
}

void put_forgotten(Database& database, const std::string& app, const std::optional<std::string>& version,
                   std::optional<Day> day) {
  if (is_forwarding(database))
    database["INSERT INTO outbox(kind, a, b, c) VALUES('forgotten', ?, ?, ?)"](app, version, day).run();
}

void put_gone(Database& database, Id run) {
  if (is_forwarding(database))
    database["INSERT INTO outbox(kind, a) SELECT 'gone', session FROM run WHERE id = ?"](run).run();
}

Outgoing take_outgoing(Database& database, int most) {
  Outgoing outgoing;
  const Id last =
      database["SELECT MAX(id) FROM (SELECT id FROM outbox ORDER BY id LIMIT ?)"](most_entries).number().value_or(0);
  outgoing.entries_through = last;
  take_removals(database, outgoing);
  if (database["SELECT 1 FROM forged LIMIT 1"]().number()) {  // what is to go goes first
    outgoing.entries_through = 0;
    return outgoing;
  }
  take_additions(database, last, outgoing);
  take_what_was_before(database, outgoing);
  take_runs(database, most, outgoing);
  outgoing.more = !outgoing.before.empty() || outgoing.runs.size() == static_cast<std::size_t>(most) ||
                  database["SELECT 1 FROM outbox WHERE id > ? LIMIT 1"](last).number();
  return outgoing;
}

void mark_forwarded(Database& database, const Outgoing& outgoing) {
  database["DELETE FROM outbox WHERE id <= ? OR (id <= ? AND kind IN ('removed', 'forgotten', 'gone'))"](
      outgoing.entries_through, outgoing.removals_through)
      .run();
  for (const Outgoing::Before& piece : outgoing.before)
    database["UPDATE meta SET value = ? WHERE name = ? AND value = ?"](piece.through, piece.name, piece.from).run();
  // An empty piece was the end.
  for (const Outgoing::Before& piece : outgoing.before)
    if (piece.through == 0) database["DELETE FROM meta WHERE name = ? AND value = 0"](piece.name).run();
  // Unless all are to go again since.
  database["UPDATE meta SET value = ? WHERE name = 'forwarded_through' AND value = ?"](outgoing.runs_through,
                                                                                       outgoing.runs_from)
      .run();
}

Named term_of(Database& database, Id term) {
  Statement& found =
      database["SELECT a.value, t.name, t.value, t.metric FROM term t JOIN term a ON a.id = t.app WHERE t.id = ?"](
          term);
  if (!found.step()) throw Problem("the database lacks a name that a run has");
  Named named{found.text(0), found.text(1), found.text(2), static_cast<Metric>(found.integer(3))};
  found.reset();
  return named;
}

NamedLeaf leaf_of(Database& database, Id slice) {
  Statement& found = database
      ["SELECT a.value, v.value, o.value, c.value, ci FROM slice s LEFT JOIN term a ON a.id = s.app LEFT JOIN term v "
       "ON v.id = s.version LEFT JOIN term o ON o.id = s.os LEFT JOIN term c ON c.id = s.command WHERE s.id = ?"](
          slice);
  if (!found.step()) throw Problem("the database lacks a slice that a run has");
  NamedLeaf leaf{found.text(0), found.text(1), found.text(2), found.text(3), found.integer(4) == 1};
  found.reset();
  return leaf;
}

}  // namespace collector
