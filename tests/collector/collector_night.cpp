// The thread that writes keeps nobody waiting with work of its own: the night's comes in pieces, and the log is brought
// into the database beside it.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "collector.hpp"
#include "collector/base/pace.hpp"
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
void fill(const std::filesystem::path& file, Day day, std::int64_t count) {
  Store store(file, true);
  store.database().execute("PRAGMA synchronous = OFF");
  Store::Change change(store);
  store.add(collector::report_of(report_number(1, 1)), day);
  store.write_figures();
  store.database()
      .prepare(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
          "INSERT INTO run(session, sequence, day, leaf, facts, body) "
          "SELECT randomblob(16), 1, ?, leaf, x'', hex(randomblob(300)) FROM n, (SELECT leaf FROM run LIMIT 1)")(count,
                                                                                                                 day)
      .run();
  const std::int64_t last = number(store, "SELECT MAX(id) FROM run");
  collector::write_places(store.database(), 1, last);
  store.database().prepare("UPDATE meta SET value = ? WHERE name = 'aggregated_through'")(last).run();
  change.commit();
}

}  // namespace

TEST_CASE("collector night: what arrives is stored between the pieces in which old reports go") {
  TemporaryFolder folder;
  const std::int64_t many = 40000;
  fill(folder / "usage.db", collector::today() - 61, many);
  Store store(folder / "usage.db", false);
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
    CHECK(number(s, "SELECT COUNT(*) FROM run") == static_cast<std::int64_t>(arrived));
  }));
}

TEST_CASE("collector night: a piece is as large as the one before was fast, on a slow disk and on a fast one") {
  using std::chrono::microseconds;
  for (const auto& [each, fixed] :
       {std::pair{microseconds(2), microseconds(500)}, std::pair{microseconds(200), microseconds(8000)},
        std::pair{microseconds(5000), microseconds(60000)}}) {
    collector::Pace pace(10, 1000);
    for (int piece = 0; piece < 40; ++piece) {
      const auto took = each * pace.size() + fixed;
      CHECK((took < 2 * collector::Pace::aim || pace.size() <= 10));
      pace.took(took);
    }
    CHECK((pace.size() == 1000) == (each < microseconds(15)));
    pace.took(std::chrono::seconds(1));  // the disk has become slow
    pace.took(std::chrono::seconds(1));
    CHECK(pace.size() <= 40);
    CHECK(pace.size() >= 10);
  }
}

TEST_CASE("collector night: what somebody began to forget is forgotten, also if whoever began is gone") {
  TemporaryFolder folder;
  fill(folder / "usage.db", collector::today(), 3000);
  Store store(folder / "usage.db", false);
  {
    Store::Change change(store);
    store.forget("mytool", std::nullopt, std::nullopt);
    store.forget_some(100);
    change.commit();
  }
  collector::Committer committer(store, quiet_settings());
  REQUIRE(wait_until([&] {
    std::int64_t left = 0;
    CHECK(committer.perform([&](Store& s) { left = number(s, "SELECT COUNT(*) FROM forged"); }));
    return left == 0;
  }));
  CHECK(committer.perform([&](Store& s) {
    for (const char* table : {"run", "place", "visit", "cell", "fresh"})
      CHECK(number(s, std::string("SELECT COUNT(*) FROM ") + table) == 0);
  }));
}

TEST_CASE("collector night: a log that has grown is brought into the database, without being asked") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  collector::Committer committer(store, quiet_settings());
  REQUIRE(wait_until([&] { return std::filesystem::file_size(folder / "usage.db-wal") == 0; }));  // the night is over
  const auto before = std::filesystem::file_size(folder / "usage.db");
  for (int i = 0; i < 12; ++i)
    CHECK(committer.perform([&](Store& s) {
      s.database().execute("INSERT INTO meta VALUES(hex(randomblob(8)), hex(randomblob(250000)))");
    }));
  CHECK(wait_until([&] { return std::filesystem::file_size(folder / "usage.db") > before + 4000000; }));
}

TEST_CASE("collector night: the log does not grow for ever while one report follows the other") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  collector::Committer committer(store, quiet_settings());
  REQUIRE(wait_until([&] { return std::filesystem::file_size(folder / "usage.db-wal") == 0; }));  // the night is over
  const auto write = [](Store& s) {
    s.database().execute("INSERT INTO meta VALUES(hex(randomblob(8)), hex(randomblob(250000)))");
  };
  const auto remove = [](Store& s) { s.database().execute("DELETE FROM meta WHERE length(name) = 16"); };
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
