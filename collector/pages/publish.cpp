#include "publish.hpp"

#include <fstream>
#include <set>

#include "../store/schema.hpp"
#include "layout.hpp"
#include "public_words.hpp"
#include "svg.hpp"

namespace collector {
namespace {

namespace fs = std::filesystem;

constexpr Day weeks_shown = 52;

/// The folder, and what was written into it: of an earlier site only that is removed again.
class Site {
 public:
  explicit Site(fs::path folder) : folder_(std::move(folder)) { make_folder(folder_); }

  /// `name`: below the folder, with slashes. For a web server to read, whatever the umask.
  void write(const std::string& name, const std::string& text) {
    const fs::path path = folder_ / name, temporary = path.string() + ".new";
    if (path.parent_path() != folder_) make_folder(path.parent_path());
    {
      std::ofstream file(temporary, std::ios::binary);
      file << text;
      file.flush();
      if (!file) throw Problem("cannot write " + path.string());
    }
    std::error_code error;
    fs::permissions(temporary, readable, error);
    fs::rename(temporary, path, error);
    if (error) throw Problem("cannot write " + path.string() + ": " + error.message());
    written_.insert(name);
  }

  /// Removes what the site had before and has no more, as after `forget`, and writes down what it has now.
  void remove_stale() {
    std::vector<std::string> gone;
    {
      std::ifstream list(folder_ / list_name);
      for (std::string name; std::getline(list, name);)
        if (written_.count(name) == 0 && is_ours(name)) gone.push_back(name);
    }
    for (const std::string& name : gone) {
      std::error_code error;
      fs::remove(folder_ / name, error);
      if (error) throw Problem("cannot remove " + (folder_ / name).string() + ": " + error.message());
      for (fs::path parent = (folder_ / name).parent_path(); parent != folder_; parent = parent.parent_path())
        if (!fs::remove(parent, error)) break;  // not empty
    }
    std::string text;
    for (const std::string& name : written_) text += name + '\n';
    write(list_name, text);
  }

 private:
  static constexpr const char* list_name = "usage-stats-files.txt";
  static constexpr auto readable = static_cast<fs::perms>(0644), passable = static_cast<fs::perms>(0755);

  /// Of a list that somebody may have changed: nothing that leads out of the folder, nothing that we do not write.
  static bool is_ours(const std::string& name) {
    const std::string ending = fs::path(name).extension().string();
    const bool known =
        ending == ".html" || ending == ".css" || ending == ".svg" || ending == ".csv" || ending == ".json";
    return known && name[0] != '/' && name.find("..") == std::string::npos;
  }

  /// With its parents; those that are there stay as they are.
  static void make_folder(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return;
    if (path.has_parent_path() && path.parent_path() != path) make_folder(path.parent_path());
    fs::create_directory(path, error);
    if (!error) fs::permissions(path, passable, error);
    if (error) throw Problem("cannot make the folder " + path.string() + ": " + error.message());
  }

  const fs::path folder_;
  std::set<std::string> written_;
};

/// Weeks that have ended, and no longer than the program has reported.
std::optional<Selection> finished_weeks(Source& source, const std::string& app) {
  const auto days = days_of(source, app);
  if (!days) return std::nullopt;
  Selection selection;
  selection.app = app;
  selection.last = begin_of(Period::week, today()) - 1;
  selection.first = std::max(begin_of(Period::week, days->first), selection.last + 1 - 7 * weeks_shown);
  selection.step = Period::week;
  if (selection.first > selection.last) return std::nullopt;
  return selection;
}

/// By days would tell too much of single runs; by weeks is what the rest of the site has.
bool is_public(const Question& question) { return !question.owner_only && question.id != "active-day"; }

void write_chart(Site& site, const std::string& base, const Question& question, DrawnTable answer,
                 const std::string& app) {
  site.write(base + ".csv", csv_of(answer.table));
  site.write(base + ".json", json_of(answer.table));
  if (!question.draw) return;
  answer.chart.title = app + ": " + answer.chart.title;
  site.write(base + ".svg", svg(answer.chart, Picture::own_file));
}

void write_program(Site& site, const Reader& reader, const std::vector<Described>& dictionary) {
  const Selection& selection = reader.selection();
  std::string body = "<header><p><a href=\"../\">All programs</a></p><h1>" + escape(selection.app) + "</h1>\n<p>" +
                     text_of(selection.first) + " to " + text_of(selection.last) +
                     ", finished weeks, UTC, by the day of arrival; without continuous integration</p></header>\n" +
                     headline(reader);
  for (const Section section : {Section::use, Section::endings, Section::durations, Section::own}) {
    std::string figures;
    for (const Question& question : questions(section, reader, dictionary)) {
      if (!is_public(question)) continue;
      const DrawnTable shown = answer(question, public_table(question, reader), reader);
      figures += figure(question, shown, {});
      write_chart(site, selection.app + "/chart/" + question.id, question, shown, selection.app);
    }
    if (!figures.empty())
      body += "<h2>" + section_title(section) + "</h2>\n<div class=\"figures\">\n" + figures + "</div>\n";
  }
  site.write(selection.app + "/index.html", page(selection.app, "../style.css", body));
}

}  // namespace

Published publish(Source& source, Database& database, const fs::path& folder) {
  Site site(folder);
  Published published;
  std::string list;
  const Table all = programs(source);
  for (const auto& row : all.rows) {
    const std::string app = text_of(row[0]);
    const auto weeks = finished_weeks(source, app);
    const Reader reader(source, weeks.value_or(Selection{}));
    if (!weeks || !may_be_published(reader)) {
      published.left_out.push_back(app);
      continue;
    }
    write_program(site, reader, described(database, app));
    list += "<li><a href=\"" + percent_encode(app) + "/\">" + escape(app) + "</a>, " +
            grouped(static_cast<double>(reader.sum(Metric::runs))) + " runs</li>\n";
    published.programs.push_back(app);
  }
  if (list.empty()) list = "<li>No program has been used by five installations and for a full week yet.</li>\n";
  site.write("style.css", style_sheet());
  site.write("index.html", page("Usage statistics", "style.css",
                                "<header><h1>Usage statistics</h1></header>\n<ul>\n" + list + "</ul>\n"));
  site.remove_stale();
  return published;
}

}  // namespace collector
