#include "schema.hpp"

#include <filesystem>

namespace collector {
namespace {

constexpr int application_id = 0x75736765;  // "usge"
constexpr int schema_version = 2;

// Raw: client, run, report, presence. They live for --keep days, or until they are deleted.
// Figures: cell, whose keys are explained by slice and term. Pages read these, described and nothing else.
//
// - run: the report that holds of each session. `facts` is what it has added to the cells (cells.hpp), so that the same
//   can be taken away again. Its id grows with each arrival; those up to meta.aggregated_through are in the cells.
// - report: the JSON, beside the narrow rows; read for export only.
// - term: names what is counted, by metric (facts.hpp). A series is one, as are the versions, systems and commands.
// - slice: what a filter selects. Each run counts in eight of them: version, os and command, or 0 in place of each.
//   `ci` is 0 or 1, and "all" is the sum of the two; but of installations, which may be on both sides, 2 has the
//   number.
// - cell: of a series in a slice, on the day of arrival: how many in each bin (bins.hpp).
// - presence: which installation reported on which day, of which finest slice. The distinct numbers of days, weeks
//   and months are cells (Metric::active) and outlive it.
// - witness: of what users can influence (needs_witnesses), up to five installations that share it (SHA-256 of the id,
//   first 8 bytes); publish asks for it.
// - tombstone: SHA-256 of the ids that were deleted.
// - outbox: what a cluster has not been told yet, beside the runs after meta.forwarded_through (outbox.hpp).
constexpr const char* schema = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE client(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE);
CREATE TABLE run(id INTEGER PRIMARY KEY AUTOINCREMENT, session BLOB NOT NULL UNIQUE, sequence INTEGER NOT NULL,
                 day INTEGER NOT NULL, client INTEGER, leaf INTEGER NOT NULL, facts BLOB NOT NULL);
CREATE INDEX run_day ON run(day);
CREATE INDEX run_client ON run(client) WHERE client IS NOT NULL;
CREATE TABLE report(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
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

/// From an empty file, or an older version, to this one. Another process may have been faster.
void bring_up_to_date(Database& database) {
  database.execute("BEGIN IMMEDIATE");
  const std::int64_t version = version_of(database);
  if (version < 1) database.execute(schema);
  if (version < 2) database.execute(second_version);
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
      return "the disk of " + file + " is full";
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
  if (version_of(database) == 0) throw Problem(file + " is empty");
  database.execute("PRAGMA cache_size = -4000");
  return database;
} catch (const SqlError& error) {
  throw Problem(reason(error, file));
}

}  // namespace collector
