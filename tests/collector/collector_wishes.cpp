// The collector's store: deletions and forgetting among all else that happens at the same time.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "collector.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"

namespace {

using collector::Store;

std::int64_t count(Store& store, const std::string& table) {
  return store.database().prepare("SELECT COUNT(*) FROM " + table).number().value_or(-1);
}

template <class What>
void change(Store& store, const What& what) {
  Store::Change all(store);
  what(store);
  all.commit();
}

/// A piece of what is to be forgotten. False: there is nothing.
bool forget_some(Store& store, int most) {
  bool more = false;
  change(store, [&](Store& s) { more = s.forget_some(most).has_value(); });
  return more;
}

}  // namespace

TEST_CASE("collector wishes: a report in the same commit as a deletion keeps the words that both had") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  change(store, [](Store& s) { s.add(collector::report_of(report_number(1, 1)), collector::today()); });
  change(store, [](Store& s) {
    CHECK(s.remove_client(client_number(1)) == 1);
    CHECK(s.remove_client(client_number(3)) == 0);
    CHECK(s.add(collector::report_of(report_number(2, 2)), collector::today()) == collector::Added::stored);
  });
  change(store, [](Store& s) { s.write_figures(); });
  CHECK(count(store, "fresh") > 0);
  CHECK(count(store, "fresh f WHERE NOT EXISTS(SELECT 1 FROM term WHERE id = f.series)") == 0);
  CHECK(count(store, "fresh f WHERE NOT EXISTS(SELECT 1 FROM slice WHERE id = f.slice)") == 0);
  CHECK(count(store, "run r WHERE NOT EXISTS(SELECT 1 FROM slice WHERE id = r.leaf)") == 0);
  change(store, [](Store& s) { CHECK(s.remove_client(client_number(2)) == 1); });
  for (const char* table : {"cell", "fresh", "run", "visit", "presence"}) CHECK(count(store, table) == 0);
}

TEST_CASE("collector wishes: who has helped another process to forget does all of what is to be forgotten next") {
  TemporaryFolder folder;
  Store serving(folder / "usage.db", true), by_hand(folder / "usage.db", false);
  for (const char* app : {"one", "two"})
    change(serving, [&](Store& s) {
      nlohmann::ordered_json report = report_number(app[0], 1);
      report["app"]["name"] = app;
      s.add(collector::report_of(report), collector::today());
    });
  change(by_hand, [](Store& s) { s.forget("one", std::nullopt, std::nullopt); });
  CHECK(forget_some(serving, 100));
  while (forget_some(by_hand, 100)) {
  }
  SUBCASE("and has seen that it was done") { CHECK(!forget_some(serving, 100)); }
  SUBCASE("and has not seen that it was done") {}
  change(by_hand, [](Store& s) { s.forget("two", std::nullopt, std::nullopt); });
  while (forget_some(serving, 100)) {
  }
  for (const char* table : {"cell", "fresh", "run", "visit", "presence", "forged"}) CHECK(count(serving, table) == 0);
}

TEST_CASE("collector wishes: the highest number of an empty table is none") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  CHECK(!store.database().prepare("SELECT MAX(day) FROM visit").number());
  CHECK(store.database().prepare("SELECT COUNT(*) FROM visit").number() == 0);
}
