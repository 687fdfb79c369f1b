#pragma once
// JSON written as it comes, member by member, where the shape is known: no tree, no copies, the same bytes as
// nlohmann/json's dump().

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Appends a string as JSON has it, in quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter;
/// A member, if it says anything.
void put_text(JsonWriter&, std::string_view name, std::string_view text);
/// A member that is a list of strings.
void put_list(JsonWriter&, std::string_view name, const std::vector<std::string>& texts);

/// Writes one value. In an object each value has a name, which the caller gives only once; in a list it has none. What
/// goes beyond `most` bytes is not written: the text is then of no use, and is_full() says so.
class JsonWriter {
 public:
  explicit JsonWriter(bool indented = false, std::size_t most = std::numeric_limits<std::size_t>::max()) noexcept
      : most_(most), indented_(indented) {}

  JsonWriter& key(std::string_view name);
  void begin_object() { begin('{'); }
  void begin_list() { begin('['); }
  void end_object() { end('}'); }
  void end_list() { end(']'); }
  void text(std::string_view);
  void integer(std::int64_t);
  void positive(std::uint64_t);
  void number(double);  // null where it is infinite or NaN
  void flag(bool);
  void null();
  /// A value that is JSON already, as it is.
  void raw(std::string_view json);

  bool is_full() const noexcept { return text_.size() > most_; }
  std::string take() { return std::move(text_); }

 private:
  void begin(char opening);
  void end(char closing);
  void begin_value();
  void break_line();

  std::string text_;
  std::size_t most_;
  std::size_t depth_ = 0;
  bool indented_, first_ = true, keyed_ = false;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
