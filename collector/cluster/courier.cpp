#include <algorithm>
#include <cstring>

#include "../base/sha256.hpp"
#include "forwarder.hpp"

namespace collector {
namespace {

constexpr int rows_in_a_block = 1000;
constexpr std::size_t most_remembered = 100000;

/// What the cluster knows of an id: the first bytes of its hash; 0 for none.
std::uint64_t client_number(const std::string& hash) {
  std::uint64_t number = 0;
  if (hash.size() >= sizeof number) std::memcpy(&number, hash.data(), sizeof number);
  return number;
}

std::string text(std::int64_t number) { return std::to_string(number); }

}  // namespace

Courier::Courier(const std::string& file, const std::string& url, Perform perform)
    : database_(open_for_reading(file)), server_(url), perform_(std::move(perform)) {}

void Courier::begin() {
  server_.make_tables();
  if (!is_forwarding(database_) && !perform_([](Store& store) { start_forwarding(store.database()); }))
    throw Problem("the database cannot be changed");
  send_history();
}

const NamedLeaf& Courier::leaf(Id slice) {
  if (leaves_.size() > most_remembered) leaves_.clear();
  const auto found = leaves_.find(slice);
  return found != leaves_.end() ? found->second : leaves_.emplace(slice, leaf_of(database_, slice)).first->second;
}

const Named& Courier::term(Id id) {
  if (terms_.size() > most_remembered) terms_.clear();
  const auto found = terms_.find(id);
  return found != terms_.end() ? found->second : terms_.emplace(id, term_of(database_, id)).first->second;
}

/// The day from which on the cluster keeps it: that of its arrival, or today where that may be over for the cluster.
Day Courier::kept_day(Day arrival) const { return arrival >= horizon_ + 2 ? arrival : today(); }

bool Courier::forward() {
  horizon_ = std::stoll(server_.query("SELECT toInt32(max(day)) FROM horizon")[0][0]);
  Outgoing outgoing;
  Lines lines;
  database_.execute("BEGIN");  // all of one moment, and over before the server has a say in how long it takes
  try {
    outgoing = take_outgoing(database_, rows_in_a_block);
    lines = lines_of(outgoing);
    database_.execute("COMMIT");
  } catch (...) {
    if (database_.in_transaction()) database_.execute("ROLLBACK");
    throw;
  }
  if (outgoing.empty()) return false;
  remove(outgoing);
  server_.insert("witness", lines.witnesses);
  server_.insert("presence", lines.presences);
  server_.insert("run", lines.runs);
  if (!perform_([&](Store& store) { mark_forwarded(store.database(), outgoing); }))
    throw Problem("the database cannot be changed");
  return outgoing.more;
}

void Courier::remove_rows(const std::vector<const char*>& tables, const char* column,
                          const std::vector<std::string>& values) {
  constexpr std::size_t in_a_statement = 2000;  // of at most 256 KiB
  for (std::size_t begin = 0; begin < values.size(); begin += in_a_statement) {
    std::string list;
    for (std::size_t i = begin; i < std::min(begin + in_a_statement, values.size()); ++i)
      list += (list.empty() ? "" : ", ") + values[i];
    for (const char* const table : tables) server_.remove(table, std::string(column) + " IN (" + list + ")");
  }
}

void Courier::remove(const Outgoing& outgoing) {
  std::vector<std::string> clients, sessions;
  std::string hashes;
  for (const std::string& hash : outgoing.removed) {
    clients.push_back(std::to_string(client_number(hash)));
    hashes += TsvLine(hex_of(hash)).text();
  }
  for (const std::string& session : outgoing.gone) sessions.push_back(sql_literal(session));
  server_.insert("tombstone(hash)", hashes);
  remove_rows({"run", "presence", "witness"}, "client", clients);
  remove_rows({"run"}, "session", sessions);
  for (const Outgoing::Forgotten& what : outgoing.forgotten) {
    std::string runs = "app = " + sql_literal(what.app);
    if (what.version) runs += " AND version = " + sql_literal(*what.version);
    // Without what was replaced, which would stand in its place again.
    server_.execute("OPTIMIZE TABLE run FINAL");
    const std::string of_day = what.day ? " AND day = " + text(*what.day) : "";
    for (const char* const table : {"run", "presence", "cell"}) server_.remove(table, runs + of_day);
    // Distinct numbers of longer than a day cannot be taken apart.
    server_.remove("active", what.day ? runs + " AND period = 0 AND start = " + text(*what.day) : runs);
  }
}

Courier::Lines Courier::lines_of(const Outgoing& outgoing) {
  std::string witnesses, presences, runs;
  for (const Outgoing::Witness& witness : outgoing.witnesses) {
    const Named& word = term(witness.term);
    witnesses +=
        TsvLine(word.app, static_cast<int>(word.metric), word.name, word.value, static_cast<std::uint64_t>(witness.key))
            .text();
  }
  for (const Outgoing::Presence& seen : outgoing.presences) {
    const NamedLeaf& of = leaf(seen.leaf);
    presences +=
        TsvLine(of.app, client_number(seen.client_hash), seen.day, kept_day(seen.day), begin_of(Period::week, seen.day),
                begin_of(Period::month, seen.day), of.version, of.os, of.command, of.ci ? 1 : 0)
            .text();
  }
  for (const Outgoing::Run& run : outgoing.runs) {
    std::vector<std::int64_t> metrics, bins, counts;
    std::vector<std::string> names, values;
    for (const CountedFact& fact : run.facts) {
      const Named& word = term(fact.series);
      metrics.push_back(static_cast<int>(word.metric));
      names.push_back(word.name);
      values.push_back(word.value);
      bins.push_back(fact.bin);
      counts.push_back(fact.n);
    }
    const NamedLeaf& of = leaf(run.leaf);
    runs += TsvLine(of.app, run.session, run.sequence, run.day, kept_day(run.day), client_number(run.client_hash),
                    of.version, of.os, of.command, of.ci ? 1 : 0, metrics, names, values, bins, counts)
                .text();
  }
  return {std::move(witnesses), std::move(presences), std::move(runs)};
}

std::size_t Courier::take_deletions() {
  // All of them at first, and then what is new since the last answer, with some time for clocks that differ.
  const std::string now = server_.query("SELECT toUInt32(now())").at(0).at(0);
  const std::string since = deletions_until_.empty() ? "" : " WHERE toUInt32(at) > " + deletions_until_ + " - 3600";
  std::set<std::string> missing;
  for (const auto& row : server_.query("SELECT DISTINCT hash FROM tombstone" + since))
    if (!database_["SELECT 1 FROM tombstone WHERE hash = ?"](Blob{bytes_of_hex(row[0])}).number())
      missing.insert(row[0]);
  const auto change = [&](const std::function<void(Store&)>& work) {
    if (!perform_(work)) throw Problem("the database cannot be changed");
  };
  std::vector<std::string> here;  // those of whom there are reports
  Statement& keys = database_["SELECT key FROM client"]();
  while (!missing.empty() && keys.step())
    if (const std::string digits = hex_of(keys.bytes(0)); missing.count(hex_of(hash_of_client(digits))) > 0)
      here.push_back(digits);
  // Each with its tombstone: what fails in between is missing the next time.
  for (const std::string& digits : here) change([&](Store& store) { store.remove_client(digits); });
  for (auto next = missing.begin(); next != missing.end();)
    change([&](Store& store) {  // reports wait meanwhile
      for (int n = 0; n < 50 && next != missing.end(); ++n, ++next) store.bury(bytes_of_hex(*next));
    });
  deletions_until_ = now;
  return here.size();
}

std::vector<Day> Courier::expired(const std::string& table, Day first_kept) {
  std::vector<Day> days;
  for (const auto& row :
       server_.query("SELECT DISTINCT kept FROM " + table + " WHERE kept < " + text(first_kept) + " ORDER BY kept"))
    days.push_back(std::stoll(row[0]));
  return days;
}

bool Courier::is_forgetting() { return database_["SELECT 1 FROM forged LIMIT 1"]().number().has_value(); }

std::int64_t Courier::retire(Day first_kept, bool any_number) {
  if (is_forgetting())
    throw Problem("what forget has begun is not done yet: nothing can expire in the cluster until then");
  constexpr std::size_t most_days_at_once = 2;
  const std::vector<Day> runs = expired("run", first_kept),
                         presences = expired("presence", std::min(first_kept, last_day_of_presence()));
  if (runs.size() > most_days_at_once && !any_number) return static_cast<std::int64_t>(runs.size());
  for (const Day kept : runs) retire_runs(kept);
  for (const Day kept : presences) retire_presences(kept);
  return 0;
}

void Courier::retire_runs(Day kept) {
  const std::string is_it = "kept = " + text(kept);
  // Without what was replaced, which would stand in their place when they are gone.
  server_.execute("OPTIMIZE TABLE run FINAL");
  server_.execute(
      "INSERT INTO cell(app, metric, name, value, day, kept, version, os, command, ci, bin, origin, n) "
      "SELECT app, metric, name, value, day, kept, version, os, command, ci, bin, '', toUInt64(sum(n)) FROM "
      "(SELECT app, day, kept, version, os, command, ci, metrics, names, values, bins, counts FROM run FINAL WHERE " +
      is_it +
      ") ARRAY JOIN metrics AS metric, names AS name, values AS value, bins AS bin, counts AS n "
      "GROUP BY app, metric, name, value, day, kept, version, os, command, ci, bin");
  server_.insert("horizon", TsvLine(0, kept + 1).text());
  server_.remove("run", "kept <= " + text(kept));
}

/// Each installation counts where it was last there.
void Courier::retire_presences(Day kept) {
  server_.execute(
      "INSERT INTO active(app, period, start, mask, ci, version, os, command, kept, origin, n) "
      "SELECT app, period, start, mask, either, v, o, c, last, '', toUInt64(count()) FROM ("
      "SELECT app, client, combination % 3 AS period, multiIf(period = 0, day, period = 1, week, month) AS start, "
      "intDiv(combination, 3) % 8 AS mask, if(combination >= 24, 2, ci) AS either, "
      "if(bitAnd(mask, 1) != 0, version, '') AS v, if(bitAnd(mask, 2) != 0, os, '') AS o, "
      "if(bitAnd(mask, 4) != 0, command, '') AS c, max(kept) AS last FROM presence ARRAY JOIN range(48) AS combination "
      "WHERE client IN (SELECT client FROM presence WHERE kept = " +
      text(kept) +
      ") "
      "GROUP BY app, client, period, start, mask, either, v, o, c) WHERE last = " +
      text(kept) + " GROUP BY app, period, start, mask, either, v, o, c, last");
  server_.insert("horizon", TsvLine(1, kept + 1).text());
  server_.remove("presence", "kept <= " + text(kept));
}

}  // namespace collector
