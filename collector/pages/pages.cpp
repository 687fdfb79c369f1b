#include "pages.hpp"

#include <httplib.h>

#include <array>

#include "../store/schema.hpp"
#include "filters.hpp"
#include "layout.hpp"
#include "svg.hpp"

namespace collector {
namespace {

constexpr const char* page_policy =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
constexpr const char* picture_policy = "default-src 'none'; style-src 'unsafe-inline'";

struct Tab {
  const char *path, *name;
  Section section;
};
constexpr std::array<Tab, 4> tabs = {{{"", "Use", Section::use},
                                      {"endings", "Endings and errors", Section::endings},
                                      {"durations", "Durations", Section::durations},
                                      {"own", "Fields and stages", Section::own}}};

void answer_with(httplib::Response& response, const std::string& text, const char* type, const char* policy) {
  response.set_header("Content-Security-Policy", policy);
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Cache-Control", "no-cache");
  response.set_content(text, type);
}

void answer_page(httplib::Response& response, const std::string& text) {
  answer_with(response, text, "text/html; charset=utf-8", page_policy);
}

void not_found(httplib::Response& response, const std::string& what) {
  response.status = 404;
  answer_page(response, page("Not found", "/style.css", "<h1>Not found</h1><p>" + escape(what) + "</p>"));
}

/// What a person sees who has just started it.
std::string first_steps(const std::string& reports_url) {
  return "<h1>Usage statistics</h1>\n<p>No report has arrived yet. To send some here, give your program this "
         "endpoint:</p>\n<pre>usage_stats::TelemetrySession session({\"mytool\", \"1.0.0\", \"" +
         escape(reports_url) +
         "\"}, argc, argv);</pre>\n<p>or, to try it with a program as it is:</p>\n<pre>"
         "MYTOOL_USAGE_STATS_ENABLED=1 MYTOOL_USAGE_STATS_ENDPOINT=" +
         escape(reports_url) +
         " mytool</pre>\n<p>Then teach the collector what your program declares, so that its fields have their own "
         "charts:</p>\n<pre>mytool usage-stats describe --json | usage-stats-collector describe add -</pre>\n";
}

std::string program_list(Source& source, const std::string& reports_url) {
  const Table all = programs(source);
  if (all.rows.empty()) return page("Usage statistics", "/style.css", first_steps(reports_url));
  std::string body =
      "<header><h1>Usage statistics</h1></header>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">"
      "program</th><th scope=\"col\">runs</th><th scope=\"col\">first</th><th scope=\"col\">last</th>"
      "</tr></thead><tbody>\n";
  for (const auto& row : all.rows) {
    const std::string name = text_of(row[0]);
    const auto* const runs = std::get_if<std::int64_t>(&row[1]);
    body += "<tr><th scope=\"row\"><a href=\"/app/" + percent_encode(name) + "/\">" + escape(name) + "</a></th><td>" +
            (runs == nullptr ? "" : grouped(static_cast<double>(*runs))) + "</td><td>" + text_of(row[2]) + "</td><td>" +
            text_of(row[3]) + "</td></tr>\n";
  }
  return page("Usage statistics", "/style.css", body + "</tbody></table></div>\n");
}

/// A request for a program, with its selection made.
struct Look {
  Look(const std::string& file, const MakeSource& make_source, const httplib::Request& request)
      : database(open_for_reading(file)),
        source(make_source(database)),
        app(request.matches[1]),
        filters(std::multimap<std::string, std::string>(request.params.begin(), request.params.end())),
        days(days_of(*source, app)),
        reader(*source, filters.selection(app, today(), days)) {}

  Database database;
  std::unique_ptr<Source> source;
  std::string app;
  Filters filters;
  std::optional<std::pair<Day, Day>> days;
  Reader reader;
};

std::string tab_links(const Tab& here, const Filters& filters) {
  std::string html = "<nav class=\"tabs\" aria-label=\"Pages\">";
  for (const Tab& tab : tabs)
    html += std::string("<a href=\"./") + tab.path + escape(filters.query()) + "\"" +
            (tab.section == here.section ? " aria-current=\"page\"" : "") + ">" + tab.name + "</a>";
  return html + "</nav>\n";
}

std::string program_page(Look& look, const Tab& tab) {
  const Selection& selection = look.reader.selection();
  std::string body = "<header><p><a href=\"/\">All programs</a></p><h1>" + escape(look.app) + "</h1>\n<p>" +
                     text_of(selection.first) + " to " + text_of(selection.last) +
                     ", UTC, by the day of arrival</p></header>\n" + tab_links(tab, look.filters);
  Selection unfiltered = selection;
  unfiltered.version.reset();
  unfiltered.os.reset();
  unfiltered.command.reset();
  body += filter_links(look.filters, Reader(*look.source, unfiltered), std::string("./") + tab.path);
  if (tab.section == Section::use) body += headline(look.reader);
  body += "<div class=\"figures\">\n";
  Address address;
  address.after = look.filters.query();
  for (const Question& question : questions(tab.section, look.reader, described(look.database, look.app)))
    body += figure(question, answer(question, look.reader), address);
  return page(look.app + ": " + section_title(tab.section), "/style.css", body + "</div>\n");
}

std::optional<Question> find_question(Look& look, const std::string& id) {
  for (const Tab& tab : tabs)
    for (Question& question : questions(tab.section, look.reader, described(look.database, look.app)))
      if (question.id == id) return std::move(question);
  return std::nullopt;
}

void answer_chart(Look& look, const std::string& id, const std::string& ending, httplib::Response& response) {
  const auto question = find_question(look, id);
  if (!question || (ending == "svg" && !question->draw)) return not_found(response, "There is no such chart.");
  if (ending == "svg") {
    Chart chart = answer(*question, look.reader).chart;
    chart.title = look.app + ": " + chart.title;
    return answer_with(response, svg(chart, Picture::own_file), "image/svg+xml", picture_policy);
  }
  const Table table = question->ask(look.reader);
  if (ending == "csv") return answer_with(response, csv_of(table), "text/csv; charset=utf-8", page_policy);
  answer_with(response, json_of(table), "application/json", page_policy);
}

/// A fault of the database, such as one that is being restored, is a page too.
template <class Work>
httplib::Server::Handler guarded(Work work) {
  return [work](const httplib::Request& request, httplib::Response& response) {
    try {
      work(request, response);
    } catch (const std::exception& error) {
      response.status = 503;
      response.set_header("Retry-After", "10");
      answer_page(response, page("Not now", "/style.css", "<h1>Not now</h1><p>" + escape(error.what()) + "</p>"));
    }
  };
}

}  // namespace

void install_pages(httplib::Server& server, const std::string& file, const std::string& reports_url,
                   const MakeSource& make_source) {
  server.Get("/style.css", [](const httplib::Request&, httplib::Response& response) {
    answer_with(response, style_sheet(), "text/css; charset=utf-8", page_policy);
  });
  server.Get("/", guarded([=](const httplib::Request&, httplib::Response& response) {
               Database database = open_for_reading(file);
               answer_page(response, program_list(*make_source(database), reports_url));
             }));
  server.Get("/app/([A-Za-z0-9._-]+)/([a-z]*)",
             guarded([=](const httplib::Request& request, httplib::Response& response) {
               Look look(file, make_source, request);
               if (!look.days) return not_found(response, "No report of this program has arrived.");
               for (const Tab& tab : tabs)
                 if (request.matches[2] == tab.path) return answer_page(response, program_page(look, tab));
               not_found(response, "There is no such page.");
             }));
  server.Get("/app/([A-Za-z0-9._-]+)/chart/([^/]+)\\.(svg|csv|json)",
             guarded([=](const httplib::Request& request, httplib::Response& response) {
               Look look(file, make_source, request);
               answer_chart(look, request.matches[2].str(), request.matches[3], response);
             }));
}

}  // namespace collector
