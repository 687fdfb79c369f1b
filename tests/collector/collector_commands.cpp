// What the owner of a collector does with it at a terminal.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <string>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/store/dictionary.hpp"
#include "collector/store/store.hpp"
#include "sandbox.hpp"

namespace {

using collector::Day;
using nlohmann::ordered_json;

bool is_one_line(const std::string& text) { return !text.empty() && text.find('\n') == text.size() - 1; }

std::int64_t number(const TemporaryFolder& folder, const std::string& sql) {
  collector::Database database = collector::open_for_reading(folder / "usage.db");
  return database.prepare(sql).number().value_or(-1);
}

/// A database with so many reports on each of the days before today.
void fill(const TemporaryFolder& folder, Day days, std::size_t each) {
  collector::Store store(folder / "usage.db", true);
  collector::Store::Change change(store);
  std::size_t i = 0;
  for (Day ago = days; ago > 0; --ago)
    for (std::size_t n = 0; n < each; ++n, ++i)
      store.add(collector::report_of(report_number(i, i % 7)), collector::today() - ago);
  store.write_figures();
  change.commit();
}

std::int64_t runs_of_all_time(const TemporaryFolder& folder) {
  collector::Database database = collector::open_for_reading(folder / "usage.db");
  collector::SqliteSource source(database);
  return std::get<std::int64_t>(collector::programs(source).rows.at(0).at(1));
}

}  // namespace

TEST_CASE("collector commands: import takes what the receiver kept, export gives it back, both any number of times") {
  TemporaryFolder folder;
  std::string lines;
  for (std::size_t i = 0; i < 450; ++i) lines += report_number(i, i % 9).dump() + '\n';
  write_file(folder / "reports.jsonl", lines + "\n{\"torn\": \n");
  Result result = run_collector(folder.path(), {"import", "reports.jsonl"});
  CHECK(result.exit_code == 1);  // of the torn line
  CHECK(result.err == "line 451: the body is not JSON\n");
  CHECK(result.out == "450 reports are new, 0 were already known, 0 are of deleted clients, 1 lines are not reports\n");
  CHECK(run_collector(folder.path(), {"import", "-"}, lines).out ==
        "0 reports are new, 450 were already known, 0 are of deleted clients, 0 lines are not reports\n");
  CHECK(run_collector(folder.path(), {"export"}).out == lines);
  CHECK(run_collector(folder.path(), {"export", "copy.jsonl"}).exit_code == 0);
  CHECK(read_file(folder / "copy.jsonl") == lines);
  CHECK(number(folder, "SELECT COUNT(DISTINCT day) FROM run") == 1);  // the day on which the runs ended
  CHECK(number(folder, "SELECT day FROM run LIMIT 1") == *collector::parse_day("2026-11-22"));
}

TEST_CASE("collector commands: import, delete and backup while it serves") {
  TemporaryFolder folder;
  CollectorProcess collector(folder.path());
  CHECK(collector.post(report_number(1, 1)).status == 201);
  std::string lines;
  for (std::size_t i = 2; i < 300; ++i) lines += report_number(i, i % 9).dump() + '\n';
  CHECK(run_collector(folder.path(), {"import", "-"}, lines).exit_code == 0);
  CHECK(collector.post(report_number(2)).status == 200);
  CHECK(collector.post(report_number(1000, 5)).status == 201);
  CHECK(run_collector(folder.path(), {"delete", client_number(5)}).exit_code == 0);
  CHECK(collector.post(report_number(1001, 5)).status == 200);
  CHECK(collector.post(report_number(1002, 6)).status == 201);
  CHECK(run_collector(folder.path(), {"backup", "copy.db"}).exit_code == 0);
  CHECK(collector.stop() == 0);
  CHECK(runs_of_all_time(folder) == number(folder, "SELECT COUNT(*) FROM run"));
  CHECK(run_collector(folder.path(), {"check", "--database", "copy.db"}).exit_code == 0);
  const Result again = run_collector(folder.path(), {"backup", "copy.db"});  // never over something
  CHECK(again.exit_code == 1);
  CHECK(again.err == "usage-stats-collector: copy.db already exists\n");
}

TEST_CASE("collector commands: raw reports go after --keep days, their figures stay, and the file shrinks") {
  TemporaryFolder folder;
  fill(folder, 9, 300);
  const auto full = std::filesystem::file_size(folder / "usage.db");
  {
    CollectorProcess collector(folder.path(), {"--keep", "7d"});
    REQUIRE(wait_until([&] { return number(folder, "SELECT COUNT(DISTINCT day) FROM run") == 7; }));
    REQUIRE(wait_until([&] {
      return std::filesystem::file_size(folder / "usage.db") < full &&
             std::filesystem::file_size(folder / "usage.db-wal") == 0;
    }));
    CHECK(collector.post(report_number(5000)).status == 201);
    CHECK(collector.stop() == 0);
  }
  CHECK(number(folder, "SELECT COUNT(*) FROM run") == 7 * 300 + 1);
  CHECK(runs_of_all_time(folder) == 9 * 300 + 1);
  CHECK(run_collector(folder.path(), {"check", "--keep", "7d"}).exit_code == 0);
}

TEST_CASE("collector commands: a clock that jumps does not expire everything; expire does when it is told to") {
  TemporaryFolder folder;
  fill(folder, 20, 3);
  {
    CollectorProcess collector(folder.path(), {"--keep", "7d"});
    REQUIRE(wait_until([&] { return collector.said().find("13 days") != std::string::npos; }));
    CHECK(collector.said().find("expire --yes") != std::string::npos);
    CHECK(collector.post(report_number(5000)).status == 201);
    CHECK(collector.stop() == 0);
  }
  CHECK(number(folder, "SELECT COUNT(*) FROM run") == 61);
  CHECK(run_collector(folder.path(), {"check", "--keep", "7d"}).exit_code == 1);
  CHECK(run_collector(folder.path(), {"expire", "--keep", "7d"}).exit_code == 1);
  CHECK(number(folder, "SELECT COUNT(*) FROM run") == 61);
  CHECK(run_collector(folder.path(), {"expire", "--keep", "7d", "--yes"}).exit_code == 0);
  CHECK(number(folder, "SELECT COUNT(*) FROM run") == 22);
  CHECK(run_collector(folder.path(), {"check", "--keep", "7d"}).exit_code == 0);
  CHECK(runs_of_all_time(folder) == 61);
}

TEST_CASE("collector commands: the ids of installations go with their reports, once their month is over") {
  TemporaryFolder folder;
  {
    collector::Store store(folder / "usage.db", true);
    collector::Store::Change change(store);
    const Day old = collector::begin_of(collector::Period::month, collector::today()) - 40;
    store.add(collector::report_of(report_number(1, 1)), old);
    store.add(collector::report_of(report_number(2, 2)), old);
    store.add(collector::report_of(report_number(3, 2)), collector::today());
    store.write_figures();
    change.commit();
  }
  CHECK(run_collector(folder.path(), {"expire", "--keep", "30d", "--yes"}).exit_code == 0);
  CHECK(number(folder, "SELECT COUNT(*) FROM client") == 1);
  CHECK(number(folder, "SELECT COUNT(*) FROM presence") == 1);
  collector::Database database = collector::open_for_reading(folder / "usage.db");
  collector::SqliteSource source(database);
  const collector::Reader reader(source, {"mytool", collector::today() - 80, collector::today()});
  std::int64_t installations = 0;
  for (const auto& row : collector::active(reader, collector::Period::month).rows)
    installations += std::get<std::int64_t>(row[1]);
  CHECK(installations == 3);  // two in that month, one in this
}

TEST_CASE("collector commands: --only-described refuses what it was not taught, and learns while it serves") {
  Sandbox sandbox;
  CollectorProcess collector(sandbox.root(), {"--only-described"});
  ordered_json report = report_number(1);
  CHECK(collector.post(report).status == 422);
  ordered_json dictionary = {{"app", "mytool"}, {"version", "1.0"}, {"declared", ordered_json::array()}};
  const auto declare = [&](const char* name, const char* kind, std::vector<std::string> choices = {}) {
    dictionary["declared"].push_back({{"name", name}, {"kind", kind}, {"description", "what it is"}});
    if (!choices.empty()) dictionary["declared"].back()["choices"] = choices;
    return run_collector(sandbox.root(), {"describe", "add", "-"}, dictionary.dump());
  };
  declare("verified", "boolean"), declare("throughput_gbps", "number"), declare("files", "integer");
  declare("cache_hits", "counter"), declare("connected", "event"), declare("align", "stage");
  CHECK(declare("format", "choice", {"hic"}).out == "knows what mytool declares\n");
  const std::string wrong = "fields.format: is not the choice that was described";
  REQUIRE(wait_until([&] { return collector.post(report).body.value("error", "") == wrong; }));
  dictionary["declared"] = ordered_json::array();  // another version declares less; what was known stays
  CHECK(declare("format", "choice", {"cool"}).exit_code == 0);
  REQUIRE(wait_until([&] { return collector.post(report).status == 201; }));
  report["session_id"] = std::string(32, 'a');
  report["fields"]["format"] = "hic";
  CHECK(collector.post(report).status == 201);
  report["session_id"] = std::string(32, 'b');
  for (const char* value : {"other", "another"}) {
    report["fields"]["format"] = value;
    CHECK(collector.post(report).status == (std::string(value) == "other" ? 201 : 422));
  }
  report["fields"]["format"] = "hic";
  report["session_id"] = std::string(32, 'c');
  for (const char* part : {"fields", "counters"}) {
    ordered_json more = report;
    more[part]["unheard_of"] = 1;
    const Reply reply = collector.post(more);
    CHECK(reply.status == 422);
    CHECK(reply.body["error"] == std::string(part) + ".unheard_of: was not described to this collector");
  }
  report["counters"] = {{"align", 1}};
  CHECK(collector.post(report).body["error"] == "counters.align: is no counter");
}

TEST_CASE("collector commands: what a program of ours says of itself teaches the collector") {
  Sandbox sandbox;
  const Result said = sandbox.run("reporter", {"--field", "--as", "usage-stats", "describe", "--json"});
  REQUIRE(said.exit_code == 0);
  CHECK(run_collector(sandbox.root(), {"describe", "add", "-"}, said.out).out == "knows what reporter declares\n");
  collector::Database database = collector::open_for_reading((sandbox.root() / "usage.db").string());
  const auto entries = collector::described(database, "reporter");
  const auto declared = nlohmann::json::parse(said.out)["declared"];
  REQUIRE(entries.size() == declared.size());
  CHECK(!entries.empty());
  for (std::size_t i = 0; i < entries.size(); ++i) CHECK(entries[i].description == declared[i]["description"]);
  const Result nothing = run_collector(sandbox.root(), {"describe", "add", "-"}, "{}");
  CHECK(nothing.exit_code == 1);
  CHECK(is_one_line(nothing.err));
}

namespace {

/// A command that ends with this code, and says in one line why.
struct Fails {
  std::filesystem::path folder;

  void operator()(const std::vector<std::string>& words, int exit_code, const std::string& why) const {
    CAPTURE(words);
    const Result result = run_collector(folder, words);
    CHECK(result.exit_code == exit_code);
    CHECK(result.out.empty());
    CHECK(is_one_line(result.err));
    CHECK(result.err.find(why) != std::string::npos);
  }
};

}  // namespace

TEST_CASE("collector commands: whatever is wrong is said in one line, and nothing is changed") {
  TemporaryFolder folder;
  const Fails fails{folder.path()};
  fails({}, 2, "which command?");
  fails({"sing"}, 2, "unknown command sing");
  fails({"serve", "--sing"}, 2, "unknown option --sing");
  fails({"serve", "--port"}, 2, "--port needs a value");
  fails({"serve", "--port", "65536"}, 2, "--port takes a number from 0 to 65535");
  fails({"serve", "--keep", "forever"}, 2, "--keep takes a number of days");
  fails({"serve", "--keep=60d", "--keep=61d"}, 2, "--keep is there twice");
  fails({"delete", "you"}, 2, "delete takes a client id");
  fails({"forget"}, 2, "forget needs --app");
  fails({"forget", "--app", "x", "--day", "yesterday"}, 2, "--day takes a date");
  fails({"import", "no-such-file"}, 1, "cannot open no-such-file");
  for (const char* command : {"check", "export", "rebuild", "expire"})
    fails({command}, 1, "there is no database usage.db");
  fails({"delete", client_number(1)}, 1, "there is no database usage.db");
  fails({"serve", "--database", "no/such/folder/usage.db"}, 1, "cannot open no/such/folder/usage.db");
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("collector commands: a database that is not ours, or not of this version, is left alone") {
  TemporaryFolder folder;
  const Fails fails{folder.path()};
  write_file(folder / "text.db", std::string(10000, 'x'));
  write_file(folder / "empty.db", "");
  {
    collector::Database foreign(folder / "foreign.db", collector::Database::Mode::create);
    foreign.execute("CREATE TABLE album(title)");
    collector::Database newer(folder / "newer.db", collector::Database::Mode::create);
    newer.execute("PRAGMA application_id = 1970497381; PRAGMA user_version = 99; CREATE TABLE t(x)");
  }
  const std::string before = read_file(folder / "foreign.db");
  for (const char* command : {"check", "serve", "export"}) {
    fails({command, "--database", "text.db"}, 1, "text.db is not a database");
    fails({command, "--database", "foreign.db"}, 1, "foreign.db is the database of another program");
    fails({command, "--database", "newer.db"}, 1, "newer.db was made by a newer usage-stats-collector");
    fails({command, "--database", "."}, 1, "cannot open .");
  }
  fails({"check", "--database", "empty.db"}, 1, "empty.db is empty");
  CHECK(read_file(folder / "foreign.db") == before);
  CHECK(read_file(folder / "text.db") == std::string(10000, 'x'));

  const CollectorProcess collector(folder.path());
  fails({"serve", "--database", "other.db", "--port", std::to_string(collector.port)}, 1,
        "cannot listen on 127.0.0.1:");
}

TEST_CASE("collector commands: help names every command; the database is nobody else's") {
  TemporaryFolder folder;
  const Result help = run_collector(folder.path(), {"--help"});
  CHECK(help.exit_code == 0);
  for (const char* word : {"serve", "check", "describe add", "import", "export", "backup", "delete", "forget", "expire",
                           "rebuild", "--keep", "--only-described"})
    CHECK(help.out.find(word) != std::string::npos);
  CHECK(run_collector(folder.path(), {"serve", "--help"}).out == help.out);
  const CollectorProcess collector(folder.path());
  CHECK(collector.post(report_number(1)).status == 201);
  for (const char* name : {"usage.db", "usage.db-wal", "usage.db-shm"}) {
    struct stat status {};
    REQUIRE(::stat((folder / name).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("collector commands: /metrics counts what has come") {
  TemporaryFolder folder;
  const CollectorProcess collector(folder.path());
  collector.post(report_number(1)), collector.post(report_number(1)), collector.post(report_number(2));
  const Reply reply = collector.page("/metrics");
  CHECK(reply.status == 200);
  CHECK(reply.text.find("\nusage_stats_collector_reports_stored_total 2\n") != std::string::npos);
  CHECK(reply.text.find("\nusage_stats_collector_reports_known_total 1\n") != std::string::npos);
  CHECK(reply.text.find("\nusage_stats_collector_queue 0\n") != std::string::npos);
}

TEST_CASE("collector commands: a database of an older version is brought up to date, with all that is in it") {
  TemporaryFolder folder;
  {
    collector::Store store(folder / "usage.db", true);
    collector::Store::Change change(store);
    store.add(collector::report_of(report_number(1, 1)), collector::today());
    store.add(collector::report_of(report_number(2, 2)), collector::today());
    store.write_figures();
    store.add(collector::report_of(report_number(3, 2)), collector::today());
    change.commit();
  }
  // As the first version would have it.
  collector::Database(folder / "usage.db", collector::Database::Mode::write).execute(R"(
CREATE TABLE report(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
INSERT INTO report SELECT id, body FROM run;
CREATE TABLE first_run(id INTEGER PRIMARY KEY AUTOINCREMENT, session BLOB NOT NULL UNIQUE, sequence INTEGER NOT NULL,
                       day INTEGER NOT NULL, client INTEGER, leaf INTEGER NOT NULL, facts BLOB NOT NULL);
INSERT INTO first_run SELECT id, session, sequence, day, client, leaf, facts FROM run;
INSERT INTO first_run SELECT 70000, x'00', sequence, day, client, leaf, facts FROM run LIMIT 1;
DELETE FROM first_run WHERE id = 70000;
DROP TABLE run;
ALTER TABLE first_run RENAME TO run;
CREATE INDEX run_day ON run(day);
CREATE INDEX run_client ON run(client) WHERE client IS NOT NULL;
INSERT INTO cell SELECT * FROM fresh; DROP TABLE fresh; DROP TABLE place; DROP TABLE visit; DROP TABLE forged; DROP TABLE outbox; PRAGMA user_version = 1)");
  const Result check = run_collector(folder.path(), {"check"});  // which only reads
  CHECK(check.out.find("3 reports") == 0);
  CHECK(check.err.find("bringing usage.db from schema 1 to 3") != std::string::npos);
  CHECK(run_collector(folder.path(), {"check"}).err.empty());
  collector::Store store(folder / "usage.db", false);
  const auto number = [&](const char* sql) { return store.database().prepare(sql).number(); };
  CHECK(number("SELECT COUNT(*) FROM outbox") == 0);
  CHECK(number("SELECT COUNT(*) FROM run") == 3);
  CHECK(number("SELECT COUNT(*) FROM place") == 2);
  CHECK(number("SELECT COUNT(*) FROM visit") == 2);
  CHECK(number("PRAGMA user_version") == 3);
  collector::Store::Change change(store);
  for (const std::size_t known : {1, 2, 3})
    CHECK(store.add(collector::report_of(report_number(known, 2)), collector::today()) == collector::Added::known);
  CHECK(store.add(collector::report_of(report_number(4, 1)), collector::today()) == collector::Added::stored);
  CHECK(number("SELECT MAX(id) FROM run") == 70001);  // no id comes again
  CHECK(store.remove_client(client_number(2)) == 2);
  CHECK(store.remove_client(client_number(1)) == 2);
  CHECK(number("SELECT COUNT(*) FROM cell") == 0);
  CHECK(number("SELECT COUNT(*) FROM fresh") == 0);
  change.commit();
}
