// Importing and exporting reports by the thousand.
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <memory>

#include "../store/store.hpp"
#include "commands.hpp"
#include "open_data.hpp"

namespace collector {
namespace {

constexpr std::size_t lines_in_a_commit = 200;  // so that a collector that serves meanwhile gets its turn
constexpr std::size_t most_unwritten = 100000;  // cells, some 10 MB; an import cut short leaves none out

/// A file, or standard input or output for "-".
template <class Stream>
class File {
 public:
  File(const std::string& name, Stream& standard) {
    if (name == "-") {
      stream_ = &standard;
      return;
    }
    file_.open(name);
    if (!file_) throw Problem("cannot open " + name);
    stream_ = &file_;
  }
  Stream& operator*() { return *stream_; }

 private:
  std::conditional_t<std::is_same_v<Stream, std::istream>, std::ifstream, std::ofstream> file_;
  Stream* stream_;
};

/// A line that is written over, where somebody watches.
class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)), shown_(::isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (shown_) std::cerr << '\n';
  }
  void show(std::size_t count) {
    if (shown_ && count % 200 == 0) std::cerr << '\r' << what_ << ' ' << count << std::flush;
  }

 private:
  const std::string what_;
  const bool shown_;
};

/// Lines do not say when they arrived; the end of the run comes close.
Day arrival_of(const Json& report) {
  const auto at = [&](const char* key) {
    return report.contains(key) ? parse_day(report[key].get<std::string>()) : std::nullopt;
  };
  const auto day = at("ended_at") ? at("ended_at") : at("started_at");
  return std::min(day.value_or(today()), today());
}

struct Imported {
  std::size_t lines = 0, stored = 0, known = 0, dropped = 0, refused = 0;
};

void add_line(Store& store, const std::string& line, Imported& imported) try {
  ++imported.lines;
  const Json json = parse_report(line);
  const Added added = store.add(report_of(json), arrival_of(json));
  ++(added == Added::stored ? imported.stored : added == Added::known ? imported.known : imported.dropped);
} catch (const Refused& refused) {
  if (++imported.refused <= 10) std::cerr << "line " << imported.lines << ": " << refused.what() << '\n';
}

/// Reports for everyone: those of weeks that have ended, in the order of their random session ids, so that it tells
/// nothing.
void write_open(Database& database, std::ostream& out, Progress& progress) {
  OpenData open;
  std::size_t count = 0, written = 0;
  std::vector<Id> runs;
  Statement& places = database["SELECT run FROM place ORDER BY key"]();
  while (places.step()) runs.push_back(places.integer(0));
  const auto each = [&](const auto& use) {
    count = 0;
    for (const Id run : runs) {
      Statement& report =
          database["SELECT body, day FROM run WHERE id = ? AND day < ?"](run, begin_of(Period::week, today()));
      if (!report.step()) continue;
      use(Json::parse(report.bytes(0)), report.integer(1));
      report.reset();
      progress.show(++count);
    }
  };
  each([&](const Json& report, Day) { open.count(report); });
  each([&](const Json& report, Day day) {
    const auto line = open.line(report, day);
    if (line) out << *line << '\n';
    written += line ? 1 : 0;
  });
  if (written < count)
    std::cerr << count - written << " of " << count
              << " reports are left out: fewer than 5 installations share their version and system\n";
}

}  // namespace

int import_reports(const Arguments& arguments) {
  if (arguments.words().size() != 1) throw UsageError("import takes one file, or - for standard input");
  File<std::istream> in(arguments.words()[0], std::cin);
  Store store(arguments.text("--database", default_database), true);
  Imported imported;
  {
    Progress progress("lines:");
    std::string line;
    for (bool more = true; more; progress.show(imported.lines)) {
      Store::Change change(store);
      for (std::size_t i = 0; i < lines_in_a_commit && (more = !!std::getline(*in, line)); ++i)
        if (!line.empty()) add_line(store, line, imported);
      if (!more || store.unwritten_figures() > most_unwritten) store.write_figures();
      change.commit();
    }
  }
  if ((*in).bad()) throw Problem("cannot read " + arguments.words()[0]);
  std::cout << imported.stored << " reports are new, " << imported.known << " were already known, " << imported.dropped
            << " are of deleted clients, " << imported.refused << " lines are not reports\n";
  return imported.refused == 0 ? 0 : 1;
}

int export_reports(const Arguments& arguments) {
  if (arguments.words().size() > 1) throw UsageError("export takes one file, or nothing for standard output");
  Database database = open_for_reading(arguments.text("--database", default_database));
  const std::string name = arguments.words().empty() ? "-" : arguments.words()[0];
  File<std::ostream> out(name, std::cout);
  Progress progress("reports:");
  if (arguments.has("--open")) {
    write_open(database, *out, progress);
  } else {
    Statement& reports = database["SELECT body FROM run ORDER BY id"]();
    for (std::size_t count = 0; reports.step(); progress.show(++count)) *out << reports.bytes(0) << '\n';
  }
  (*out).flush();
  if (!*out) throw Problem("cannot write " + name);
  return 0;
}

int backup(const Arguments& arguments) {
  if (arguments.words().size() != 1) throw UsageError("backup takes one file");
  const std::string& target = arguments.words()[0];
  if (::access(target.c_str(), F_OK) == 0) throw Problem(target + " already exists");
  Database database = open_for_reading(arguments.text("--database", default_database));
  const std::string partial = target + ".partial";  // what is called by its name is whole
  ::unlink(partial.c_str());
  try {
    database.prepare("VACUUM INTO ?")(partial).run();
  } catch (const SqlError& error) {
    ::unlink(partial.c_str());
    throw Problem("cannot write " + target + ": " + error.what());
  }
  if (::rename(partial.c_str(), target.c_str()) != 0) throw Problem("cannot rename " + partial);
  return 0;
}

}  // namespace collector
