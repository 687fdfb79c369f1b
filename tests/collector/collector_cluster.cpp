// What a collector brings to ClickHouse: the same figures, to the digit, from both.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/base/sha256.hpp"
#include "collector/cluster/clickhouse_source.hpp"
#include "collector/cluster/forwarder.hpp"
#include "collector/pages/public_words.hpp"
#include "collector/pages/questions.hpp"
#include "collector/store/outbox.hpp"
#include "collector/store/store.hpp"
#include "collector_clickhouse.hpp"
#include "temporary_folder.hpp"

namespace {

using collector::Day;
using collector::Store;
using nlohmann::ordered_json;

std::string own_database() {
  static int number = 0;
  return "test_" + std::to_string(::getpid()) + "_" + std::to_string(number++);
}

/// A store and its way to a cluster, without the threads of `serve`.
class Member {
 public:
  Member(const std::filesystem::path& file, std::string url)
      : file_(file), url_(std::move(url)), store_(std::make_unique<Store>(file, true)) {
    store_->database().execute("PRAGMA synchronous = OFF");
  }
  void change(const std::function<void(Store&)>& what) {
    Store::Change all(*store_);
    what(*store_);
    all.commit();
  }
  void add(const ordered_json& report, Day day) {
    change([&](Store& store) { store.add(collector::report_of(report), day); });
  }
  /// As if the process had been started again; the cluster keeps what it has.
  void restart() {
    courier_.reset();
    store_.reset();
    store_ = std::make_unique<Store>(file_, true);
    store_->database().execute("PRAGMA synchronous = OFF");
  }
  collector::Courier& courier() {
    change([](Store& store) { store.write_figures(); });
    if (!courier_) {
      auto courier = std::make_unique<collector::Courier>(file_, url_, [this](const std::function<void(Store&)>& what) {
        if (dies_before_it_marks) return false;
        change(what);
        return true;
      });
      courier->begin();  // who could not begin begins anew
      courier_ = std::move(courier);
    }
    return *courier_;
  }
  void forward() {
    while (courier().forward()) {
    }
  }
  Store& store() { return *store_; }
  const std::string& url() const { return url_; }

  bool dies_before_it_marks = false;

 private:
  const std::filesystem::path file_;
  const std::string url_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<collector::Courier> courier_;
};

/// All that pages show of a selection, as text.
std::string answers(collector::Source& source, const collector::Selection& selection, bool for_everyone) {
  const collector::Reader reader(source, selection);
  std::string text;
  for (const auto section :
       {collector::Section::use, collector::Section::endings, collector::Section::durations, collector::Section::own})
    for (const collector::Question& question : collector::questions(section, reader, {}))
      text += question.id + "\n" +
              collector::csv_of(for_everyone ? collector::public_table(question, reader) : question.ask(reader));
  return text;
}

std::string first_difference(const std::string& a, const std::string& b) {
  std::size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  if (at == a.size() && at == b.size()) return {};
  const std::size_t begin = at < 200 ? 0 : at - 200;
  return "SQLite: ..." + a.substr(begin, 300) + "\nClickHouse: ..." + b.substr(begin, 300);
}

std::vector<collector::Selection> selections(Day first, Day last) {
  collector::Selection all{"mytool", first, last, {}, {}, {}, collector::Ci::both}, of_version = all, of_ci = all;
  of_version.version = "1.10";
  of_version.ci = collector::Ci::without;
  of_version.command = "";
  of_ci.ci = collector::Ci::only;
  of_ci.os = "macos";
  of_ci.first += 9;
  of_ci.step = collector::Period::week;
  return {all, of_version, of_ci, {"mytool", first, last, "never seen"}};
}

void compare(Member& member, Day first, Day last) {
  collector::SqliteSource local(member.store().database());
  collector::ClickHouseSource cluster(member.url());
  const auto difference = [&](const collector::Selection& selection, bool for_everyone) {
    for (Day day = -1;;) {  // what has not ended yet is left out: both must be of the same day
      const bool same_day = std::exchange(day, collector::today()) == day;
      const std::string found =
          first_difference(answers(local, selection, for_everyone), answers(cluster, selection, for_everyone));
      if (found.empty() || same_day) return found;
    }
  };
  for (const auto& selection : selections(first, last)) CHECK(difference(selection, false) == "");
  CHECK(difference(selections(first, last)[0], true) == "");
  CHECK(collector::csv_of(collector::programs(local)) == collector::csv_of(collector::programs(cluster)));
}

void forget_all(Member& member) {
  member.change([&](Store& store) {
    while (store.forget_some(100)) {
    }
  });
}

/// Retention, in the cluster before here, as in `serve`.
void night(Member& member, Day first_kept, bool with_cluster) {
  if (with_cluster) {
    if (member.courier().is_forgetting()) {
      CHECK_THROWS_AS(member.courier().retire(first_kept, true), collector::Problem);
      forget_all(member);  // which the night begins with
    }
    member.forward();
    member.courier().retire(first_kept, true);
  }
  member.change([&](Store& store) {
    store.expire_reports(first_kept, 10000);
    store.expire_clients(first_kept, 0, 1000);
  });
}

/// With what is hard to quote, and of every kind of field.
ordered_json hard_report(std::mt19937& random, std::size_t sessions, std::size_t clients) {
  const auto one_of = [&](std::initializer_list<const char*> words) {
    return *(words.begin() + random() % words.size());
  };
  ordered_json report = random_report(random, sessions, clients);
  if (random() % 2 == 0) report["command"]["name"] = one_of({"it's a\ttab\\n", "\n'\"\xc3\xa9"});
  if (random() % 10 == 0) report.erase("client_id");
  if (random() % 3 == 0) report["fields"]["format"] = "'], ['";
  report["fields"]["delta"] = static_cast<double>(random() % 100) - 50.5;
  report["fields"]["sample"] = collector::hex_of(collector::hash_of_client(std::to_string(random() % 40)));
  if (report["outcome"].contains("error")) report["outcome"]["error"]["message"] = "m" + std::to_string(random() % 4);
  return report;
}

}  // namespace

TEST_CASE("collector cluster: ClickHouse gives the same figures to the digit, whatever has happened") {
  if (!ClickHouseServer::is_there()) return;
  const ClickHouseServer server;
  const unsigned seeds = std::getenv("USAGE_STATS_STRESS") != nullptr ? 20 : 2;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    TemporaryFolder folder;
    Member member(folder / "usage.db", server.url(own_database()));
    const Day today = collector::today(), first = today - 45;
    Day day = first;
    const auto pass = [&] {
      member.dies_before_it_marks = random() % 4 == 0;  // after the cluster has it
      try {
        member.forward();
      } catch (const collector::Problem&) {
        CHECK(member.dies_before_it_marks);
      }
      member.dies_before_it_marks = false;
      if (random() % 4 == 0) member.restart();
    };
    // Every other seed has figures of runs that are gone before there is a cluster.
    const Day joins = seed % 2 == 0 ? today - 9 : first;
    while (day <= today) {
      for (std::size_t n = random() % 8; n > 0; --n) member.add(hard_report(random, 300, 25), day);
      if (random() % 12 == 0) member.change([&](Store& store) { store.remove_client(client_number(random() % 25)); });
      if (random() % 40 == 0)
        member.change([&](Store& store) { store.forget("mytool", "1.0", day - static_cast<Day>(random() % 9)); });
      if (random() % 2 == 0)  // else it goes on while the cluster is being told of other things
        member.change([&](Store& store) { store.forget_some(3); });
      if (day >= joins && random() % 3 == 0) pass();
      if (day > first + 31 && random() % 3 == 0) night(member, day - 31, day >= joins);
      ++day;
    }
    forget_all(member);
    member.forward();
    compare(member, first, today);
    member.change([](Store& store) { store.rebuild(0, 100000); });
    for (std::size_t client = 0; client < 25; ++client)
      member.change([&](Store& store) { store.remove_client(client_number(client)); });
    member.forward();
    compare(member, first, today);
  }
}

TEST_CASE("collector cluster: collectors that share one have one truth, and a deletion at one of them reaches all") {
  if (!ClickHouseServer::is_there()) return;
  const ClickHouseServer server;
  TemporaryFolder folder;
  const std::string url = server.url(own_database());
  Member one(folder / "one.db", url), two(folder / "two.db", url);
  const Day day = collector::today();
  ordered_json interim = report_number(1, 1);
  interim["final"] = false;
  interim["outcome"] = {{"status", "running"}};
  interim.erase("ended_at");
  ordered_json last = report_number(1, 1);
  last["sequence"] = 2;
  one.add(interim, day);
  two.add(last, day);
  one.add(report_number(2, 2), day);
  two.add(report_number(2, 2), day);  // the answer of the first was lost
  two.add(report_number(3, 2), day);
  two.forward();
  one.forward();
  collector::ClickHouseSource cluster(url);
  const collector::Reader reader(cluster, {"mytool", day, day});
  CHECK(reader.sum(collector::Metric::runs) == 3);
  CHECK(collector::csv_of(collector::totals(reader, collector::Metric::status)) == "value,n,share\r\nok,3,1.0\r\n");
  CHECK(cluster.installations(reader.selection(), collector::Period::day).at(day) == 2);

  one.change([](Store& store) { store.remove_client(client_number(2)); });
  one.forward();
  CHECK(collector::Reader(cluster, {"mytool", day, day}).sum(collector::Metric::runs) == 1);
  CHECK(one.courier().take_deletions() == 0);
  CHECK(two.courier().take_deletions() == 1);
  two.add(report_number(4, 2), day);  // late
  two.forward();
  CHECK(two.store().database().prepare("SELECT COUNT(*) FROM run").number() == 1);
  CHECK(collector::Reader(cluster, {"mytool", day, day}).sum(collector::Metric::runs) == 1);
}

TEST_CASE("collector cluster: a database that cannot be changed when the history is to go is waited for, not forever") {
  if (!ClickHouseServer::is_there()) return;
  const ClickHouseServer server;
  TemporaryFolder folder;
  Member member(folder / "usage.db", server.url(own_database()));
  const Day day = collector::today() - 40;
  member.add(report_number(1, 1), day);
  member.change([&](Store& store) {
    store.expire_reports(day + 1, 10);
    collector::start_forwarding(store.database());
  });
  member.dies_before_it_marks = true;
  CHECK_THROWS_AS(member.forward(), collector::Problem);
  member.dies_before_it_marks = false;
  member.forward();
  compare(member, day, day + 1);
}

TEST_CASE("collector cluster: more than two days at once are not retired unless a person says so") {
  if (!ClickHouseServer::is_there()) return;
  const ClickHouseServer server;
  TemporaryFolder folder;
  Member member(folder / "usage.db", server.url(own_database()));
  const Day day = collector::today();
  for (std::size_t i = 0; i < 4; ++i) member.add(report_number(i, i), day - static_cast<Day>(i));
  member.forward();
  CHECK(member.courier().retire(day, false) == 3);
  CHECK(collector::ClickHouse(member.url()).query("SELECT count() FROM run")[0][0] == "4");
  CHECK(member.courier().retire(day, true) == 0);
  CHECK(collector::ClickHouse(member.url()).query("SELECT count() FROM run")[0][0] == "1");
  compare(member, day - 5, day);
}

TEST_CASE("collector cluster: a collector that serves acknowledges while the cluster is away, and catches up") {
  if (!ClickHouseServer::is_there()) return;
  ClickHouseServer server;
  if (!server.is_ours()) {
    MESSAGE("skipped: nobody else's server is to be stopped");
    return;
  }
  TemporaryFolder folder;
  const std::string url = server.url(own_database());
  CollectorProcess collector(folder.path(), {"--clickhouse", url});
  const auto waiting = [&] {
    const std::string text = collector.page("/metrics").text, name = "\nusage_stats_collector_forward_queue ";
    const std::size_t at = text.find(name);
    return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + name.size());
  };
  REQUIRE(wait_until([&] { return waiting() == 0; }));
  server.pause();
  CHECK(collector.post(report_number(1, 1)).status == 201);
  CHECK(waiting() == 1);
  server.go_on();
  REQUIRE(wait_until([&] { return waiting() == 0; }));
  CHECK(collector.page("/app/mytool/chart/runs.csv").text.find(collector::text_of(collector::today()) + ",1\r\n") !=
        std::string::npos);
  CHECK(collector.page("/app/mytool/").text.find("mytool") != std::string::npos);
  CHECK(run_collector(folder.path(), {"publish", "site", "--clickhouse", url}).exit_code == 0);
  CHECK(run_collector(folder.path(), {"expire", "--clickhouse", url}).exit_code == 0);
  CHECK(collector.stop() == 0);
  const CollectorProcess without(folder.path());
  CHECK(without.said().find("no --clickhouse any more") != std::string::npos);
  for (const char* const wrong : {"127.0.0.1:8123", "ftp://x", "http://", "http://host/a-b"})
    CHECK(run_collector(folder.path(), {"serve", "--clickhouse", wrong}).exit_code == 1);
}
