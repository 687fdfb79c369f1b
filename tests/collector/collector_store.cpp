// The collector's store: its figures are those of the reports, whatever has happened to them.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/bins.hpp"
#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/base/sha256.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"

namespace {

using collector::Day;
using collector::Store;

/// What the figures must be, from the reports themselves, without bins, slices or subtraction.
struct Model {
  struct Run {
    nlohmann::ordered_json report;
    Day day;
  };
  std::map<std::string, Run> runs;                               // by session
  std::set<std::tuple<std::string, Day, std::string>> presence;  // client, day, version|os|command|ci
  std::set<std::string> deleted;

  static std::string leaf(const nlohmann::ordered_json& report) {
    return report["app"]["version"].get<std::string>() + '|' + report["system"]["os"].get<std::string>() + '|' +
           report["command"].value("name", "") + '|' + (report["system"]["ci"].get<bool>() ? "1" : "0");
  }
  void add(const nlohmann::ordered_json& report, Day day) {
    const std::string client = report["client_id"], session = report["session_id"];
    if (deleted.count(client) > 0) return;
    const auto before = runs.find(session);
    if (before != runs.end() && before->second.report["sequence"] >= report["sequence"]) return;
    runs[session] = {report, day};
    presence.emplace(client, day, leaf(report));
  }
  void remove(const std::string& client) {
    deleted.insert(client);
    for (auto run = runs.begin(); run != runs.end();)
      run = run->second.report["client_id"] == client ? runs.erase(run) : std::next(run);
    for (auto seen = presence.begin(); seen != presence.end();)
      seen = std::get<0>(*seen) == client ? presence.erase(seen) : std::next(seen);
  }
};

bool fits(const std::string& leaf, const collector::Selection& selection) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= leaf.size();) {
    const std::size_t end = std::min(leaf.find('|', begin), leaf.size());
    words.push_back(leaf.substr(begin, end - begin));
    begin = end + 1;
  }
  return (!selection.version || *selection.version == words[0]) && (!selection.os || *selection.os == words[1]) &&
         (!selection.command || *selection.command == words[2]) &&
         (selection.ci == collector::Ci::both || (selection.ci == collector::Ci::only) == (words[3] == "1"));
}

std::map<std::string, std::int64_t> column(const collector::Table& table, std::size_t key, std::size_t value) {
  std::map<std::string, std::int64_t> result;
  for (const auto& row : table.rows) result[collector::text_of(row[key])] += std::get<std::int64_t>(row[value]);
  return result;
}
std::string listed(const std::map<std::string, std::int64_t>& counts) {
  std::string text;
  for (const auto& [key, n] : counts) text += key + ": " + std::to_string(n) + ", ";
  return text;
}
void without_zeros(std::map<std::string, std::int64_t>& counts) {
  for (auto count = counts.begin(); count != counts.end();)
    count = count->second == 0 ? counts.erase(count) : std::next(count);
}

/// Compares what pages show of a selection with the model.
void compare(Store& store, const Model& model, const collector::Selection& selection) {
  collector::SqliteSource source(store.database());
  const collector::Reader reader(source, selection);
  std::map<std::string, std::int64_t> runs, statuses, formats, threads, active[3];
  collector::Bins durations;
  std::int64_t hits = 0, all = 0;
  for (const auto& [session, run] : model.runs) {
    if (!fits(Model::leaf(run.report), selection) || run.day < selection.first || run.day > selection.last) continue;
    ++all;
    ++runs[collector::text_of(run.day)];
    ++statuses[run.report["outcome"]["status"]];
    ++formats[run.report["fields"]["format"]];
    ++threads["--threads"];
    hits += run.report["counters"]["cache_hits"].get<std::int64_t>();
    if (run.report.contains("duration_s")) ++durations[collector::bin_of(run.report["duration_s"].get<double>())];
  }
  const collector::Period periods[] = {collector::Period::day, collector::Period::week, collector::Period::month};
  for (int i = 0; i < 3; ++i) {
    std::set<std::pair<std::string, Day>> distinct;
    for (const auto& [client, day, leaf] : model.presence)
      if (fits(leaf, selection)) distinct.emplace(client, collector::begin_of(periods[i], day));
    for (const auto& [client, day] : distinct)
      if (day >= collector::begin_of(periods[i], selection.first) && day <= selection.last)
        ++active[i][collector::text_of(day)];
    auto found = column(collector::active(reader, periods[i]), 0, 1);
    without_zeros(found);
    CHECK(listed(found) == listed(active[i]));
  }
  auto found = column(collector::runs(reader), 0, 1);
  without_zeros(found);
  CHECK(listed(found) == listed(runs));
  CHECK(listed(column(collector::totals(reader, collector::Metric::status), 0, 1)) == listed(statuses));
  CHECK(listed(column(collector::totals(reader, collector::Metric::text, "format"), 0, 1)) == listed(formats));
  CHECK(column(collector::options(reader), 0, 1)["--threads"] == threads["--threads"]);
  CHECK(reader.bins(collector::Metric::duration, "") == durations);
  const collector::Table counters = collector::counters(reader);
  CHECK((counters.rows.empty() ? 0 : std::get<std::int64_t>(counters.rows[0][3])) == hits);
  CHECK(reader.sum(collector::Metric::runs) == all);
}

/// Without waiting for the disk at each commit: these tests pull no plug.
std::unique_ptr<Store> opened(const std::filesystem::path& file) {
  auto store = std::make_unique<Store>(file, true);
  store->database().execute("PRAGMA synchronous = OFF");
  return store;
}

std::int64_t count(Store& store, const std::string& table) {
  return store.database().prepare("SELECT COUNT(*) FROM " + table).number().value_or(-1);
}

template <class What>
void change(Store& store, const What& what) {
  Store::Change all(store);
  what(store);
  all.commit();
}

collector::Added add(Store& store, const nlohmann::ordered_json& report, Day day) {
  Store::Change change(store);
  const collector::Added added = store.add(collector::report_of(report), day);
  store.write_figures();
  change.commit();
  return added;
}

}  // namespace

namespace {

void write_figures(collector::Store& store) {
  collector::Store::Change change(store);
  store.write_figures();
  change.commit();
}

void compare_selections(collector::Store& store, const Model& model, Day first, Day day) {
  for (const auto ci : {collector::Ci::without, collector::Ci::only, collector::Ci::both}) {
    collector::Selection selection{"mytool", first, day, {}, {}, {}, ci};
    compare(store, model, selection);
    selection.version = "1.10";
    compare(store, model, selection);
    selection.os = "macos";
    compare(store, model, selection);
    selection.command = "";
    compare(store, model, selection);
    selection.version.reset();
    selection.first += 9;
    compare(store, model, selection);
  }
}

void check_tables(collector::Store& store) {
  for (const char* table : {"place", "visit"}) CHECK(count(store, table) == count(store, "run"));
  CHECK(count(store,
              "run r WHERE client IS NOT NULL AND NOT EXISTS(SELECT 1 FROM presence p WHERE p.client = "
              "r.client AND p.day = r.day)") == 0);
  collector::Statement bins = store.database().prepare("SELECT bins FROM cell UNION ALL SELECT bins FROM fresh");
  while (bins.step())
    for (const auto& [bin, n] : collector::unpacked_bins(bins.bytes(0))) REQUIRE(n > 0);
}

}  // namespace

TEST_CASE("collector store: figures are those of the reports after any additions, repeats, interims and deletions") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    TemporaryFolder folder;
    std::mt19937 random(seed);
    auto store = opened(folder / "usage.db");
    Model model;
    const Day first = collector::today() - 45, last = first + 50;  // figures of days that are over are elsewhere
    Day day = first;
    for (int step = 0; step < 250; ++step) {
      day = random() % 25 == 0 ? first + static_cast<Day>(random() % 50) : day + (random() % 10 == 0 ? 1 : 0);
      day = std::min(day, last);
      Store::Change change(*store);
      const Model before = model;
      const bool fails = random() % 10 == 0;  // the disk was full, say
      if (!fails && random() % 50 == 0) {     // a wish to be deleted would outlive the failure
        const std::string client = client_number(random() % 12);
        store->remove_client(client);
        model.remove(client);
      }
      for (std::size_t n = 1 + random() % 4; n > 0; --n) {
        const nlohmann::ordered_json report = random_report(random, 150, 12);
        store->add(collector::report_of(report), day);
        model.add(report, day);
      }
      if (random() % 3 == 0) store->write_figures();
      if (random() % 20 == 0) store->settle(500);
      if (fails) {
        model = before;
        continue;
      }
      change.commit();
      // As after kill -9: what was gathered in memory is gone.
      if (random() % 20 == 0) store = opened(folder / "usage.db");
    }
    write_figures(*store);
    compare_selections(*store, model, first, last);
    check_tables(*store);
    for (std::size_t client = 0; client < 12; ++client) {
      Store::Change removal(*store);
      store->remove_client(client_number(client));
      removal.commit();
    }
    for (const char* table : {"cell", "fresh", "run", "place", "visit", "client", "presence"})
      CHECK(count(*store, table) == 0);
  }
}

TEST_CASE("collector store: two processes at a time change it, and the figures stay those of the reports") {
  TemporaryFolder folder;
  const auto first = opened(folder / "usage.db"), second = opened(folder / "usage.db");
  Store &one = *first, &two = *second;
  Model model;
  std::mt19937 random(7);
  const Day day = *collector::parse_day("2026-11-20");
  for (int step = 0; step < 300; ++step) {
    Store& store = random() % 2 == 0 ? one : two;
    Store::Change change(store);
    const nlohmann::ordered_json report = random_report(random, 100, 9);
    store.add(collector::report_of(report), day);
    model.add(report, day);
    if (random() % 60 == 0) {
      const std::string client = client_number(random() % 9);
      store.remove_client(client);
      model.remove(client);
    }
    if (random() % 3 == 0) store.write_figures();
    change.commit();
  }
  Store::Change change(one);
  one.write_figures();
  change.commit();
  compare(two, model, {"mytool", day, day, {}, {}, {}, collector::Ci::both});
}

TEST_CASE("collector store: a deletion leaves no word that only this client has sent, nor its id") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  nlohmann::ordered_json report = report_number(1, 1), other = report_number(2, 2);
  report["outcome"] = {{"status", "failed"}, {"error", {{"type", "Canary::error"}, {"message", "a canary sings"}}}};
  report["fields"]["note"] = "the canary's own note";
  report["app"]["version"] = "1.0-canary";
  report["client_id"] = "cafe" + client_number(1).substr(4);
  const Day day = collector::today();
  CHECK(add(store, report, day) == collector::Added::stored);
  CHECK(add(store, other, day) == collector::Added::stored);
  REQUIRE(read_file(folder / "usage.db-wal").find("canary") != std::string::npos);
  {
    Store::Change change(store);
    CHECK(store.remove_client(report["client_id"].get<std::string>()) == 1);
    change.commit();
  }
  while (store.shrink(100)) {
  }
  REQUIRE(store.truncate_log());
  for (const char* name : {"usage.db", "usage.db-wal"}) {
    const std::string bytes = read_file(folder / name);
    CHECK(bytes.find("anary") == std::string::npos);
    CHECK(bytes.find(collector::bytes_of_hex("cafe" + std::string(8, '0'))) == std::string::npos);
  }
  CHECK(add(store, report, day) == collector::Added::deleted);
  CHECK(add(store, report_number(3, 2), day) == collector::Added::stored);
}

TEST_CASE("collector store: a backup that is put back does not bring deleted clients back") {
  TemporaryFolder folder;
  const std::filesystem::path database = folder / "usage.db";
  {
    Store store(database, true);
    add(store, report_number(1, 1), collector::today());
    add(store, report_number(2, 2), collector::today());
  }
  REQUIRE(run_collector(folder.path(), {"backup", "copy.db"}).exit_code == 0);
  CHECK(run_collector(folder.path(), {"delete", client_number(1)}).out == "1 reports deleted\n");
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(database.string() + end);
  std::filesystem::copy_file(folder / "copy.db", database);
  Store store(database, false);
  CHECK(count(store, "run") == 1);
  CHECK(add(store, report_number(3, 1), collector::today()) == collector::Added::deleted);
  compare(store,
          [] {
            Model model;
            model.add(report_number(2, 2), collector::today());
            return model;
          }(),
          {"mytool", collector::today(), collector::today(), {}, {}, {}, collector::Ci::both});
}

TEST_CASE("collector store: what was forged is forgotten in pieces, by version and by day, also without its reports") {
  const Day day = *collector::parse_day("2026-11-20");
  for (const auto& [expired, killed] : {std::pair{false, false}, std::pair{true, false}, std::pair{true, true}})
    for (const auto& [version, of_day] : std::vector<std::pair<std::optional<std::string>, std::optional<Day>>>{
             {"1.10", std::nullopt}, {"1.10", day + 1}, {std::nullopt, day + 1}, {std::nullopt, std::nullopt}}) {
      TemporaryFolder folder;
      auto store = opened(folder / "usage.db");
      Model model;
      std::mt19937 random(3);
      for (int i = 0; i < 200; ++i) {
        nlohmann::ordered_json report = random_report(random, 100000, 9);
        report["sequence"] = 1;
        const Day arrival = day + i / 80;
        add(*store, report, arrival);
        const bool forged = (!version || report["app"]["version"] == *version) && (!of_day || arrival == *of_day);
        if (!forged) model.add(report, arrival);
      }
      const auto kept = static_cast<std::int64_t>(model.runs.size());
      change(*store, [&](Store& s) {
        if (expired) s.expire_reports(day + 2, 1000);
        s.forget("another", version, of_day);
        s.forget("mytool", version, of_day);
      });
      std::int64_t gone = 0;
      int pieces = 0;
      for (bool more = true; more; ++pieces) {
        if (killed && pieces % 12 == 11) store = opened(folder / "usage.db");
        change(*store, [&](Store& s) {
          const auto some = s.forget_some(random() % 3 == 0 ? 2000 : 3);
          gone += some.value_or(0);
          more = some.has_value();
        });
        if (pieces % 5 != 0) continue;
        const nlohmann::ordered_json report = random_report(random, 100000, 9);  // what comes meanwhile stays
        add(*store, report, day + 3);
        model.add(report, day + 3);
      }
      CHECK(pieces > 10);
      CHECK(gone == 200 - kept);
      compare(*store, model, {"mytool", day, day + 5, {}, {}, {}, collector::Ci::both});
      compare(*store, model, {"mytool", day, day + 5, "1.10", {}, {}, collector::Ci::without});
      compare(*store, model, {"mytool", day, day + 5, {}, "linux", "cp", collector::Ci::without});
    }
}

TEST_CASE("collector store: facts can be made anew from the reports") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  Model model;
  std::mt19937 random(5);
  const Day day = collector::today();
  for (int i = 0; i < 50; ++i) {
    const nlohmann::ordered_json report = random_report(random, 100000, 9);
    add(store, report, day);
    model.add(report, day);
  }
  store.database().execute(
      "UPDATE run SET facts = x''; DELETE FROM fresh WHERE series NOT IN "
      "(SELECT id FROM term WHERE metric = 27)");  // as a version that knew no facts would have
  CHECK(run_collector(folder.path(), {"rebuild"}).exit_code == 0);
  compare(store, model, {"mytool", day, day, {}, {}, {}, collector::Ci::both});
}

TEST_CASE("collector store: rebuild knows again which words several installations share") {
  TemporaryFolder folder;
  Store store(folder / "usage.db", true);
  for (std::size_t i = 0; i < 8; ++i) {
    nlohmann::ordered_json report = report_number(i, i);
    report["command"]["name"] = i < 5 ? "shared" : "rare";
    add(store, report, collector::today());
  }
  collector::SqliteSource source(store.database());
  const auto words = [&] { return source.shared_words("mytool", collector::Metric::command); };
  const std::set<collector::Word> shared = {{"", "shared"}};
  CHECK(words() == shared);
  store.database().execute("DELETE FROM witness");
  CHECK(words().empty());
  CHECK(run_collector(folder.path(), {"rebuild"}).exit_code == 0);
  CHECK(words() == shared);
  CHECK(run_collector(folder.path(), {"rebuild"}).exit_code == 0);
  CHECK(count(store, "witness") > 0);
  CHECK(words() == shared);
}
