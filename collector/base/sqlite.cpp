#include "sqlite.hpp"

namespace collector {

Statement::Statement(sqlite3* database, std::string_view sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr));
  statement_.reset(statement);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  reset();
  if (code != SQLITE_DONE) check(code);
  return false;
}

void Statement::bind(int place, std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), place, value)); }
void Statement::bind(int place, std::nullopt_t) { check(sqlite3_bind_null(statement_.get(), place)); }
void Statement::bind(int place, std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), place, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
}
void Statement::bind(int place, const Blob& value) {
  check(sqlite3_bind_blob(statement_.get(), place, value.bytes.data(), static_cast<int>(value.bytes.size()),
                          SQLITE_TRANSIENT));
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) throw SqlError(code, sqlite3_errmsg(database_));
}

Database::Database(const std::string& file, Mode mode) : file_(file) {
  const int flags = mode == Mode::read    ? SQLITE_OPEN_READONLY
                    : mode == Mode::write ? SQLITE_OPEN_READWRITE
                                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) throw SqlError(code, "cannot open " + file + ": " + sqlite3_errmsg(handle));
  sqlite3_busy_timeout(handle, 5000);
}

void Database::execute(const std::string& sql) {
  char* message = nullptr;
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, &message);
  const std::string what = message == nullptr ? "" : message;
  sqlite3_free(message);
  if (code != SQLITE_OK) throw SqlError(code, what);
}

Statement& Database::operator[](const char* sql) {
  const auto found = kept_.find(sql);
  return found != kept_.end() ? found->second : kept_.emplace(sql, Statement(handle_.get(), sql)).first->second;
}

}  // namespace collector
