// The thread that writes keeps nobody waiting with work of its own: the night's comes in pieces, and the log is brought
// into the database beside it.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>

#include "collector.hpp"
#include "collector/ingest/committer.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"
#include "waiting.hpp"

namespace {

using collector::Day;
using collector::Store;

collector::Committer::Settings quiet_settings() {
  collector::Committer::Settings settings;
  settings.tell = [](const std::string& line) { FAIL_CHECK(line); };
  return settings;
}

std::int64_t number(Store& store, const std::string& sql) {
  return store.database().prepare(sql).number().value_or(-1);
}

/// Reports of a day, as many as wanted, that add to no figures.
void fill(Store& store, Day day, std::int64_t count) {
  store.database().execute("PRAGMA synchronous = OFF");
  Store::Change change(store);
  store.add(collector::report_of(report_number(1, 1)), day);
  store.write_figures();
  store.database()
      .prepare(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
          "INSERT INTO run(session, sequence, day, leaf, facts) SELECT randomblob(16), 1, ?, leaf, x'' FROM n, "
          "(SELECT leaf FROM run LIMIT 1)")(count, day)
      .run();
  store.database().execute(
      "INSERT OR IGNORE INTO report SELECT id, hex(randomblob(300)) FROM run;"
      "UPDATE meta SET value = (SELECT MAX(id) FROM run) WHERE name = 'aggregated_through'");
  change.commit();
}

}  // namespace

TEST_CASE("collector night: what arrives is stored between the pieces in which old reports go") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  const std::int64_t many = 40000;
  fill(store, collector::today() - 61, many);
  collector::Committer committer(store, quiet_settings());
  std::set<std::int64_t> left;  // whenever a report had arrived
  const auto expired = "SELECT COUNT(*) FROM run WHERE day < " + std::to_string(collector::today() - 60);
  std::size_t arrived = 0;
  REQUIRE(wait_until([&] {
    ++arrived;
    CHECK(committer.add(collector::report_of(report_number(arrived + 1, arrived))).verdict ==
          collector::Verdict::stored);
    CHECK(committer.perform([&](Store& s) { left.insert(number(s, expired)); }));
    return left.count(0) > 0;
  }));
  CHECK(left.size() > 3);  // the beginning, the end, and what was in between
  // The pages that they leave are given back, and then the log is emptied.
  REQUIRE(wait_until([&] { return std::filesystem::file_size(folder / "usage.db-wal") == 0; }));
  CHECK(committer.perform([&](Store& s) {
    CHECK(number(s, "PRAGMA freelist_count") == 0);
    CHECK(number(s, "SELECT COUNT(*) FROM report") == static_cast<std::int64_t>(arrived));
  }));
}

TEST_CASE("collector night: a log that has grown is brought into the database, without being asked") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  collector::Committer committer(store, quiet_settings());
  REQUIRE(wait_until([&] { return std::filesystem::file_size(folder / "usage.db-wal") == 0; }));  // the night is over
  const auto before = std::filesystem::file_size(folder / "usage.db");
  for (int i = 0; i < 12; ++i)
    CHECK(committer.perform(
        [&](Store& s) { s.database().execute("INSERT INTO report(body) VALUES(hex(randomblob(250000)))"); }));
  CHECK(wait_until([&] { return std::filesystem::file_size(folder / "usage.db") > before + 4000000; }));
}

TEST_CASE("collector night: the log does not grow for ever while one report follows the other") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  collector::Committer committer(store, quiet_settings());
  REQUIRE(wait_until([&] { return std::filesystem::file_size(folder / "usage.db-wal") == 0; }));  // the night is over
  const auto write = [](Store& s) { s.database().execute("INSERT INTO report(body) VALUES(hex(randomblob(50000)))"); };
  const auto remove = [](Store& s) { s.database().execute("DELETE FROM report"); };
  CHECK(committer.perform(write));
  // Once it begins anew, the salt in its head is another one.
  const auto salt = [&] { return read_file(folder / "usage.db-wal").substr(16, 8); };
  const std::string first = salt();
  CHECK(wait_until([&] {
    CHECK(committer.perform(write));
    CHECK(committer.perform(remove));
    return salt() != first;
  }));
}
