// The site that a collector publishes: what everyone may see.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "collector.hpp"
#include "collector_database.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string everything_in(const fs::path& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    text += entry.path().string() + '\n';
    if (entry.is_regular_file()) text += read_file(entry.path());
  }
  return text;
}

}  // namespace

TEST_CASE("collector publish: shows what five installations share, and nothing of fewer") {
  TemporaryFolder folder;
  const std::string canary = "CANARY";
  fill_database(folder.path(), 294, 7, [&](ordered_json& report, std::size_t i) {
    const std::string own = canary + std::to_string(i % 7);  // each installation's own word, said in 42 runs
    if (i % 3 == 0) {
      report["outcome"] = {{"status", "exception"}, {"error", {{"type", "Lost"}, {"message", "the way"}}}};
      if (i % 2 == 0) report["outcome"]["error"] = {{"type", own + "Error"}, {"message", "of " + own}};
      return;
    }
    report["fields"]["said"] = own;
    report["fields"]["format"] = own;
    report["command"] = {{"name", own}, {"arguments", {"--" + own}}};
    report["app"]["version"] = own;
    report["system"]["os_version"] = own;
    report["system"]["os"] = own;
    report["system"]["arch"] = own;
  });
  for (const bool is_described : {false, true}) {
    if (is_described) describe(folder.path(), all_kinds(""));
    const Result result = run_collector(folder.path(), {"publish", "site"});
    CHECK(result.exit_code == 0);
    CHECK(result.out == "1 program in site/index.html\n");
    const std::string site = everything_in(folder / "site");
    CHECK(!has(site, canary));
    for (std::size_t i = 1; i <= 7; ++i) CHECK(!has(site, client_number(i)));
    CHECK(!has(site, "field-said"));  // Text is for the owner alone
    CHECK(has(site, "the way"));
    CHECK(has(site, "(others)"));
  }
  // The owner sees them.
  const CollectorProcess collector(folder.path());
  for (const std::string& tab : tabs)
    if (tab != "durations") CHECK(has(collector.page("/app/mytool/" + tab).text, canary));
  // What is not named is still counted.
  const std::string commands = read_file(folder / "site/mytool/chart/commands.csv");
  CHECK(commands.substr(commands.find("(others)")) == "(others),196,0.6667\r\n");
  const std::string errors = read_file(folder / "site/mytool/chart/errors.csv");
  CHECK(has(errors, "Lost,the way,49,0.1667,"));
  CHECK(has(errors, "(others),,49,0.1667,,"));
}

TEST_CASE("collector publish: waits for five installations and for the end of a week") {
  TemporaryFolder folder;
  fill_database(folder.path(), 60, 4, [](ordered_json&, std::size_t) {});
  Result result = run_collector(folder.path(), {"publish", "site"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.find("0 programs in site/index.html\nleft out: mytool, ") == 0);
  CHECK(!fs::exists(folder / "site/mytool"));
  CHECK(!has(everything_in(folder / "site"), "mytool"));
  {
    collector::Store store(folder / "usage.db", false);
    collector::Store::Change change(store);
    for (std::size_t i = 100; i < 107; ++i) {
      ordered_json report = report_number(i, i);
      report["command"]["name"] = "of_this_week";
      store.add(collector::report_of(report), collector::today());
    }
    store.write_figures();
    change.commit();
  }
  CHECK(run_collector(folder.path(), {"publish", "site"}).out == "1 program in site/index.html\n");
  const std::string site = everything_in(folder / "site");
  CHECK(!has(site, "of_this_week"));
  CHECK(!has(site, "active-day"));
  const auto last = collector::begin_of(collector::Period::week, collector::today()) - 1;
  CHECK(has(site, " to " + collector::text_of(last) + ", finished weeks"));
  for (const auto& row : ordered_json::parse(read_file(folder / "site/mytool/chart/runs.json"))["rows"])
    CHECK(collector::parse_day(row[0].get<std::string>()) <= last - 6);
  CHECK(has(site, "<b>60</b><span>runs in this period"));
  for (const auto& row : ordered_json::parse(read_file(folder / "site/mytool/chart/active-month.json"))["rows"])
    CHECK(end_of(collector::Period::month, *collector::parse_day(row[0].get<std::string>())) <= last + 1);
}

TEST_CASE("collector publish: a few runs have no percentiles, which would be each one's own") {
  TemporaryFolder folder;
  fill_database(folder.path(), 60, 6, [](ordered_json& report, std::size_t i) {
    if (i != 7) report["counters"] = ordered_json::object();
    if (i != 7) report["stages"] = ordered_json::array();
  });
  REQUIRE(run_collector(folder.path(), {"publish", "site"}).exit_code == 0);
  const auto rows = [&](const std::string& name) {
    return ordered_json::parse(read_file(folder / ("site/mytool/chart/" + name + ".json")))["rows"];
  };
  CHECK(rows("counters")[0][1] == 1);
  for (std::size_t column = 3; column < 6; ++column) CHECK(rows("counters")[0][column].is_null());
  CHECK(rows("stages")[0][6].is_null());
  CHECK(rows("counter-cache_hits").empty());
  for (const auto& row : rows("durations")) CHECK(row[1].is_null() == (row[4] < 5));
}

TEST_CASE("collector publish: is readable for a web server, leaves what is not its own, and takes away what is gone") {
  TemporaryFolder folder;
  fill_database(folder.path(), 60, 7, [](ordered_json& report, std::size_t i) {
    if (i % 2 == 0) report["app"]["name"] = "forged";
  });
  fs::create_directories(folder / "site/mytool/chart");
  write_file(folder / "site/README", "mine");
  write_file(folder / "site/mytool/chart/mine.svg", "mine too");
  CHECK(run_collector(folder.path(), {"publish", "site"}).out.find("1 program") == std::string::npos);
  const auto mode = [&](const std::string& name) {
    struct stat status {};
    REQUIRE(::stat((folder / name).c_str(), &status) == 0);
    return status.st_mode & 0777;
  };
  CHECK(mode("site/index.html") == 0644);
  CHECK(mode("site/forged") == 0755);
  CHECK(mode("site/forged/chart/runs.svg") == 0644);
  CHECK(run_collector(folder.path(), {"forget", "--app", "forged"}).exit_code == 0);
  write_file(folder / "site/usage-stats-files.txt",
             read_file(folder / "site/usage-stats-files.txt") + "../usage.db\n/etc/hostname.html\nREADME\n\n..\n");
  CHECK(run_collector(folder.path(), {"publish", "site"}).out == "1 program in site/index.html\n");
  CHECK(!fs::exists(folder / "site/forged"));
  CHECK(!has(read_file(folder / "site/index.html"), "forged"));
  CHECK(read_file(folder / "site/README") == "mine");
  CHECK(read_file(folder / "site/mytool/chart/mine.svg") == "mine too");
  CHECK(fs::exists(folder / "usage.db"));
  for (const auto& entry : fs::recursive_directory_iterator(folder / "site")) CHECK(entry.path().extension() != ".new");
  // The same reports, the same site.
  const std::string before = everything_in(folder / "site");
  CHECK(run_collector(folder.path(), {"publish", "site"}).exit_code == 0);
  CHECK(everything_in(folder / "site") == before);
}

TEST_CASE("collector publish: a folder that cannot be written is one clear line") {
  TemporaryFolder folder;
  fill_database(folder.path(), 60, 6, [](ordered_json&, std::size_t) {});
  write_file(folder / "file", "");
  fs::create_directories(folder / "taken/index.html");  // a folder where a file must go
  write_file(folder / "taken/index.html/x", "");
  for (const std::string place : {"file", "file/site", "taken", "/dev/null/site"}) {
    const Result result = run_collector(folder.path(), {"publish", place});
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("usage-stats-collector: cannot ") == 0);
    CHECK(result.err.find('\n') == result.err.size() - 1);
    CHECK(has(result.err, place.substr(0, 4)));
  }
  CHECK(run_collector(folder.path(), {"publish"}).exit_code == 2);
  CHECK(run_collector(folder.path(), {"publish", "a", "--database", "none.db"}).exit_code == 1);
  CHECK(!fs::exists(folder / "a"));
}

namespace {

/// Each of seven installations has words of its own everywhere.
void make_telling(ordered_json& report, std::size_t i) {
  const std::string own = "CANARY" + std::to_string(i % 7);
  report["system"]["kernel"] = own;
  report["system"]["cpus"] = i % 7 + 1;  // each has its own machine
  report["fields"]["format"] = i % 2 == 0 ? own : "cool";
  report["fields"]["sample"] = std::string(64, 'a');
  report["fields"]["files"] = 123456;
  report["command"]["arguments"] = {"--threads=<int>", "--" + own};
  report["build"]["dependencies"] = {{own, "1"}, {"zlib", "1.2.13"}};
  report["events"][0]["fields"]["of"] = own;
  report["stages"].push_back({{"name", "s" + own}, {"at_s", 1}, {"status", "ok"}, {"fields", {{"x", 1}}}});
  if (i % 3 == 0) report["outcome"] = {{"status", "exception"}, {"error", {{"type", "E"}, {"message", own}}}};
  if (i % 7 == 6) report["app"]["version"] = own;  // of one installation only
}

}  // namespace

TEST_CASE("collector publish: export --open has what five installations share, and neither ids nor times") {
  TemporaryFolder folder;
  fill_database(folder.path(), 140, 7, make_telling);
  {
    collector::Store store(folder / "usage.db", false);
    collector::Store::Change change(store);
    store.add(collector::report_of(report_number(1000, 1)), collector::today());  // its week has not ended
    change.commit();
  }
  const Result result = run_collector(folder.path(), {"export", "--open"});
  CHECK(result.exit_code == 0);
  CHECK(result.err == "20 of 140 reports are left out: fewer than 5 installations share their version and system\n");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 120);
  for (const std::string never : {"CANARY", "client", "session_id", "_at\"", "2026-11-22T", "delivery", "kernel",
                                  "aaaaaaaa", "\"cpus\"", "123456"})
    CHECK_MESSAGE(!has(result.out, never), never);
  for (std::size_t i = 1; i <= 7; ++i) CHECK(!has(result.out, client_number(i)));
  CHECK(has(result.out, "\"arguments\":[\"--threads=<int>\"]"));
  CHECK(has(result.out, "\"format\":\"cool\""));
  CHECK(has(result.out, "\"files\":123000"));
  CHECK(has(result.out, "\"dependencies\":{\"zlib\":\"1.2.13\"}"));
  CHECK(has(result.out, "\"error\":{\"type\":\"E\"}"));
  CHECK(has(result.out, "\"os_version\":\"Debian GNU/Linux 12\""));
  for (std::size_t at = 0, end; (end = result.out.find('\n', at)) != std::string::npos; at = end + 1) {
    const ordered_json line = ordered_json::parse(result.out.substr(at, end - at));
    CHECK(line["stages"].size() == 1);
    const auto week = collector::parse_day(line["week"].get<std::string>());
    REQUIRE(week.has_value());
    CHECK(begin_of(collector::Period::week, *week) == *week);
    CHECK(*week < begin_of(collector::Period::week, collector::today()));
  }
  CHECK(run_collector(folder.path(), {"export", "--open", "open.jsonl"}).exit_code == 0);
  CHECK(read_file(folder / "open.jsonl") == result.out);
  CHECK(has(run_collector(folder.path(), {"export"}).out, "CANARY"));  // all that the owner has
}
