// A client that wants to be forgotten.
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
  Statement& theirs = database_
      ["SELECT run FROM visit WHERE client = ?1 AND day IN (SELECT day FROM presence WHERE client = ?1) ORDER BY run"](
          *client);
  while (theirs.step()) runs.push_back(theirs.integer(0));
  std::set<std::pair<Id, Id>> touched;  // app, series
  remove_runs(runs, true, &touched);
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
    for (const int ci : {0, 1}) {
      Statement& cells = database_
          ["SELECT 1 FROM cell WHERE slice = ?1 AND series = ?2 UNION ALL "
           "SELECT 1 FROM fresh WHERE slice = ?1 AND series = ?2 LIMIT 1"];
      used = used || cells(terms_.slice({app, 0, 0, 0, ci}), series).number();
    }
    if (used) continue;
    database_["DELETE FROM term WHERE id = ?"](series).run();
    database_["DELETE FROM witness WHERE term = ?"](series).run();
    database_["DELETE FROM slice WHERE ?1 IN (version, os, command)"](series).run();
  }
}

}  // namespace collector
