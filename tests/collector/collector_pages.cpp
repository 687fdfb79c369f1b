// The collector's pages and charts.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/pages/markup.hpp"
#include "collector/store/schema.hpp"
#include "collector_database.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string::npos) return {};
  const std::size_t end = text.find(after, begin + before.size());
  return end == std::string::npos ? std::string() : text.substr(begin + before.size(), end - begin - before.size());
}

/// What follows each `before` until the next `after`.
std::vector<std::string> all_between(const std::string& text, const std::string& before, const std::string& after) {
  std::vector<std::string> found;
  for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at + 1))
    found.push_back(between(text.substr(at), before, after));
  return found;
}

/// The names of all elements of a page or picture.
std::set<std::string> elements(const std::string& markup) {
  std::set<std::string> names;
  for (std::size_t at = markup.find('<'); at != std::string::npos; at = markup.find('<', at + 1)) {
    const std::size_t begin = markup[at + 1] == '/' ? at + 2 : at + 1;
    names.insert(markup.substr(begin, markup.find_first_of(" >/\n", begin) - begin));
  }
  return names;
}

const std::set<std::string> page_elements = {
    "!DOCTYPE", "html", "head", "meta",  "title", "link",  "body", "header",  "h1",  "h2",      "h3",      "p",
    "a",        "nav",  "div",  "span",  "b",     "ul",    "li",   "section", "svg", "rect",    "line",    "path",
    "circle",   "text", "g",    "table", "thead", "tbody", "tr",   "th",      "td",  "details", "summary", "pre"};
const std::set<std::string> picture_elements = {"svg", "style", "rect", "line", "path", "circle", "text", "g", "title"};

bool contains(const std::set<std::string>& allowed, const std::set<std::string>& names) {
  return std::includes(allowed.begin(), allowed.end(), names.begin(), names.end());
}

void check_head(const Reply& reply, const std::string& type) {
  CHECK(reply.headers.at("content-type") == type);
  CHECK(reply.headers.at("content-security-policy").find("default-src 'none'") == 0);
  CHECK(reply.headers.at("content-security-policy").find("script") == std::string::npos);
  CHECK(reply.headers.at("x-content-type-options") == "nosniff");
}

void check_page(const Reply& reply, int status = 200) {
  CHECK(reply.status == status);
  check_head(reply, "text/html; charset=utf-8");
  const std::set<std::string> names = elements(reply.text);
  for (const std::string& name : names) CHECK_MESSAGE(page_elements.count(name) == 1, name);
}

/// The addresses of charts that a page links to, as "field-x.svg".
std::vector<std::string> charts(const std::string& page) { return all_between(page, "<a href=\"chart/", "\""); }

}  // namespace

TEST_CASE("collector pages: an empty database says what to do next") {
  TemporaryFolder folder;
  const CollectorProcess collector(folder.path());
  const Reply reply = collector.page("/");
  check_page(reply);
  CHECK(has(reply.text, "No report has arrived yet"));
  CHECK(has(reply.text, collector.url));  // where to send them
  CHECK(has(reply.text, "MYTOOL_USAGE_STATS_ENDPOINT=" + collector.url));
  CHECK(has(reply.text, "describe --json | usage-stats-collector describe add -"));
  CHECK(collector.post(report_number(1)).status == 201);
  const Reply next = collector.page("/");
  check_page(next);
  CHECK(has(next.text, "<a href=\"/app/mytool/\">mytool</a></th><td>1</td>"));
}

namespace {

const std::vector<const char*> expected_charts{"active-day.svg",     "active-week.csv",
                                               "active-month.json",  "runs.svg",
                                               "versions.svg",       "systems.svg",
                                               "architectures.svg",  "commands.svg",
                                               "options.svg",        "endings.svg",
                                               "durations.svg",      "duration-histogram.svg",
                                               "field-verified.svg", "field-throughput_gbps.svg",
                                               "field-files.svg",    "field-format.svg",
                                               "field-said.svg",     "field-sample.json",
                                               "counters.csv",       "counter-cache_hits.svg",
                                               "funnel.svg",         "stages.json",
                                               "stage-align.svg",    "events.csv",
                                               "event-connected.svg"};

/// The chart's file, which is a picture or figures.
void check_chart(const CollectorProcess& collector, const std::string& chart) {
  CAPTURE(chart);
  const Reply file = collector.page("/app/mytool/chart/" + chart);
  CHECK(file.status == 200);
  const std::string ending = fs::path(chart).extension().string();
  if (ending == ".svg") {
    check_head(file, "image/svg+xml");
    CHECK(contains(picture_elements, elements(file.text)));
  } else if (ending == ".csv") {
    check_head(file, "text/csv; charset=utf-8");
    CHECK(has(file.text, "\r\n"));
  } else {
    check_head(file, "application/json");
    CHECK(file.body["columns"].size() > 1);
  }
}

}  // namespace

TEST_CASE("collector pages: every page and chart is there from the first report on, described or not") {
  TemporaryFolder folder;
  fill_database(folder.path(), 1, 1, [](ordered_json& report, std::size_t) {
    report["fields"]["sample"] = std::string(64, 'a');
    report["fields"]["said"] = "something";
  });
  const CollectorProcess collector(folder.path());
  for (const bool is_described : {false, true}) {
    if (is_described) describe(folder.path(), all_kinds("what it is"));
    std::set<std::string> found;
    for (const std::string& tab : tabs) {
      const Reply page = collector.page("/app/mytool/" + tab);
      check_page(page);
      for (const std::string& chart : charts(page.text)) {
        CHECK(found.insert(chart).second);
        check_chart(collector, chart);
      }
      CHECK(has(page.text, "what it is") == (is_described && tab == "own"));
    }
    for (const char* const name : expected_charts) CHECK_MESSAGE(found.count(name) == 1, name);
  }
  const Reply sheet = collector.page("/style.css");
  CHECK(sheet.status == 200);
  check_head(sheet, "text/css; charset=utf-8");
  for (const char* outside : {"@import", "url(", "http"}) CHECK(!has(sheet.text, outside));
  CHECK(has(sheet.text, "prefers-color-scheme:dark"));
  CHECK(has(sheet.text, "@media print"));
}

TEST_CASE("collector pages: what was reported but never described is shown beside what was") {
  TemporaryFolder folder;
  fill_database(folder.path(), 3, 3, [](ordered_json&, std::size_t) {});
  const CollectorProcess collector(folder.path());
  describe(folder.path(), {{{"name", "files"}, {"kind", "integer"}, {"description", "how many files"}}});
  const std::string page = collector.page("/app/mytool/own").text;
  CHECK(has(page, "how many files"));
  CHECK(has(page, "id=\"field-throughput_gbps\""));
  CHECK(has(page, "id=\"counter-cache_hits\""));
}

TEST_CASE("collector pages: filters are plain links, and whatever they say is a page") {
  TemporaryFolder folder;
  fill_database(folder.path(), 40, 5, [](ordered_json& report, std::size_t i) {
    report["app"]["version"] = i % 4 == 0 ? "1.10.0" : "1.9.0";
    report["system"]["os"] = i % 2 == 0 ? "linux" : "macos";
    report["system"]["ci"] = i % 10 == 9;
  });
  const CollectorProcess collector(folder.path());
  const auto runs = [&](const std::string& query) {
    const Reply reply = collector.page("/app/mytool/chart/runs.json" + query);
    CHECK(reply.status == 200);
    std::int64_t sum = 0;
    for (const auto& row : reply.body["rows"]) sum += row[1].get<std::int64_t>();
    return sum;
  };
  CHECK(runs("") == 36);
  CHECK(runs("?ci=both") == 40);
  CHECK(runs("?ci=only") == 4);
  CHECK(runs("?version=1.10.0") == 10);
  CHECK(runs("?version=1.9.0&os=macos&ci=both") == 20);
  CHECK(runs("?command=cp&days=30") == 36);
  CHECK(runs("?version=9.9") == 0);
  const std::string page = collector.page("/app/mytool/endings?version=1.10.0").text;
  CHECK(has(page, "<a href=\"./endings?version=1.10.0\" aria-current=\"true\">1.10.0</a>"));
  CHECK(has(page, "<a href=\"./endings?os=linux&amp;version=1.10.0\">linux</a>"));
  CHECK(has(page, "<a href=\"./durations?version=1.10.0\">"));  // a choice stays from page to page
  CHECK(has(page, "<a href=\"chart/endings.csv?version=1.10.0\">"));
  CHECK(page.find(">1.10.0</a>") < page.find(">1.9.0</a>"));
  for (const std::string query : {"?version=%3Cscript%3E", "?days=banana", "?days=99999999999999999999", "?ci=maybe",
                                  "?os=%00%FF", "?version=", "?unknown=1", "?version=1&version=2", "?&&==&", "?%"})
    for (const std::string& tab : tabs) {
      CAPTURE(query);
      const Reply reply = collector.page("/app/mytool/" + tab + query);
      check_page(reply);
      CHECK(!has(reply.text, "<script"));
    }
  check_page(collector.page("/app/mytool/?version=" + std::string(3000, '1')));
  for (const std::string nowhere : {"/app/no.such/", "/app/mytool/other", "/app/mytool/chart/nothing.svg",
                                    "/app/mytool/chart/errors.svg", "/app/mytool/chart/%3Cscript%3E.csv"}) {
    CAPTURE(nowhere);
    check_page(collector.page(nowhere), 404);
  }
  for (const std::string nowhere : {"/app/", "/usage.db", "/app/../usage.db", "/app/mytool/chart/../../../usage.db"})
    CHECK(collector.page(nowhere).status == 404);
  CHECK(runs("") == 36);
}

TEST_CASE("collector pages: the picture, its table, CSV and JSON all say what the figures say") {
  TemporaryFolder folder;
  fill_database(folder.path(), 200, 7, [](ordered_json& report, std::size_t i) {
    report["command"]["name"] = i % 5 == 0 ? "sync" : "cp";
    if (i % 8 == 0) report["outcome"] = {{"status", "exception"}, {"error", {{"type", "E"}, {"message", "no"}}}};
  });
  collector::Database database = collector::open_for_reading(folder / "usage.db");
  collector::SqliteSource source(database);
  const collector::Reader reader(source, {"mytool", collector::today() - 27, collector::today()});
  const CollectorProcess server(folder.path());
  const auto csv = [&](const std::string& chart) { return server.page("/app/mytool/chart/" + chart + ".csv").text; };
  CHECK(csv("commands") == "value,n,share\r\ncp,160,0.8\r\nsync,40,0.2\r\n");
  CHECK(csv("commands") == collector::csv_of(collector::totals(reader, collector::Metric::command)));
  CHECK(server.page("/app/mytool/chart/endings.json").text == collector::json_of(collector::endings(reader)));
  CHECK(csv("runs") == collector::csv_of(collector::runs(reader)));
  const std::string use = server.page("/app/mytool/").text, endings = server.page("/app/mytool/endings").text;
  CHECK(has(use, "<tr><th scope=\"row\">cp</th><td>80\u00a0%</td></tr>"));
  CHECK(has(use, "<title>cp: 80\u00a0%</title>"));
  CHECK(has(use, "<b>200</b><span>runs in this period"));
  CHECK(has(use, "<b>87.5\u00a0%</b><span>of them ended well"));
  CHECK(has(endings, "<td>no</td><td>25</td><td>12.5\u00a0%</td><td>1.4.2 <span class=\"new\">new</span>"));
  for (const auto& row : collector::runs(reader).rows)
    CHECK(has(use, "<tr><th scope=\"row\">" + collector::text_of(row[0]) + "</th><td>" + collector::text_of(row[1]) +
                       "</td>"));
}

namespace {

const std::vector<std::string> hostile = {"<script>alert(1)</script>",
                                          "\"><img src=x onerror=alert(1)>",
                                          "' onload='alert(1)",
                                          "</style></svg></title><b>",
                                          "]]><!--<![CDATA[",
                                          "&#60;b&#62;&lt;&amp;",
                                          "\u202eright\u202c\u2066\u200f\ufeff",
                                          "a\nb\tc\x01\x1b[31m",
                                          std::string("nul\0byte", 8),
                                          "=1+1",
                                          "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa7\xaa",
                                          "javascript:alert(1)//"};

/// Marks that turn text around, and what no XML may hold.
bool is_clean(const std::string& markup) {
  for (const std::string mark : {"\u202e", "\u202c", "\u2066", "\u200f", "\ufeff"})
    if (has(markup, mark)) return false;
  return std::none_of(markup.begin(), markup.end(), [](char c) { return c >= 0 && c < ' ' && c != '\n'; });
}

}  // namespace

TEST_CASE("collector pages: whatever a report says is text, in every field, on every page and in every file") {
  TemporaryFolder folder;
  fill_database(folder.path(), hostile.size(), 1, [](ordered_json& report, std::size_t i) {
    const std::string& word = hostile[i];
    for (const char* key : {"os", "os_version", "arch", "kernel"}) report["system"][key] = word;
    report["command"] = {{"name", word}, {"arguments", {"--" + word}}};
    report["outcome"] = {{"status", "signal"}, {"signal", word}, {"error", {{"type", word}, {"message", word}}}};
    report["fields"]["format"] = word;
    report["app"]["version"] = word;  // the store takes what the front door would not
  });
  const CollectorProcess collector(folder.path());
  for (const std::string& description : hostile) {
    if (!has(description, std::string(1, '\0'))) describe(folder.path(), all_kinds(description));
    for (const std::string& tab : tabs) {
      CAPTURE(description);
      const Reply page = collector.page("/app/mytool/" + tab);
      check_page(page);
      CHECK(is_clean(page.text));
      if (&description != &hostile[0]) continue;
      for (const std::string& chart : charts(page.text)) {
        CAPTURE(chart);
        const Reply file = collector.page("/app/mytool/chart/" + chart);
        CHECK(file.status == 200);
        if (!file.headers.at("content-type").compare("image/svg+xml")) {
          CHECK(contains(picture_elements, elements(file.text)));
          CHECK(is_clean(file.text));
        }
        if (!file.headers.at("content-type").compare("application/json")) CHECK(file.body.is_object());
      }
    }
  }
  const std::string endings = collector.page("/app/mytool/endings").text;
  CHECK(has(endings, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  CHECK(has(endings, "&amp;#60;b&amp;#62;&amp;lt;&amp;amp;"));
  CHECK(has(endings, "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa7\xaa"));
  CHECK(has(collector.page("/app/mytool/chart/commands.csv").text, "\r\n'=1+1,"));
  // Filters, whose values come back in links.
  for (const std::string& word : hostile) {
    const Reply page = collector.page("/app/mytool/?command=" + collector::percent_encode(word));
    check_page(page);
    CHECK(is_clean(page.text));
    CHECK(has(page.text, "command=" + collector::percent_encode(word) + "\""));
  }
}

TEST_CASE("collector pages: escaping leaves nothing but valid text, of any bytes and any length") {
  using collector::escape;
  CHECK(escape("<a href=\"x\" title='y'>&") == "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
  CHECK(escape("a\xff\xc0\x80\xed\xa0\x80z") == "a\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdz");
  CHECK(escape(std::string("\0\x01\x7f\xc2\x85\u200e\u2028\u2069", 14)).empty());
  CHECK(escape("\xe2\x82") == "\ufffd\ufffd");  // cut in the middle
  std::string any;
  for (int i = 0; i < 65536; ++i) any += static_cast<char>(i * 7919 >> 3);
  const std::string text = escape(any);
  CHECK(text.find_first_of("<>\"'") == std::string::npos);
  CHECK_NOTHROW((void)ordered_json(text).dump());  // throws of what is not UTF-8
  CHECK(escape(std::string(65536, '&')).size() == 5 * 65536);
  CHECK(collector::percent_decode(collector::percent_encode(any)) == any);
  CHECK(collector::shorten("\u00e9\u00e9\u00e9", 2) == "\u00e9\u2026");
}

TEST_CASE("collector pages: numbers are legible") {
  using collector::legible;
  using collector::Unit;
  CHECK(legible(1234, Unit::count) == "1,234");
  CHECK(legible(12345, Unit::count) == "12.3k");
  CHECK(legible(2000000, Unit::count) == "2M");
  CHECK(legible(0.12345, Unit::share) == "12.3\u00a0%");
  CHECK(legible(0.0001, Unit::share) == "<0.1\u00a0%");
  CHECK(legible(1, Unit::share) == "100\u00a0%");
  CHECK(legible(0.0123, Unit::seconds) == "12.3\u00a0ms");
  CHECK(legible(60, Unit::seconds) == "1\u00a0min");
  CHECK(legible(90, Unit::seconds) == "90\u00a0s");
  CHECK(legible(3600, Unit::seconds) == "1\u00a0h");
  CHECK(legible(200000, Unit::seconds) == "2.31\u00a0d");
  CHECK(legible(3.14159, Unit::number) == "3.14");
  CHECK(collector::grouped(-1234567) == "-1,234,567");
}

TEST_CASE("collector pages: of a few whole numbers each has a bar, of others bins are joined") {
  TemporaryFolder folder;
  fill_database(folder.path(), 60, 3, [](ordered_json& report, std::size_t i) {
    report["counters"]["cache_hits"] = i % 4 + 1;
    report["fields"]["files"] = i * 1000;
  });
  const CollectorProcess collector(folder.path());
  const std::string own = collector.page("/app/mytool/own").text;
  for (const char* bar :
       {"<title>1: 15</title>", "<title>2: 15</title>", "<title>3: 15</title>", "<title>4: 15</title>"})
    CHECK(has(own, bar));
  const std::string files = between(own, "id=\"field-files\"", "</section>");
  CHECK(has(files, "<title>from 0: 1</title>"));
  std::int64_t all = 0;
  for (const std::string& n : all_between(between(files, "<tbody>", "</tbody>"), "<td>", "</td>")) all += std::stoll(n);
  CHECK(all == 60);
}
