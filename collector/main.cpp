// usage-stats-collector: a place for the reports of usage_stats (docs/collector.md).
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
       "takes reports and shows pages until it gets SIGTERM",
       serve,
       {"--database", "--host", "--port", "--path", "--pages-host", "--pages-port", "--keep", "--clickhouse"},
       {"--only-described", "--verbose"}},
      {"check", "", "is all well? exit code 0 or 1, for a monitor", check, {"--database", "--keep"}, {}},
      {"describe",
       "add FILE",
       "teaches it a program: mytool usage-stats describe --json | ... describe add -",
       describe,
       {"--database"},
       {}},
      {"import", "FILE", "takes reports from JSON lines", import_reports, {"--database"}, {}},
      {"export",
       "[--open] [FILE]",
       "gives all reports as JSON lines; --open: without what could tell of a person, for everyone",
       export_reports,
       {"--database"},
       {"--open"}},
      {"backup", "FILE", "a copy of the database, also while it serves", backup, {"--database"}, {}},
      {"publish",
       "FOLDER",
       "writes a static site of finished weeks, for everyone to see",
       publish_site,
       {"--database", "--clickhouse"},
       {}},
      {"delete", "CLIENT_ID", "forgets a client, as DELETE does", remove_client, {"--database"}, {}},
      {"forget",
       "--app X",
       "takes away what somebody forged: [--version Y] [--day 2026-11-29]",
       forget,
       {"--database", "--app", "--version", "--day"},
       {}},
      {"expire",
       "[--yes]",
       "removes raw reports that are too old, however many",
       expire,
       {"--database", "--keep", "--clickhouse"},
       {"--yes"}},
      {"rebuild", "", "makes the figures of all raw reports anew", rebuild, {"--database"}, {}},
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
         "  --database FILE     where everything is kept (usage.db); made if it is not there\n"
         "  --host ADDRESS      where reports arrive (127.0.0.1), --port N (8080), --path PATH (/v1/usage)\n"
         "  --pages-host ADDRESS  where the pages are (127.0.0.1), --pages-port N (8081). A port of 0 is any free one\n"
         "  --keep DAYS         how long raw reports are kept (60d); figures stay\n"
         "  --only-described    refuse programs, fields and words that `describe add` has not taught it\n"
         "  --clickhouse URL    also brings all to a ClickHouse server, whose figures pages then show\n"
         "  --verbose           a line for each report; never an address\n"
         "\nBoth ports speak plain HTTP: put a proxy in front that does TLS (docs/collector.md has one).\n";
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
    std::cerr << "usage-stats-collector: " << error.what() << " (--help tells more)\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "usage-stats-collector: " << error.what() << '\n';
    return 1;
  }
}
