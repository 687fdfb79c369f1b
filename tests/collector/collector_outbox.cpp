// What a cluster is told of a database that was there before it: all of it, in pieces, whatever happens in between.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "collector.hpp"
#include "collector/base/sha256.hpp"
#include "collector/store/outbox.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"

namespace {

using collector::Day;
using collector::Id;
using collector::Outgoing;
using collector::Store;

constexpr std::int64_t many = 5000;

void change(Store& store, const std::function<void(Store&)>& what) {
  Store::Change all(store);
  what(store);
  all.commit();
}

/// With one report, and as many installations that were there `day`s ago: their reports are gone.
void fill(Store& store, Day day) {
  store.database().execute("PRAGMA synchronous = OFF");
  change(store, [&](Store& s) {
    s.add(collector::report_of(report_number(1, 1)), day);
    s.write_figures();
    s.database()
        .prepare(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO client(key) SELECT randomblob(16) FROM n")(many)
        .run();
    s.database().execute(
        "INSERT OR IGNORE INTO presence SELECT client.id, run.day, run.leaf FROM client, run;"
        "INSERT OR IGNORE INTO witness SELECT term.id, client.id FROM term, client WHERE client.id % 7 = 0");
  });
}

using Seen = std::tuple<std::string, Day, Id>;  // hash, day, leaf

/// As a cluster has it.
struct Cluster {
  std::set<Seen> presences;
  std::set<std::pair<Id, std::int64_t>> witnesses;
  std::set<std::string> sessions;

  void take(const Outgoing& outgoing) {
    for (const std::string& hash : outgoing.removed)
      for (auto seen = presences.begin(); seen != presences.end();)
        seen = std::get<0>(*seen) == hash ? presences.erase(seen) : std::next(seen);
    for (const auto& seen : outgoing.presences) presences.emplace(seen.client_hash, seen.day, seen.leaf);
    for (const auto& witness : outgoing.witnesses) witnesses.emplace(witness.term, witness.key);
    for (const auto& run : outgoing.runs) sessions.insert(run.session);
  }
};

Cluster here(Store& store) {
  Cluster all;
  auto& database = store.database();
  auto seen = database.prepare("SELECT c.key, p.day, p.leaf FROM presence p JOIN client c ON c.id = p.client");
  while (seen.step())
    all.presences.emplace(collector::hash_of_client(collector::hex_of(seen.bytes(0))), seen.integer(1),
                          seen.integer(2));
  auto witnesses = database.prepare("SELECT term, key FROM witness");
  while (witnesses.step()) all.witnesses.emplace(witnesses.integer(0), witnesses.integer(1));
  auto runs = database.prepare("SELECT session FROM run");
  while (runs.step()) all.sessions.insert(runs.text(0));
  return all;
}

std::int64_t count(Store& store, const std::string& table) {
  return store.database().prepare("SELECT COUNT(*) FROM " + table).number().value_or(-1);
}

}  // namespace

TEST_CASE("collector outbox: a database joins a cluster in pieces, between which reports and deletions are taken") {
  TemporaryFolder folder;
  const Day day = collector::today() - 1;
  auto store = std::make_unique<Store>(folder / "usage.db", true);
  fill(*store, day);
  change(*store, [](Store& s) { start_forwarding(s.database()); });
  CHECK(count(*store, "outbox") == 0);  // to begin copies nothing: it does not take longer where there is more

  Cluster cluster;
  std::size_t pieces = 0, number = 100;
  for (bool more = true; more; ++pieces) {
    REQUIRE(pieces < 100);
    const Outgoing piece = take_outgoing(store->database(), 1000);
    CHECK(piece.presences.size() <= 2100);
    CHECK(piece.witnesses.size() <= 2100 + static_cast<std::size_t>(many) / 7);
    cluster.take(piece);
    // What arrives while the piece is on its way.
    change(*store, [&](Store& s) {
      if (pieces < 10)
        CHECK(s.add(collector::report_of(report_number(number, number)), day) == collector::Added::stored);
      if (pieces == 3) CHECK(s.remove_client(client_number(101)) == 1);
      s.write_figures();
    });
    ++number;
    if (pieces % 4 == 1) {  // killed before it could note that the cluster has it
      store.reset();
      store = std::make_unique<Store>(folder / "usage.db", true);
      continue;
    }
    change(*store, [&](Store& s) { mark_forwarded(s.database(), piece); });
    more = piece.more || pieces < 10;
  }
  while (!take_outgoing(store->database(), 1000).empty()) {
    const Outgoing piece = take_outgoing(store->database(), 1000);
    cluster.take(piece);
    change(*store, [&](Store& s) { mark_forwarded(s.database(), piece); });
  }
  CHECK(pieces > 3);
  const Cluster all = here(*store);
  CHECK(all.presences.size() > many);
  CHECK(cluster.presences == all.presences);
  for (const auto& witness : all.witnesses) REQUIRE(cluster.witnesses.count(witness) == 1);
  for (const auto& session : all.sessions) REQUIRE(cluster.sessions.count(session) == 1);
  CHECK_FALSE(tells_of_installations(store->database()));
}

TEST_CASE("collector outbox: installations keep their days until the cluster knows of them") {
  TemporaryFolder folder;
  const Day today = collector::today();
  Store store(folder / "usage.db", true);
  fill(store, today - 100);
  change(store, [](Store& s) { start_forwarding(s.database()); });
  const auto night = [&] {
    change(store, [&](Store& s) {
      s.expire_reports(today, 10);
      for (Id after = 0, first = 1; after != 0 || first == 1; first = 0) after = s.expire_clients(today, after, 1000);
    });
  };
  night();
  CHECK(count(store, "presence") == many + 1);
  for (int piece = 0; tells_of_installations(store.database()); ++piece) {
    REQUIRE(piece < 100);
    const Outgoing outgoing = take_outgoing(store.database(), 1000);
    change(store, [&](Store& s) { mark_forwarded(s.database(), outgoing); });
  }
  night();
  CHECK(count(store, "presence") == 0);
  change(store, [](Store& s) { stop_forwarding(s.database()); });
  CHECK_FALSE(is_forwarding(store.database()));
}
