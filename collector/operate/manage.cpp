// What the owner does by hand, even while the collector serves: every change is a transaction.
#include <filesystem>
#include <iostream>
#include <iterator>
#include <fstream>
#include <thread>

#include "../base/pace.hpp"
#include "../cluster/forwarder.hpp"
#include "../store/dictionary.hpp"
#include "../store/store.hpp"
#include "commands.hpp"

namespace collector {
namespace {

Store store_of(const Arguments& arguments) { return {arguments.text("--database", default_database), false}; }

/// While the piece says that there is more. Between the pieces a collector that serves gets its turn.
template <class Piece>
void in_pieces(Store& store, const Piece& piece) {
  Pace pace(25, 2000);
  for (bool more = true; more;) {
    const auto began = Pace::Clock::now();
    Store::Change change(store);
    more = piece(pace.size());
    change.commit();
    const auto time = Pace::Clock::now() - began;
    pace.took(time);
    std::this_thread::sleep_for(std::min<Pace::Clock::duration>(time, Pace::aim));
  }
}

std::string contents_of(const std::string& name) {
  std::ifstream file;
  if (name != "-") file.open(name);
  std::istream& in = name == "-" ? std::cin : file;
  if (!in) throw Problem("cannot open " + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int remove_client(const Arguments& arguments) {
  if (arguments.words().size() != 1 || !is_client_id(arguments.words()[0]))
    throw UsageError("delete takes a client id, 32 or 64 lower case hexadecimal digits");
  Store store = store_of(arguments);
  Store::Change change(store);
  const std::int64_t count = store.remove_client(arguments.words()[0]);
  change.commit();
  std::cout << count << " reports deleted\n";
  return 0;
}

int forget(const Arguments& arguments) {
  const auto app = arguments.text("--app"), version = arguments.text("--version"), date = arguments.text("--day");
  if (!app || !arguments.words().empty()) throw UsageError("forget needs --app");
  const auto day = date ? parse_day(*date) : std::nullopt;
  if (date && (!day || date->size() != 10)) throw UsageError("--day takes a date like 2026-11-29");
  Store store = store_of(arguments);
  {
    Store::Change change(store);
    store.forget(*app, version, day);
    change.commit();
  }
  std::int64_t count = 0;
  in_pieces(store, [&](int most) {
    const auto gone = store.forget_some(most);
    count += gone.value_or(0);
    return gone.has_value();
  });
  std::cout << count << " runs forgotten\n";
  return 0;
}

int describe(const Arguments& arguments) {
  if (arguments.words().size() != 2 || arguments.words()[0] != "add")
    throw UsageError("describe add takes a file, or - for standard input");
  const std::string text = contents_of(arguments.words()[1]);
  Database database = open_database(arguments.text("--database", default_database), true);
  std::cout << "knows what " << printable(teach(database, text)) << " declares\n";
  return 0;
}

int expire(const Arguments& arguments) {
  if (!arguments.words().empty()) throw UsageError("expire takes options only");
  const int keep = arguments.days("--keep", 60);
  const Day first_kept = today() - keep;
  if (const auto cluster = arguments.text("--clickhouse"); cluster && arguments.has("--yes"))
    Courier(arguments.text("--database", default_database), *cluster, {}).retire(first_kept, true);
  Store store = store_of(arguments);
  const std::vector<Day> days = store.expired_days(first_kept);
  if (days.empty()) return std::cout << "nothing is older than " << keep << " days\n", 0;
  const std::string which = std::to_string(days.size()) + " days, " + text_of(days.front()) + " to " +
                            text_of(days.back()) + ", are older than " + std::to_string(keep) + " days";
  if (!arguments.has("--yes")) {
    std::cout << "reports of " << which << ": --yes removes them, their figures stay\n";
    return 1;
  }
  in_pieces(store, [&](int most) { return store.expire_reports(first_kept, most); });
  Id after = 0;
  in_pieces(store, [&](int most) { return (after = store.expire_clients(first_kept, after, most)) != 0; });
  while (store.shrink(1000)) {
  }
  if (const auto left = store.expired_days(first_kept); !left.empty()) {
    std::cout << "reports of " << left.size() << " days are kept until the cluster has them\n";
    return 1;
  }
  std::cout << "removed the reports of " << which << '\n';
  return 0;
}

int rebuild(const Arguments& arguments) {
  Store store = store_of(arguments);
  Id after = 0;
  in_pieces(store, [&](int most) { return (after = store.rebuild(after, most)) != 0; });
  return 0;
}

int check(const Arguments& arguments) {
  const std::string file = arguments.text("--database", default_database);
  Database database = open_for_reading(file);
  std::vector<std::string> problems;
  const std::string found = [&] {
    Statement statement = database.prepare("PRAGMA quick_check(1)");
    statement().step();
    return statement.text(0);
  }();
  if (found != "ok") problems.push_back("the database is damaged: " + found);
  const auto number = [&](const char* sql) { return database[sql]().number().value_or(0); };
  const Day first_kept = today() - arguments.days("--keep", 60);
  if (const auto days = database["SELECT COUNT(DISTINCT day) FROM visit WHERE day < ?"](first_kept - 1).number();
      *days > 0)
    problems.push_back("reports of " + std::to_string(*days) + " days are older than they should be (see expire)");
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::absolute(file).parent_path(), error);
  if (!error && space.available < 100 * 1024 * 1024) problems.push_back("less than 100 MB are left on its disk");
  if (is_forwarding(database) && unforwarded(database) > 100000)
    problems.push_back(std::to_string(unforwarded(database)) + " reports wait for the cluster");
  for (const std::string& problem : problems) std::cout << "problem: " << problem << '\n';
  // Visits are few bytes each; the newest runs have none yet.
  const std::int64_t reports = number(
      "SELECT (SELECT COUNT(*) FROM visit) + (SELECT COUNT(*) FROM run WHERE id > (SELECT value FROM meta WHERE name = "
      "'aggregated_through'))");
  const std::int64_t last = number(
      "SELECT MAX(day) FROM (SELECT MAX(day) AS day FROM visit UNION ALL SELECT day FROM run WHERE id > (SELECT value "
      "FROM meta WHERE name = 'aggregated_through'))");
  std::cout << reports << " reports" << (reports > 0 ? ", the last arrived on " + text_of(last) : "") << ", "
            << number("SELECT COUNT(*) FROM client") << " installations, " << number("SELECT COUNT(*) FROM tombstone")
            << " deleted\n";
  return problems.empty() ? 0 : 1;
}

}  // namespace collector
