// What the collector's pages are told: numbers in bins, percentiles, versions, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/bins.hpp"
#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/base/day.hpp"
#include "collector/base/sha256.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"

namespace {

using collector::Metric;
using collector::Table;
using nlohmann::ordered_json;

/// A database with these reports, all of today.
class Figures {
 public:
  explicit Figures(const std::vector<ordered_json>& reports) : store_(folder_ / "usage.db", true) {
    collector::Store::Change change(store_);
    for (const ordered_json& report : reports) store_.add(collector::report_of(report), collector::today());
    store_.write_figures();
    change.commit();
  }
  collector::Reader reader(const std::string& version = "") {
    collector::Selection selection{"mytool", collector::today(), collector::today()};
    if (!version.empty()) selection.version = version;
    return {source_, selection};
  }
  collector::SqliteSource& source() { return source_; }

 private:
  TemporaryFolder folder_;
  collector::Store store_;
  collector::SqliteSource source_{store_.database()};
};

std::vector<ordered_json> reports(std::size_t count, const std::function<void(ordered_json&, std::size_t)>& change) {
  std::vector<ordered_json> list;
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back(report_number(i, i));
    change(list.back(), i);
  }
  return list;
}

std::string row(const Table& table, std::size_t number) {
  if (number >= table.rows.size()) return "no such row";
  std::string text;
  for (const collector::Value& value : table.rows[number])
    text += (text.empty() ? "" : " | ") + collector::text_of(value);
  return text;
}

}  // namespace

TEST_CASE("collector figures: every number is in its bin, 8 to a doubling; small integers have bins of their own") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const double value =
        std::ldexp(1 + static_cast<double>(random() % 1000003) / 1000003, static_cast<int>(random() % 2000) - 1000);
    const collector::Bin bin = collector::bin_of(value);
    REQUIRE(collector::edge_of(bin) <= value);
    REQUIRE(value < collector::far_edge_of(bin));
    REQUIRE(collector::bin_of(-value) == -bin);
    REQUIRE(collector::far_edge_of(bin) / collector::edge_of(bin) == doctest::Approx(std::pow(2, 0.125)));
  }
  CHECK(collector::bin_of(0) == 0);
  for (const double value : {5e-324, 1.7976931348623157e308, 1.0, 2.0, 1024.0}) {
    CHECK(collector::edge_of(collector::bin_of(value)) <= value);
    CHECK(collector::bin_of(value) > 0);
  }
  for (int n = 0; n < 16; ++n) CHECK(collector::middle_of(collector::bin_of(n), true) == n);
  CHECK(collector::middle_of(collector::bin_of(-3), true) == -3);
  CHECK(collector::bin_of(3) < collector::bin_of(3.5));
  CHECK(collector::bin_of(-3) > collector::bin_of(-3.5));
}

TEST_CASE("collector figures: days, weeks and months") {
  using namespace collector;
  for (Day day = *parse_day("1999-12-25"); day < *parse_day("2030-01-05"); ++day) {
    REQUIRE(parse_day(text_of(day)) == day);
    REQUIRE(begin_of(Period::week, day) <= day);
    REQUIRE(day < end_of(Period::week, day));
    REQUIRE(text_of(begin_of(Period::month, day)) == text_of(day).substr(0, 8) + "01");
    REQUIRE(end_of(Period::month, day) == begin_of(Period::month, end_of(Period::month, day)));
    REQUIRE(begin_of(Period::month, end_of(Period::month, day) - 1) == begin_of(Period::month, day));
  }
  CHECK(text_of(begin_of(Period::week, *parse_day("2026-11-29"))) == "2026-11-23");  // a Monday
  for (const char* wrong : {"2026-02-29", "2026-13-01", "2026-1-01", "someday", ""}) CHECK(!parse_day(wrong));
}

TEST_CASE("collector figures: SHA-256 of the NIST vectors") {
  const auto hex = [](const std::string& text) { return collector::hex_of(collector::sha256(text)); };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("collector figures: percentiles are those of the numbers, within a bin") {
  std::vector<double> seconds;
  Figures figures(reports(1000, [&](ordered_json& report, std::size_t i) {
    report["duration_s"] = 0.01 * static_cast<double>((i * 7919) % 1000 + 1);
    seconds.push_back(report["duration_s"].get<double>());
    report["fields"]["files"] = i % 10;
  }));
  std::sort(seconds.begin(), seconds.end());
  const Table table = collector::durations(figures.reader());
  REQUIRE(table.rows.size() == 1);
  CHECK(std::get<double>(table.rows[0][1]) == doctest::Approx(seconds[499]).epsilon(0.05));
  CHECK(std::get<double>(table.rows[0][2]) == doctest::Approx(seconds[899]).epsilon(0.05));
  CHECK(std::get<double>(table.rows[0][3]) == doctest::Approx(seconds[989]).epsilon(0.05));
  CHECK(row(collector::percentiles(figures.reader(), Metric::integer, "files"), 0) == "1000 | 4 | 8 | 9 | 9");
  std::int64_t all = 0;
  for (const auto& bin : collector::histogram(figures.reader(), Metric::duration).rows)
    all += std::get<std::int64_t>(bin[2]);
  CHECK(all == 1000);
}

TEST_CASE("collector figures: sums of counters cannot overflow") {
  Figures figures(reports(3, [](ordered_json& report, std::size_t i) {
    report["counters"] = {{"cache_hits", i == 2 ? 7 : 4000000000000000000}};
    if (i == 2) report["counters"]["small"] = 5;
  }));
  CHECK(row(collector::counters(figures.reader()), 0).substr(0, 37) == "cache_hits | 3 | 1.0 | 80000000000000");
  CHECK(row(collector::counters(figures.reader()), 1) == "small | 1 | 0.3333 | 5 | 5 | 5");
}

TEST_CASE("collector figures: versions in their order") {
  const std::vector<std::string> sorted = {"0.9",  "1.2",    "1.9.9", "1.10-rc1", "1.10-rc2", "1.10-rc10",
                                           "1.10", "1.10.1", "2.0.0", "10.0",     "dev"};
  for (std::size_t i = 0; i < sorted.size(); ++i)
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      CAPTURE(sorted[i]);
      CAPTURE(sorted[j]);
      CHECK(collector::older_version(sorted[i], sorted[j]) == (i < j));
    }
}

TEST_CASE("collector figures: how runs end by version, and which errors are new in one") {
  Figures figures(reports(20, [](ordered_json& report, std::size_t i) {
    report["app"]["version"] = i < 10 ? "1.9" : "1.10";
    if (i % 10 < 4) {
      report["outcome"] = {{"status", "failed"},
                           {"exit_code", 1},
                           {"error", {{"type", "E"}, {"message", i == 13 ? "new one" : "old one"}}}};
    }
    if (i % 10 == 9) report["outcome"] = {{"status", "signal"}, {"signal", "SIGSEGV"}};
  }));
  const Table endings = collector::endings(figures.reader());
  CHECK(row(endings, 0) == "1.10 | 10 | 5 | 4 | 0 | 1 | 0 | 0");  // the newest first
  CHECK(row(endings, 1) == "1.9 | 10 | 5 | 4 | 0 | 1 | 0 | 0");
  CHECK(row(collector::errors(figures.reader()), 0) == "E | old one | 7 | 0.35 | 1.9 | 0");
  CHECK(row(collector::errors(figures.reader()), 1) == "E | new one | 1 | 0.05 | 1.10 | 1");
  CHECK(row(collector::errors(figures.reader("1.9")), 0) == "E | old one | 4 | 0.4 | 1.9 | 1");
  CHECK(row(collector::totals(figures.reader(), Metric::signal), 0) == "SIGSEGV | 2 | 1.0");
}

TEST_CASE("collector figures: stages, events, options, hashed fields and what a program has of all") {
  Figures figures(reports(40, [](ordered_json& report, std::size_t i) {
    report["stages"].push_back({{"name", "a_last"},
                                {"at_s", 9.0},
                                {"duration_s", 1.0},
                                {"status", i < 10 ? "failed" : "ok"},
                                {"fields", ordered_json::object()}});
    if (i < 30) report["events"] = ordered_json::array();
    report["fields"]["sample"] = collector::hex_of(collector::sha256(std::to_string(i % 25)));
  }));
  const collector::Reader reader = figures.reader();
  CHECK(row(collector::stages(reader), 0).substr(0, 29) == "align | 40 | 1.0 | 40 | 0 | 0");
  CHECK(row(collector::stages(reader), 1).substr(0, 34) == "a_last | 40 | 1.0 | 40 | 10 | 0.25");
  CHECK(row(collector::events(reader), 0) == "connected | 10 | 0.25 | 20");
  CHECK(row(collector::moments(reader, "connected"), 1) == "5 | 10 | 10");
  CHECK(row(collector::options(reader), 0) == "--threads | 40 | 1.0");
  CHECK(row(collector::distinct(reader, "sample"), 0) == "25 | 40");
  CHECK(collector::names(reader, Metric::number) == std::vector<std::string>{"throughput_gbps"});
  CHECK(row(collector::totals(reader, Metric::boolean, "verified"), 0) == "true | 40 | 1.0");
  CHECK(row(collector::shares(reader, Metric::text, "format"), 0) ==
        collector::text_of(collector::today()) + " | cool | 40");
  CHECK(row(collector::programs(figures.source()), 0).substr(0, 11) == "mytool | 40");
  const collector::Reader unknown(figures.source(), {"mytool", 0, 5, "no such version"});
  CHECK(collector::runs(unknown).rows.size() == 6);
  CHECK(collector::errors(unknown).rows.empty());
}

TEST_CASE("collector figures: CSV and JSON hold any text") {
  const Table table{{"value", "n"},
                    {{std::string("a \"b\", c\n"), std::int64_t{1}}, {std::string("=1+1"), 0.5}, {{}, {}}}};
  CHECK(collector::csv_of(table) == "value,n\r\n\"a \"\"b\"\", c\n\",1\r\n'=1+1,0.5\r\n,\r\n");
  const auto json = nlohmann::json::parse(collector::json_of(table));
  CHECK(json["rows"][0][0] == "a \"b\", c\n");
  CHECK(json["rows"][2][0].is_null());
  CHECK(nlohmann::json::parse(collector::json_of({{"a"}, {}}))["rows"].empty());
}
