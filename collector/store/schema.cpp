#include "schema.hpp"

#include <filesystem>
#include <iostream>

namespace collector {
namespace {

constexpr int application_id = 0x75736765;  // "usge"
constexpr int schema_version = 3;

// Raw: client, run, place, visit, presence. They live for --keep days, or until they are deleted.
// Figures: cell, whose keys are explained by slice and term. Pages read these, described and nothing else.
//
// - run: the report that holds of each session. `facts` is what it has added to the cells (cells.hpp), so that the same
//   can be taken away again. Its id grows with each arrival; those up to meta.aggregated_through are in the cells. The
//   report itself comes last in the row: a deletion then has one page to change where two tables would have two.
// - place, visit: where to find a run by the beginning of its session, and by its day and client (0: none). Like cells
//   they are written for many runs together, and have those up to meta.aggregated_through. They begin with what grows
//   with time (part is the id / 65536), so that what arrives changes the same few pages, however many runs there are;
//   an index on a random number alone would have another page for each.
// - term: names what is counted, by metric (facts.hpp). A series is one, as are the versions, systems and commands.
// - slice: what a filter selects. Each run counts in eight of them: version, os and command, or 0 in place of each.
//   `ci` is 0 or 1, and "all" is the sum of the two; but of installations, which may be on both sides, 2 has the
//   number.
// - cell: of a series in a slice, on the day of arrival: how many in each bin (bins.hpp).
// - fresh: those of today, and of the weeks and months that go on; the two are added up. Among the cells of all days,
//   each of them would be in a page of its own, and all these pages be written again and again. In the night they go
//   to the others.
// - forged: what is to be forgotten, while that is being done (forget.cpp). Two processes may do it at a time, and know
//   by its id how far they are, so that no id comes again.
// - presence: which installation reported on which day, of which finest slice. The distinct numbers of days, weeks
//   and months are cells (Metric::active) and outlive it.
// - witness: of what users can influence (needs_witnesses), up to five installations that share it (SHA-256 of the id,
//   first 8 bytes); publish asks for it.
// - tombstone: SHA-256 of the ids that were deleted.
// - outbox: what a cluster has not been told yet, beside the runs after meta.forwarded_through (outbox.hpp).
constexpr const char* schema = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE client(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE);
CREATE TABLE term(id INTEGER PRIMARY KEY AUTOINCREMENT, app INTEGER NOT NULL, metric INTEGER NOT NULL,
                  name TEXT NOT NULL, value TEXT NOT NULL, UNIQUE(app, metric, name, value));
CREATE TABLE slice(id INTEGER PRIMARY KEY AUTOINCREMENT, app INTEGER NOT NULL, version INTEGER NOT NULL,
                   os INTEGER NOT NULL, command INTEGER NOT NULL, ci INTEGER NOT NULL,
                   UNIQUE(app, version, os, command, ci));
CREATE TABLE cell(slice INTEGER, series INTEGER, day INTEGER, bins BLOB NOT NULL,
                  PRIMARY KEY(slice, series, day)) WITHOUT ROWID;
CREATE TABLE presence(client INTEGER, day INTEGER, leaf INTEGER, PRIMARY KEY(client, day, leaf)) WITHOUT ROWID;
CREATE TABLE witness(term INTEGER, key INTEGER, PRIMARY KEY(term, key)) WITHOUT ROWID;
CREATE INDEX witness_key ON witness(key);
CREATE TABLE tombstone(hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE described(app TEXT, name TEXT, kind TEXT NOT NULL, description TEXT NOT NULL, choices TEXT NOT NULL,
                       version TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(app, name)) WITHOUT ROWID;
INSERT INTO meta VALUES('aggregated_through', 0);
)";
/// What the second version added to the first.
constexpr const char* second_version =
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, a, b, c);";
/// And the third.
constexpr const char* third_version = R"(
CREATE TABLE run(id INTEGER PRIMARY KEY AUTOINCREMENT, session BLOB NOT NULL, sequence INTEGER NOT NULL,
                 day INTEGER NOT NULL, client INTEGER, leaf INTEGER NOT NULL, facts BLOB NOT NULL,
                 body TEXT NOT NULL);
CREATE TABLE place(part INTEGER, key BLOB, run INTEGER, PRIMARY KEY(part, key, run)) WITHOUT ROWID;
CREATE TABLE visit(day INTEGER, client INTEGER, run INTEGER, leaf INTEGER NOT NULL,
                   PRIMARY KEY(day, client, run)) WITHOUT ROWID;
CREATE TABLE fresh(slice INTEGER, series INTEGER, day INTEGER, bins BLOB NOT NULL,
                   PRIMARY KEY(slice, series, day)) WITHOUT ROWID;
CREATE TABLE forged(id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, version TEXT, day INTEGER,
                    through INTEGER NOT NULL);
)";
/// Until then an index on each of session, day and client stood in the place of those, and reports in a table of their
/// own. Ids that were there once do not come again.
constexpr const char* from_second_to_third = R"(
INSERT INTO run SELECT r.id, session, sequence, day, client, leaf, facts, body FROM run_2 r JOIN report USING(id)
  ORDER BY r.id;
DELETE FROM sqlite_sequence WHERE name = 'run';
UPDATE sqlite_sequence SET name = 'run' WHERE name = 'run_2';
DROP TABLE run_2;
DROP TABLE report;
)";

std::int64_t pragma(Database& database, const std::string& name) {
  return database.prepare("PRAGMA " + name).number().value_or(0);
}

/// Throws unless the file is empty or ours; returns its schema version, 0 for an empty one.
std::int64_t version_of(Database& database) {
  const std::int64_t owner = pragma(database, "application_id"), version = pragma(database, "user_version");
  const bool empty = !database.prepare("SELECT 1 FROM sqlite_schema").number();
  if (owner == 0 && version == 0 && empty) return 0;
  if (owner != application_id) throw Problem(database.file() + " is the database of another program");
  if (version > schema_version)
    throw Problem(database.file() + " was made by a newer usage-stats-collector (schema " + std::to_string(version) +
                  ", this one knows " + std::to_string(schema_version) + ")");
  return version;
}

}  // namespace

void write_places(Database& database, std::int64_t after, std::int64_t through) {
  database
      ["INSERT INTO place SELECT id >> 16, substr(session, 1, 8), id FROM run WHERE id > ? AND id <= ? ORDER BY 1, 2"](
          after, through)
          .run();
  database["INSERT INTO visit SELECT day, ifnull(client, 0), id, leaf FROM run WHERE id > ? AND id <= ? ORDER BY 1, 2"](
      after, through)
      .run();
}

namespace {

/// From an empty file, or an older version, to this one. Another process may have been faster.
void bring_up_to_date(Database& database) {
  database.execute("BEGIN IMMEDIATE");
  const std::int64_t version = version_of(database);
  if (version < 1) database.execute(schema);
  if (version < 2) database.execute(second_version);
  if (version == 1 || version == 2)
    std::cerr << "usage-stats-collector: bringing " << database.file() << " from schema " << version << " to "
              << schema_version
              << "; a million reports take some minutes, and three to four times its size of free space" << std::endl;
  if (version == 1 || version == 2) database.execute("ALTER TABLE run RENAME TO run_2");
  if (version < 3) database.execute(third_version);
  if (version == 1 || version == 2) {
    database.execute(from_second_to_third);
    write_places(database, 0,
                 database["SELECT value FROM meta WHERE name = 'aggregated_through'"]().number().value_or(0));
  }
  database.execute("PRAGMA application_id = " + std::to_string(application_id) +
                   "; PRAGMA user_version = " + std::to_string(schema_version) + "; COMMIT");
}

void create(Database& database) {
  database.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  bring_up_to_date(database);
}

/// What SQLite says, for a person who knows files.
std::string reason(const SqlError& error, const std::string& file) {
  switch (error.code) {
    case SQLITE_NOTADB:
      return file + " is not a database";
    case SQLITE_CANTOPEN:
      return "cannot open " + file + ": it does not exist, or cannot be read";
    case SQLITE_READONLY:
      return file + " cannot be written";
    case SQLITE_FULL:
      return "the disk of " + file +
             " is full; a database of an older version needs three to four times its size there";
    case SQLITE_BUSY:
      return file + " is locked by another process, which may be bringing it up to date: try again later";
    case SQLITE_CORRUPT:
      return file + " is damaged: restore a backup, or salvage it with the sqlite3 shell's .recover";
    default:
      return file + ": " + error.what();
  }
}

}  // namespace

Database open_database(const std::string& file, bool create_it) try {
  if (!create_it && !std::filesystem::exists(file)) throw Problem("there is no database " + file);
  Database database(file, create_it ? Database::Mode::create : Database::Mode::write);
  if (version_of(database) == 0) {
    if (!create_it) throw Problem(file + " is empty");
    create(database);
  }
  if (version_of(database) < schema_version) bring_up_to_date(database);
  // FULL: a commit is on the disk. secure_delete: what is deleted is overwritten.
  database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
      "PRAGMA cache_size = -24000; PRAGMA temp_store = MEMORY;");
  return database;
} catch (const SqlError& error) {
  throw Problem(reason(error, file));
}

Database open_for_reading(const std::string& file) try {
  if (!std::filesystem::exists(file)) throw Problem("there is no database " + file);
  Database database(file, Database::Mode::read);
  const std::int64_t version = version_of(database);
  if (version == 0) throw Problem(file + " is empty");
  if (version < schema_version) open_database(file, false);
  database.execute("PRAGMA cache_size = -4000");
  return database;
} catch (const SqlError& error) {
  throw Problem(reason(error, file));
}

}  // namespace collector
