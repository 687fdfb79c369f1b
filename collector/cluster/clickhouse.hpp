#pragma once
// A ClickHouse server over HTTP, and the tables that collectors share there.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace httplib {
class Client;
}

namespace collector {

using Rows = std::vector<std::vector<std::string>>;

/// For one thread. All functions throw Problem if the server does not do what it was asked.
class ClickHouse {
 public:
  /// http://[USER[:PASSWORD]@]HOST[:8123][/DATABASE]. Otherwise the password is that of the environment's
  /// CLICKHOUSE_PASSWORD, the user "default" and the database "usage_stats". Nothing is sent yet. Throws Problem.
  explicit ClickHouse(const std::string& url);
  ~ClickHouse();

  void execute(const std::string& statement);
  Rows query(const std::string& select);
  /// `lines`: made by tsv(), one a row.
  void insert(const std::string& table_and_columns, const std::string& lines);
  /// Changes the rows of a table by ALTER TABLE ... DELETE, and returns when they are gone.
  void remove(const std::string& table, const std::string& condition);

  /// Creates the database and the tables if they are missing.
  void make_tables();
  /// HOST:PORT, for people.
  const std::string& name() const { return name_; }

 private:
  std::string send(const std::string& target, const std::string& body, const std::string& type);

  std::string name_, user_ = "default", password_, database_ = "usage_stats";
  std::unique_ptr<httplib::Client> client_;
};

/// A string literal.
std::string sql_literal(std::string_view text);

/// A row of TabSeparated.
class TsvLine {
 public:
  template <class... Values>
  explicit TsvLine(const Values&... values) {
    (add(values), ...);
    text_ += '\n';
  }
  const std::string& text() const { return text_; }

 private:
  void add(std::string_view text);
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const char* text) { add(std::string_view(text)); }
  void add(std::int64_t number) { add_raw(std::to_string(number)); }
  void add(int number) { add(std::int64_t{number}); }
  void add(std::uint64_t number) { add_raw(std::to_string(number)); }
  template <class T>
  void add(const std::vector<T>& list) {
    std::string text = "[";
    for (const T& item : list) {
      if (text.size() > 1) text += ',';
      if constexpr (std::is_same_v<T, std::string>)
        text += sql_literal(item);
      else
        text += std::to_string(item);
    }
    add_raw(text + ']');
  }
  void add_raw(const std::string& text) {
    if (!first_) text_ += '\t';
    first_ = false;
    text_ += text;
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace collector
