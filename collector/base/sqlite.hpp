#pragma once
// SQLite's C API as scopes and types: a connection, a prepared statement, a transaction.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace collector {

/// What SQLite refused to do. `code` is SQLite's primary result code.
struct SqlError : std::runtime_error {
  SqlError(int result, const std::string& what) : std::runtime_error(what), code(result & 0xff) {}
  int code;
};

/// Bytes that are bound as a BLOB.
struct Blob {
  std::string_view bytes;
};

class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);

  /// Restarts with these values: int64, double, text, Blob or nothing (std::nullopt).
  template <class... Values>
  Statement& operator()(const Values&... values) {
    reset();
    int place = 0;
    (bind(++place, values), ...);
    return *this;
  }
  /// Whether there is a next row. A statement that is left in the middle of its rows must be reset.
  bool step();
  /// For statements that have no rows.
  void run() {
    while (step()) {
    }
  }
  void reset() noexcept { sqlite3_reset(statement_.get()); }

  /// The first column of the only row; nothing if there is no row, or NULL in it: the MAX of an empty table is no 0.
  std::optional<std::int64_t> number() {
    std::optional<std::int64_t> result;
    if (step() && !is_null(0)) result = integer(0);
    reset();
    return result;
  }

  bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  /// Text or bytes; valid until the next step.
  std::string_view bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }
  std::string text(int column) const { return std::string(bytes(column)); }

 private:
  void bind(int place, std::int64_t value);
  void bind(int place, int value) { bind(place, std::int64_t{value}); }
  void bind(int place, std::string_view value);
  void bind(int place, const std::string& value) { bind(place, std::string_view(value)); }
  void bind(int place, const char* value) { bind(place, std::string_view(value)); }
  void bind(int place, const Blob& value);
  void bind(int place, std::nullopt_t);
  template <class T>
  void bind(int place, const std::optional<T>& value) {
    value ? bind(place, *value) : bind(place, std::nullopt);
  }
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A connection. Not for two threads at a time.
class Database {
 public:
  enum class Mode { read, write, create };
  Database(const std::string& file, Mode mode);

  void execute(const std::string& sql);
  /// A statement that is prepared once and kept; `sql` must be a literal.
  Statement& operator[](const char* sql);
  /// A statement to be used once.
  Statement prepare(std::string_view sql) const { return {handle_.get(), sql}; }
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  sqlite3* handle() const { return handle_.get(); }
  const std::string& file() const { return file_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  std::string file_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, Statement> kept_;
};

}  // namespace collector
