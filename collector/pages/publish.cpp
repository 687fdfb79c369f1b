#include "publish.hpp"

#include <fstream>

#include "../aggregate/witnesses.hpp"
#include "../store/schema.hpp"
#include "layout.hpp"
#include "svg.hpp"

namespace collector {
namespace {

namespace fs = std::filesystem;

constexpr Day weeks_shown = 52;

void write_file(const fs::path& path, const std::string& text) {
  const fs::path temporary = path.string() + ".new";
  {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.flush();
    if (!file) throw Problem("cannot write " + path.string());
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw Problem("cannot write " + path.string() + ": " + error.message());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Problem("cannot make the folder " + path.string() + ": " + error.message());
}

/// Weeks that have ended, and no longer than the program has reported.
std::optional<Selection> finished_weeks(Database& database, const std::string& app) {
  const auto days = days_of(database, app);
  if (!days) return std::nullopt;
  Selection selection;
  selection.app = app;
  selection.last = begin_of(Period::week, today()) - 1;
  selection.first = std::max(begin_of(Period::week, days->first), selection.last + 1 - 7 * weeks_shown);
  selection.step = Period::week;
  if (selection.first > selection.last) return std::nullopt;
  return selection;
}

/// Errors that fewer than five installations share are one line without words.
Table public_errors(const Reader& reader) {
  const auto shared = shared_words(reader, Metric::error);
  Table all = errors(reader, 1000), shown{all.columns, {}};
  std::int64_t others = 0;
  double share = 0;
  for (auto& row : all.rows) {
    if (shared.count({text_of(row[0]), text_of(row[1])}) != 0) {
      if (shown.rows.size() < 40) shown.rows.push_back(std::move(row));
      continue;
    }
    if (const auto* const n = std::get_if<std::int64_t>(&row[2])) others += *n;
    if (const auto* const part = std::get_if<double>(&row[3])) share += *part;
  }
  if (others > 0) {
    std::vector<Value> rest(all.columns.size(), std::string());
    rest[0] = std::string("other");
    rest[2] = others;
    rest[3] = share;
    shown.rows.push_back(std::move(rest));
  }
  return shown;
}

Answer public_answer(const Question& question, const Reader& reader) {
  if (question.id == "errors") return {public_errors(reader), {}};
  return question.ask(reader);
}

/// By days would tell too much of single runs; by weeks is what the rest of the site has.
bool is_public(const Question& question) { return !question.owner_only && question.id != "active-day"; }

void write_chart(const Question& question, Answer answer, const std::string& app, const fs::path& folder) {
  const fs::path base = folder / address_of(question);
  write_file(base.string() + ".csv", csv_of(answer.table));
  write_file(base.string() + ".json", json_of(answer.table));
  if (answer.chart.shape == Chart::Shape::none) return;
  answer.chart.title = app + ": " + question.title;
  answer.chart.subtitle = question.subtitle;
  write_file(base.string() + ".svg", svg(answer.chart, Picture::own_file));
}

void write_program(const Reader& reader, const fs::path& folder) {
  const Selection& selection = reader.selection();
  make_folder(folder / "chart");
  std::string body = "<header><p><a href=\"../\">All programs</a></p><h1>" + escape(selection.app) + "</h1>\n<p>" +
                     text_of(selection.first) + " to " + text_of(selection.last) +
                     ", finished weeks, UTC, by the day of arrival; without continuous integration</p></header>\n" +
                     headline(reader);
  Address address;
  const auto all = questions(reader, described(reader.database(), selection.app));
  for (const Section section : {Section::use, Section::endings, Section::durations, Section::own}) {
    std::string figures;
    for (const Question& question : all) {
      if (question.section != section || !is_public(question)) continue;
      const Answer answer = public_answer(question, reader);
      figures += figure(question, answer, address);
      write_chart(question, answer, selection.app, folder / "chart");
    }
    if (!figures.empty())
      body += "<h2>" + section_title(section) + "</h2>\n<div class=\"figures\">\n" + figures + "</div>\n";
  }
  write_file(folder / "index.html", page(selection.app, "../style.css", body));
}

}  // namespace

std::size_t publish(Database& database, const fs::path& folder) {
  make_folder(folder);
  std::string list;
  std::size_t count = 0;
  const Table all = programs(database);
  for (const auto& row : all.rows) {
    const std::string app = text_of(row[0]);
    const auto weeks = finished_weeks(database, app);
    if (!weeks) continue;
    const Reader reader(database, *weeks);
    write_program(reader, folder / app);
    list += "<li><a href=\"" + percent_encode(app) + "/\">" + escape(app) + "</a>, " +
            grouped(static_cast<double>(reader.sum(Metric::runs))) + " runs</li>\n";
    ++count;
  }
  if (list.empty()) list = "<li>No program has reported for a full week yet.</li>\n";
  write_file(folder / "style.css", style_sheet());
  write_file(folder / "index.html", page("Usage statistics", "style.css",
                                         "<header><h1>Usage statistics</h1></header>\n<ul>\n" + list + "</ul>\n"));
  return count;
}

}  // namespace collector
