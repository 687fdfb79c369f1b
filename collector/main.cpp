// usage-stats-collector: receives the reports of usage_stats (docs/collector.md).
#include <sys/stat.h>

#include <iostream>
#include <string_view>

#include "operate/commands.hpp"

namespace collector {
namespace {

struct Command {
  const char *name, *form, *help;
  int (*run)(const Arguments&);
  std::vector<std::string> with_value{}, flags{};
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"serve",
       "",
       "receives reports and serves pages until it gets SIGTERM",
       serve,
       {"--database", "--host", "--port", "--path", "--pages-host", "--pages-port", "--keep", "--clickhouse"},
       {"--only-described", "--verbose"}},
      {"check", "", "checks its health: exit code 0 or 1, for monitoring", check, {"--database", "--keep"}, {}},
      {"describe",
       "add FILE",
       "adds a program's dictionary: mytool usage-stats describe --json | ... describe add -",
       describe,
       {"--database"},
       {}},
      {"import", "FILE", "imports reports from JSON lines", import_reports, {"--database"}, {}},
      {"export",
       "[--open] [FILE]",
       "writes all reports as JSON lines; --open: without anything that could identify a person, for everyone",
       export_reports,
       {"--database"},
       {"--open"}},
      {"backup", "FILE", "copies the database, even while it serves", backup, {"--database"}, {}},
      {"publish",
       "FOLDER",
       "writes a static site of finished weeks, for everyone to see",
       publish_site,
       {"--database", "--clickhouse"},
       {}},
      {"delete", "CLIENT_ID", "deletes a client's reports, like a DELETE request", remove_client, {"--database"}, {}},
      {"forget",
       "--app X",
       "removes forged reports: [--version Y] [--day 2026-11-29]",
       forget,
       {"--database", "--app", "--version", "--day"},
       {}},
      {"expire",
       "[--yes]",
       "removes raw reports that are too old, however many",
       expire,
       {"--database", "--keep", "--clickhouse"},
       {"--yes"}},
      {"rebuild", "", "recomputes the figures from all raw reports", rebuild, {"--database"}, {}},
  };
  return all;
}

void print_usage(std::ostream& out) {
  out << "usage: usage-stats-collector COMMAND [--database usage.db] ...\n\n";
  for (const Command& command : commands()) {
    std::string form = std::string(command.name) + ' ' + command.form;
    form.resize(std::max<std::size_t>(form.size(), 22), ' ');
    out << "  " << form << command.help << '\n';
  }
  out << "\nserve:\n"
         "  --database FILE     where everything is kept (usage.db); created if missing\n"
         "  --host ADDRESS      where reports arrive (127.0.0.1), --port N (8080), --path PATH (/v1/usage)\n"
         "  --pages-host ADDRESS  where the pages are (127.0.0.1), --pages-port N (8081). A port of 0 is any free one\n"
         "  --keep DAYS         how long raw reports are kept (60d); figures stay\n"
         "  --only-described    refuse programs, fields and words that `describe add` has not added\n"
         "  --clickhouse URL    also sends everything to a ClickHouse server; the pages then show its figures\n"
         "  --verbose           a line for each report; never an address\n"
         "\nBoth ports speak plain HTTP: put a TLS proxy in front (docs/collector.md has examples).\n";
}

int run(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h" || name == "help") return print_usage(std::cout), 0;
  for (int i = 2; i < argc; ++i)
    if (std::string_view(argv[i]) == "--help") return print_usage(std::cout), 0;
  for (const Command& command : commands())
    if (name == command.name) return command.run(Arguments(argc - 2, argv + 2, command.with_value, command.flags));
  throw UsageError(name.empty() ? "which command?" : "unknown command " + std::string(name));
}

}  // namespace
}  // namespace collector

int main(int argc, char** argv) {
  ::umask(077);  // the database is nobody else's
  try {
    return collector::run(argc, argv);
  } catch (const collector::UsageError& error) {
    std::cerr << "usage-stats-collector: " << error.what() << " (see --help)\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "usage-stats-collector: " << error.what() << '\n';
    return 1;
  }
}
