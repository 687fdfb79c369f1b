// What is taken away: a client that wants to be forgotten, and what somebody forged.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "../base/sha256.hpp"
#include "outbox.hpp"
#include "store.hpp"

namespace collector {

std::string deletions_file(const std::string& database) { return database + ".deleted"; }

namespace {

/// On the disk when this returns.
void append_line(const std::string& file, const std::string& line) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string text = line + '\n';
  const bool good =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  if (!good) throw SqlError(SQLITE_IOERR, "cannot write " + file + ": " + why);
}

std::set<std::string> lines_of(const std::string& file) {
  std::set<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.size() == 64) lines.insert(line);
  return lines;
}

}  // namespace

/// A database that comes out of a backup has clients again that were deleted since: they go at once.
void Store::remember_deletions() {
  const std::set<std::string> deleted = lines_of(deletions_file(database_.file()));
  std::set<std::string> missing;
  for (const std::string& hash : deleted)
    if (!database_["SELECT 1 FROM tombstone WHERE hash = ?"](Blob{bytes_of_hex(hash)}).number()) missing.insert(hash);
  if (!missing.empty()) {
    std::vector<std::string> clients;
    Statement& keys = database_["SELECT key FROM client"]();
    while (keys.step()) {
      const std::string digits = hex_of(keys.bytes(0));
      if (missing.count(hex_of(hash_of_client(digits))) > 0) clients.push_back(digits);
    }
    Change change(*this);
    for (const std::string& digits : clients) remove_client(digits);
    for (const std::string& hash : missing)
      database_["INSERT OR IGNORE INTO tombstone VALUES(?)"](Blob{bytes_of_hex(hash)}).run();
    change.commit();
  }
  Statement& tombstones = database_["SELECT hash FROM tombstone"]();
  while (tombstones.step())
    if (const std::string hash = hex_of(tombstones.bytes(0)); deleted.count(hash) + missing.count(hash) == 0)
      append_line(deletions_file(database_.file()), hash);
}

void Store::bury(const std::string& hash) {
  database_["INSERT OR IGNORE INTO tombstone VALUES(?)"](Blob{hash}).run();
  // Before the commit: a wish too many in that file does no harm, one too few does.
  if (database_.changes() > 0) append_line(deletions_file(database_.file()), hex_of(hash));
}

std::int64_t Store::remove_client(std::string_view digits) {
  const std::string hash = hash_of_client(digits), key = bytes_of_hex(digits);
  bury(hash);
  Id witness = 0;
  std::memcpy(&witness, hash.data(), sizeof witness);
  database_["DELETE FROM witness WHERE key = ?"](witness).run();
  const auto client = database_["SELECT id FROM client WHERE key = ?"](Blob{key}).number();
  if (!client) return 0;

  write_figures();
  std::vector<Id> runs;
  Statement& theirs = database_["SELECT id FROM run WHERE client = ? ORDER BY id"](*client);
  while (theirs.step()) runs.push_back(theirs.integer(0));
  std::set<std::pair<Id, Id>> touched;  // app, series
  for (const Id run : runs) remove_run(run, true, &touched);
  std::vector<Presence> presences;
  Statement& days = database_["SELECT day, leaf FROM presence WHERE client = ?"](*client);
  while (days.step()) presences.push_back({*client, days.integer(0), days.integer(1)});
  cells_.unsee(presences);
  database_["DELETE FROM client WHERE id = ?"](*client).run();
  write_figures();
  drop_unused_terms({touched.begin(), touched.end()});
  loaded_ = false;  // terms and witnesses in memory are too many now
  return static_cast<std::int64_t>(runs.size());
}

/// Words that nobody's figures have any more: they may be what only this client has said.
void Store::drop_unused_terms(const std::vector<std::pair<Id, Id>>& series_of_apps) {
  for (const auto& [app, series] : series_of_apps) {
    bool used = false;
    for (const int ci : {0, 1})
      used = used || database_["SELECT 1 FROM cell WHERE slice = ? AND series = ? LIMIT 1"](
                         terms_.slice({app, 0, 0, 0, ci}), series)
                         .number();
    if (used) continue;
    database_["DELETE FROM term WHERE id = ?"](series).run();
    database_["DELETE FROM witness WHERE term = ?"](series).run();
    database_["DELETE FROM slice WHERE ?1 IN (version, os, command)"](series).run();
  }
}

/// The slices of all that a program, or a version of it, has ever reported.
std::vector<Id> Store::slices_of_version(Id app, Id version) {
  std::vector<Id> slices;
  Statement& found = version == 0 ? database_["SELECT id FROM slice WHERE app = ?"](app)
                                  : database_["SELECT id FROM slice WHERE app = ? AND version = ?"](app, version);
  while (found.step()) slices.push_back(found.integer(0));
  return slices;
}

/// Removes the cells of these slices, and takes the same from the slices of all versions if `from_all`. Returns how
/// many runs that were. Distinct numbers cannot be subtracted like that: presence is taken away before.
std::int64_t Store::subtract(const std::vector<Id>& slices, bool from_all, std::optional<Day> day) {
  std::int64_t runs = 0;
  for (const Id slice : slices) {
    const Leaf leaf = terms_.leaf(slice);
    const Id whole = terms_.slice({leaf.app, 0, leaf.os, leaf.command, leaf.ci});
    const auto days_series = terms_.series(leaf.app, Metric::active, "day", {});
    Statement& found = database_
        ["SELECT series, day, bins, metric FROM cell JOIN term ON term.id = series "
         "WHERE slice = ?1 AND day >= ?2 AND day <= ?3"](slice, day.value_or(INT64_MIN), day.value_or(INT64_MAX));
    while (found.step()) {
      const Id series = found.integer(0);
      const auto metric = static_cast<Metric>(found.integer(3));
      const bool distinct = metric == Metric::active;
      if (distinct && day && days_series != series) continue;
      for (const auto& [bin, n] : unpacked_bins(found.bytes(2))) {
        if (metric == Metric::runs && leaf.os == 0 && leaf.command == 0 && (leaf.version != 0) == from_all) runs += n;
        cells_.add(slice, series, found.integer(1), bin, -n);
        if (from_all && !distinct) cells_.add(whole, series, found.integer(1), bin, -n);
      }
    }
  }
  return runs;
}

std::int64_t Store::forget(const std::string& name, const std::optional<std::string>& version, std::optional<Day> day) {
  write_figures();
  put_forgotten(database_, name, version, day);
  const auto id_of = [this](Id app, Metric metric, const std::string& value) {
    return database_["SELECT id FROM term WHERE app = ? AND metric = ? AND name = '' AND value = ?"](
               app, static_cast<int>(metric), value)
        .number();
  };
  const auto app = id_of(0, Metric::app, name);
  const auto of_version = app && version ? id_of(*app, Metric::version, *version) : std::optional<Id>(0);
  if (!app || !of_version) return 0;

  const std::vector<Id> slices = slices_of_version(*app, *of_version);
  const std::set<Id> wanted(slices.begin(), slices.end());
  std::vector<Id> runs;
  std::vector<Presence> presences;
  Statement& all = database_["SELECT id, leaf FROM run WHERE day >= ? AND day <= ?"](day.value_or(INT64_MIN),
                                                                                     day.value_or(INT64_MAX));
  while (all.step())
    if (wanted.count(all.integer(1)) > 0) runs.push_back(all.integer(0));
  Statement& seen = database_["SELECT client, day, leaf FROM presence WHERE day >= ? AND day <= ?"](
      day.value_or(INT64_MIN), day.value_or(INT64_MAX));
  while (seen.step())
    if (wanted.count(seen.integer(2)) > 0) presences.push_back({seen.integer(0), seen.integer(1), seen.integer(2)});

  for (const Id run : runs) {
    put_gone(database_, run);
    remove_run(run, false);
  }
  cells_.unsee(presences);
  write_figures();
  const std::int64_t count = subtract(slices, *of_version != 0, day);
  write_figures();
  return count;
}

}  // namespace collector
