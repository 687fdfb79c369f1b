#include "clickhouse.hpp"

#include <httplib.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "../base/sha256.hpp"
#include "../ingest/report_v1.hpp"
#include "../pages/markup.hpp"
#include "../store/schema.hpp"

namespace collector {
namespace {

// - run: of each session the report with the highest sequence holds, whoever sent it and however often. Its facts are
// in
//   arrays, so that they are replaced together. `client` is the beginning of the id's SHA-256, 0 for none.
// - presence, witness: as in SQLite (store/schema.cpp), by name.
// - cell, active: what runs and presences that are no longer kept have left: facts of a day, and distinct installations
//   of a period that were last there on the day `kept` (in `mask`, 1, 2 and 4 are version, os and command). They count
//   below the horizon, the others from it on, so that none is counted twice. The same made twice is there once.
//   `origin`: of figures that a collector had before it joined, which.
// - horizon: the first day that is kept, of runs (kind 0) and presences (1).
// - tombstone: SHA-256 of deleted ids, for the other collectors.
constexpr const char* tables[] = {
    "run(app String, session FixedString(16), sequence UInt64, day Int32, kept Int32, client UInt64, version String, "
    "os String, command String, ci UInt8, metrics Array(UInt8), names Array(String), values Array(String), "
    "bins Array(Int32), counts Array(Int64)) ENGINE = ReplacingMergeTree(sequence) ORDER BY (app, session)",
    "presence(app String, client UInt64, day Int32, kept Int32, week Int32, month Int32, version String, os String, "
    "command String, ci UInt8) ENGINE = ReplacingMergeTree ORDER BY (app, client, day, version, os, command, ci)",
    "witness(app String, metric UInt8, name String, value String, client UInt64) ENGINE = ReplacingMergeTree "
    "ORDER BY (app, metric, name, value, client)",
    "cell(app String, metric UInt8, name String, value String, day Int32, kept Int32, version String, os String, "
    "command String, ci UInt8, bin Int32, origin String, n UInt64) ENGINE = ReplacingMergeTree(n) "
    "ORDER BY (app, metric, name, value, day, kept, version, os, command, ci, bin, origin)",
    "active(app String, period UInt8, start Int32, mask UInt8, ci UInt8, version String, os String, command String, "
    "kept Int32, origin String, n UInt64) ENGINE = ReplacingMergeTree(n) "
    "ORDER BY (app, period, start, mask, ci, version, os, command, kept, origin)",
    "horizon(kind UInt8, day Int32) ENGINE = ReplacingMergeTree ORDER BY (kind, day)",
    "tombstone(hash String, at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY hash",
};

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || ++i == text.size()) {
      if (i < text.size()) result += text[i];
      continue;
    }
    constexpr std::string_view codes = "bfnrt0a", meant("\b\f\n\r\t\0\a", 7);
    const std::size_t place = codes.find(text[i]);
    result += place == std::string_view::npos ? text[i] : meant[place];
  }
  return result;
}

/// For TabSeparated and for literals: printable ASCII, whatever the bytes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c < ' ' || c > '~')
      result += "\\x" + hex_of({&c, 1});
    else
      result += c == '\\' || c == '\'' ? std::string{'\\', c} : std::string(1, c);
  }
  return result;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(unescaped(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::string before(std::string& rest, const std::string& separator) {
  const std::size_t at = rest.find(separator);
  if (at == std::string::npos) return {};
  std::string part = rest.substr(0, at);
  rest.erase(0, at + separator.size());
  return part;
}

}  // namespace

std::string sql_literal(std::string_view text) { return "'" + escaped(text) + "'"; }

void TsvLine::add(std::string_view text) { add_raw(escaped(text)); }

ClickHouse::ClickHouse(const std::string& url) {
  std::string rest = url;
  const std::string scheme = before(rest, "://");
  if (scheme != "http" && scheme != "https") throw Problem("--clickhouse takes an address like http://127.0.0.1:8123");
  if (const char* const password = std::getenv("CLICKHOUSE_PASSWORD")) password_ = password;
  if (std::string user = before(rest, "@"); !user.empty()) {
    const bool has_password = user.find(':') != std::string::npos;
    user_ = percent_decode(has_password ? before(user, ":") : user);
    if (has_password) password_ = percent_decode(user);
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string::npos && slash + 1 < rest.size()) database_ = rest.substr(slash + 1);
  name_ = rest.substr(0, slash);
  if (name_.find(':') == std::string::npos) name_ += ":8123";
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  if (name_[0] == ':' || database_.find_first_not_of(letters) != std::string::npos)
    throw Problem(
        "--clickhouse: no host, or a database whose name contains characters other than letters, digits and _");
  client_ = std::make_unique<httplib::Client>(scheme + "://" + name_);
  if (!client_->is_valid()) throw Problem("--clickhouse: cannot use the address " + name_);
  client_->set_keep_alive(true);
  client_->set_tcp_nodelay(true);
  client_->set_connection_timeout(5);
  client_->set_read_timeout(300);  // a mutation, or the night's sums
}

ClickHouse::~ClickHouse() = default;

std::string ClickHouse::send(const std::string& target, const std::string& body, const std::string& type) {
  // The status is that of the whole answer, as nothing of it is sent before its end.
  const auto result = client_->Post("/?wait_end_of_query=1" + target,
                                    {{"X-ClickHouse-User", user_}, {"X-ClickHouse-Key", password_}}, body, type);
  if (!result) throw Problem("ClickHouse at " + name_ + " does not answer");
  if (result->status != 200)
    throw Problem("ClickHouse at " + name_ + ": " + printable(result->body.substr(0, result->body.find('\n')), 300));
  return result->body;
}

void ClickHouse::execute(const std::string& statement) { send("&database=" + database_, statement, "text/plain"); }

Rows ClickHouse::query(const std::string& select) {
  const std::string text = send("&database=" + database_, select + " FORMAT TabSeparated", "text/plain");
  Rows rows;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    rows.push_back(parts_of(std::string_view(text).substr(begin, end - begin), '\t'));
  return rows;
}

void ClickHouse::insert(const std::string& table_and_columns, const std::string& lines) {
  if (lines.empty()) return;
  send("&database=" + database_ +
           "&query=" + percent_encode("INSERT INTO " + table_and_columns + " FORMAT TabSeparated"),
       lines, "text/tab-separated-values");
}

void ClickHouse::remove(const std::string& table, const std::string& condition) {
  execute("ALTER TABLE " + table + " DELETE WHERE " + condition);
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  for (int pause = 10; query("SELECT count() FROM system.mutations WHERE database = currentDatabase() AND table = " +
                             sql_literal(table) + " AND is_done = 0")[0][0] != "0";
       pause = std::min(pause * 2, 1000)) {
    if (std::chrono::steady_clock::now() > end)
      throw Problem("ClickHouse at " + name_ + " takes longer than five minutes to delete");
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  }
}

void ClickHouse::make_tables() {
  send("", "CREATE DATABASE IF NOT EXISTS " + database_, "text/plain");
  for (const char* const table : tables) execute(std::string("CREATE TABLE IF NOT EXISTS ") + table);
}

}  // namespace collector
