#include "layout.hpp"

#include "svg.hpp"

namespace collector {
namespace {

constexpr const char* style =
    ":root{color-scheme:light dark;--ink:#20242b;--quiet:#5d6570;--paper:#fff;--panel:#f6f7f9;--line:#dfe3e8;"
    "--link:#1d5fc4}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--quiet:#a2aab5;--paper:#14181f;--panel:#1b2028;"
    "--line:#2c323b;--link:#7fb0f7}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:1.5rem 1.25rem 4rem;background:var(--paper);"
    "color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\n"
    "a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\n"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .8rem;padding-top:1.2rem;"
    "border-top:1px solid var(--line)}h3{font-size:1rem;margin:0}\n"
    "header p,.sub{margin:.1rem 0 .7rem;color:var(--quiet);overflow-wrap:anywhere}\n"
    ".tabs{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.8rem 0;border-bottom:1px solid var(--line)}"
    ".tabs a{padding:.35rem 0}.tabs a[aria-current]{color:var(--ink);font-weight:600;border-bottom:2px solid "
    "var(--link)}\n"
    ".filters{background:var(--panel);border-radius:.5rem;padding:.6rem .9rem;margin:0 0 1.2rem;font-size:.86rem}"
    ".filter{display:flex;flex-wrap:wrap;gap:.15rem .2rem;align-items:baseline;padding:.1rem 0 .1rem 5rem}.filter "
    "span{width:5rem;margin-left:-5rem;color:var(--quiet)}"
    ".filter a{padding:0 .45rem;border-radius:.7rem;overflow-wrap:anywhere}"
    ".filter a[aria-current]{background:var(--link);color:var(--paper)}\n"
    ".numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;margin:0 0 1.4rem}"
    ".numbers div{background:var(--panel);border-radius:.5rem;padding:.6rem .9rem}.numbers "
    "b{display:block;font-size:1.5rem;"
    "line-height:1.25}.numbers span{color:var(--quiet);font-size:.84rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.8rem 2rem}"
    ".figures>section{min-width:0}.wide{grid-column:1/-1}svg{display:block;width:100%;height:auto}section:not(.wide) "
    "svg{max-width:36rem}.wide svg{min-width:44rem}\n"
    ".more{font-size:.84rem;color:var(--quiet);margin-top:.4rem}.more a{margin-right:.8rem}"
    "details{font-size:.84rem}summary{cursor:pointer;color:var(--quiet)}\n"
    ".scroll{overflow-x:auto;max-height:26rem}table{border-collapse:collapse;font-size:.86rem;width:100%}"
    "th,td{padding:.22rem .7rem .22rem 0;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;"
    "font-variant-numeric:tabular-nums}th{font-weight:600}tbody th{font-weight:400}th:first-child{text-align:left}"
    ".words td:nth-child(2),.words th:nth-child(2){text-align:left}td,.words thead th{white-space:nowrap}.words "
    "td:nth-child(2){white-space:normal}"
    "tbody th,.words td:nth-child(2){overflow-wrap:anywhere}.words tbody th{min-width:8rem}.words "
    "td:nth-child(2){min-width:9rem}\n"
    ".new{color:#fff;background:#b8478f;border-radius:.6rem;padding:0 .45rem;font-size:.78rem}\n"
    "pre{background:var(--panel);padding:.8rem 1rem;border-radius:.5rem;overflow-x:auto}footer{margin-top:3rem;"
    "color:var(--quiet);font-size:.84rem}\n"
    "@media "
    "print{.filters,.tabs,.more,details{display:none}body{max-width:none}.figures>section{break-inside:avoid}}\n";

std::string number_box(const std::string& number, const std::string& what) {
  return "<div><b>" + number + "</b><span>" + what + "</span></div>\n";
}

/// The installations of the last week or month that has ended within the selection. Where none has, that of the one
/// that has begun, but not of what the selection leaves out.
std::string installations_box(const Reader& reader, Period period) {
  const char* const name = period == Period::week ? "week" : "month";
  const Day last = reader.selection().last;
  const Table table = active(reader, period);
  for (auto row = table.rows.rbegin(); row != table.rows.rend(); ++row) {
    const auto begin = parse_day(text_of((*row)[0]));
    const auto* const n = std::get_if<std::int64_t>(&(*row)[1]);
    const bool ended = begin && end_of(period, *begin) <= std::min(today(), last + 1);
    if (n != nullptr && ended)
      return number_box(grouped(static_cast<double>(*n)), std::string("installations, last full ") + name);
    if (n != nullptr && table.rows.size() == 1 && last == today())
      return number_box(grouped(static_cast<double>(*n)), std::string("installations, this ") + name + " so far");
  }
  return number_box("&ndash;", std::string("installations, last full ") + name);
}

/// Errors: the version where one was first seen, marked where that is news.
std::string errors_html(const Table& table) {
  std::string html =
      "<div class=\"scroll\"><table class=\"words\"><thead><tr><th scope=\"col\">type</th><th "
      "scope=\"col\">message</th><th scope=\"col\">runs</th><th scope=\"col\">share</th><th "
      "scope=\"col\">first in</th></tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    const auto* const runs = std::get_if<std::int64_t>(&row[2]);
    const auto* const share = std::get_if<double>(&row[3]);
    const bool is_new = row.size() > 5 && text_of(row[5]) == "1";
    html += "<tr><th scope=\"row\">" + escape(text_of(row[0])) + "</th><td>" + escape(text_of(row[1])) + "</td><td>" +
            (runs == nullptr ? "" : grouped(static_cast<double>(*runs))) + "</td><td>" +
            (share == nullptr ? "" : escape(legible(*share, Unit::share))) + "</td><td>" + escape(text_of(row[4])) +
            (is_new ? " <span class=\"new\">new</span>" : "") + "</td></tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

bool is_errors(const Question& question) { return question.id == "errors"; }

}  // namespace

std::string page(const std::string& title, const std::string& style_address, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"referrer\" content=\"no-referrer\">\n<title>" +
         escape(title) + "</title>\n<link rel=\"stylesheet\" href=\"" + style_address + "\"></head>\n<body>\n" + body +
         "</body></html>\n";
}

std::string style_sheet() { return style + chart_style() + "\n"; }

std::string address_of(const Question& question) { return percent_encode(question.id); }

std::string figure(const Question& question, const DrawnTable& answer, const Address& address) {
  const bool drawn = answer.chart.shape != Chart::Shape::none;
  const bool wide = question.id == "active-day" || (!drawn && answer.table.columns.size() > 2);
  Chart chart = answer.chart;
  chart.width = wide ? 1040 : 500;  // as wide as a column of the page, so that letters have the page's size
  std::string html = std::string("<section") + (wide ? " class=\"wide\"" : "") + " id=\"" + address_of(question) +
                     "\">\n<h3>" + escape(question.title) + "</h3>\n<p class=\"sub\">" + escape(chart.subtitle) +
                     "</p>\n";
  const bool nothing = drawn ? chart.empty() : answer.table.rows.empty();
  if (nothing) return html + "<p class=\"more\">Nothing yet.</p></section>\n";
  if (drawn)
    html += std::string(wide ? "<div class=\"scroll\">" : "<div>") + svg(chart, Picture::in_page) +
            "</div><details><summary>Figures</summary>" + table_html({answer.table, chart}) + "</details>\n";
  else
    html += is_errors(question) ? errors_html(answer.table) : table_html(answer);
  const std::string place = address.before + address_of(question);
  html += "<p class=\"more\">";
  for (const char* const ending : {"svg", "csv", "json"})
    if (drawn || std::string_view(ending) != "svg")
      html += "<a href=\"" + escape(place + "." + ending + address.after) + "\">" + ending + "</a>";
  return html + "</p></section>\n";
}

std::string headline(const Reader& reader) {
  const std::int64_t all = reader.sum(Metric::runs);
  std::int64_t good = 0;
  for (const Series& series : reader.series(Metric::status))
    if (series.value == "ok") good += series.sum();
  const Table percent = percentiles(reader, Metric::duration);
  const auto* const half = percent.rows.empty() ? nullptr : std::get_if<double>(&percent.rows[0][1]);
  return "<div class=\"numbers\">\n" + installations_box(reader, Period::week) +
         installations_box(reader, Period::month) +
         number_box(legible(static_cast<double>(all), Unit::count), "runs in this period") +
         number_box(
             all == 0 ? "&ndash;" : escape(legible(static_cast<double>(good) / static_cast<double>(all), Unit::share)),
             "of them ended well") +
         number_box(half == nullptr ? "&ndash;" : escape(legible(*half, Unit::seconds)), "median duration") +
         "</div>\n";
}

std::string section_title(Section section) {
  switch (section) {
    case Section::use:
      return "Use";
    case Section::endings:
      return "Endings and errors";
    case Section::durations:
      return "Durations";
    case Section::own:
      break;
  }
  return "Fields and stages";
}

}  // namespace collector
