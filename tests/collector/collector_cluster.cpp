// What a collector brings to ClickHouse: the same figures, to the digit, from both.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/base/sha256.hpp"
#include "collector/cluster/clickhouse_source.hpp"
#include "collector/cluster/forwarder.hpp"
#include "collector/pages/public_words.hpp"
#include "collector/pages/questions.hpp"
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
    store_ = std::make_unique<Store>(file_, true);
  }
  collector::Courier& courier() {
    change([](Store& store) { store.write_figures(); });
    if (!courier_) {
      courier_ = std::make_unique<collector::Courier>(file_, url_, [this](const std::function<void(Store&)>& what) {
        if (dies_before_it_marks) return false;
        change(what);
        return true;
      });
      courier_->begin();
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
  for (const auto section : {collector::Section::use, collector::Section::endings, collector::Section::durations,
                             collector::Section::own})
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
  for (const auto& selection : selections(first, last))
    CHECK(first_difference(answers(local, selection, false), answers(cluster, selection, false)) == "");
  const collector::Selection all = selections(first, last)[0];
  CHECK(first_difference(answers(local, all, true), answers(cluster, all, true)) == "");
  CHECK(collector::csv_of(collector::programs(local)) == collector::csv_of(collector::programs(cluster)));
}

ordered_json random_report(std::mt19937& random, std::size_t sessions, std::size_t clients) {
  const auto one_of = [&](std::initializer_list<const char*> words) {
    return *(words.begin() + random() % words.size());
  };
  const std::size_t session = random() % sessions;
  ordered_json report = report_number(session, session % clients);
  report["sequence"] = 1 + random() % 3;
  report["app"]["version"] = one_of({"1.0", "1.10", "2.0-rc1"});
  report["system"]["os"] = one_of({"linux", "macos"});
  report["system"]["ci"] = random() % 5 == 0;
  if (random() % 4 == 0)
    report["command"].erase("name");
  else
    report["command"]["name"] = one_of({"cp", "sync", "it's a\ttab\\n", "\n'\"\xc3\xa9"});
  if (random() % 10 == 0) report.erase("client_id");
  report["duration_s"] = static_cast<double>(random() % 1000) / 7;
  report["fields"]["format"] = one_of({"cool", "hic", "'], ['"});
  report["fields"]["delta"] = static_cast<double>(random() % 100) - 50.5;
  report["fields"]["sample"] = collector::hex_of(collector::hash_of_client(std::to_string(random() % 40)));
  report["counters"]["cache_hits"] = static_cast<std::int64_t>(random() % 3 == 0 ? random() << 20 : random() % 5);
  switch (random() % 3) {
    case 0:
      report["outcome"] = {{"status", "failed"},
                           {"exit_code", 1},
                           {"error", {{"type", "E"}, {"message", "m" + std::to_string(random() % 4)}}}};
      break;
    case 1:
      report["outcome"] = {{"status", "running"}};
      report["final"] = false;
      report.erase("ended_at");
      break;
    default:
      break;
  }
  return report;
}

}  // namespace

TEST_CASE("collector cluster: ClickHouse gives the same figures to the digit, whatever has happened") {
  if (!ClickHouseServer::is_there()) return;
  const ClickHouseServer server;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    TemporaryFolder folder;
    Member member(folder / "usage.db", server.url(own_database()));
    const Day today = collector::today(), first = today - 75;
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
    // Seed 3 has figures of runs that are gone before there is a cluster.
    const Day joins = seed == 3 ? today - 20 : first;
    while (day <= today) {
      for (std::size_t n = random() % 8; n > 0; --n) member.add(random_report(random, 300, 25), day);
      if (random() % 12 == 0)
        member.change([&](Store& store) { store.remove_client(client_number(random() % 25)); });
      if (random() % 40 == 0)
        member.change([&](Store& store) { store.forget("mytool", "1.0", day - static_cast<Day>(random() % 9)); });
      if (day >= joins && random() % 3 == 0) pass();
      if (day > first + 30 && random() % 3 == 0) {  // a night
        const Day first_kept = day - 30;
        if (day >= joins) {
          member.forward();
          member.courier().retire(first_kept, true);
        }
        member.change([&](Store& store) {
          store.expire_reports(first_kept, 10000);
          store.expire_clients(first_kept, 0);
        });
      }
      ++day;
    }
    member.forward();
    compare(member, first, today);
    member.change([](Store& store) { store.rebuild(0, 100000); });
    member.forward();
    compare(member, first, today);
    for (std::size_t client = 0; client < 25; ++client)
      member.change([&](Store& store) { store.remove_client(client_number(client)); });
    member.forward();
    compare(member, first, today);
  }
}
