#pragma once
// JSON that was read, and looks at members that may be missing or of another type. Nothing is made of it but what was
// parsed: JsonWriter writes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "json_writer.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// A value that was read. Of its own, and no nlohmann::json: that is a type of which each part costs a program its
/// size, each value several allocations, and each destruction memory, without which it ends the process.
class Json {
 public:
  struct Member;
  using List = std::vector<Json>;
  using Members = std::vector<Member>;  // by name, each only once

  Json() noexcept = default;
  Json(Json&&) noexcept = default;
  Json& operator=(Json&&) noexcept = default;
  Json(const Json&) = delete;
  Json& operator=(const Json&) = delete;
  ~Json() = default;

  /// The value if it is of that type, or nullptr: bool, std::uint64_t (what is not negative), std::int64_t (what is),
  /// double, std::string, List, Members; std::monostate is null.
  template <class T>
  const T* get() const noexcept {
    return std::get_if<T>(&value_);
  }
  bool is_object() const noexcept { return get<Members>() != nullptr; }

 private:
  friend class JsonReader;
  using Value = std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double, std::string, List, Members>;
  Value value_;
};

struct Json::Member {
  std::string name;
  Json value{};
};

/// The text as JSON; nothing if it is not JSON or nests deeper than 64. Where memory is short it throws std::bad_alloc:
/// nothing may be taken for damaged then.
std::optional<Json> parse_json(std::string_view text);

/// Writes what was parsed.
void write_json(JsonWriter& out, const Json& value);
std::string json_text(const Json& value, bool indented = false);

/// The member, or nullptr if the value is no object or has none of that name.
const Json* member(const Json& object, std::string_view name) noexcept;

/// The member's value if it is of that type, or nullptr.
template <class T>
const T* member_of(const Json& object, std::string_view name) noexcept {
  const Json* const value = member(object, name);
  return value == nullptr ? nullptr : value->get<T>();
}

/// Empty if there is no such string.
std::string string_member(const Json& object, std::string_view name);
/// Within what every reader of JSON agrees on (RFC 7493 2.2): nothing larger is ours, and callers may count on from it.
std::int64_t integer_member(const Json& object, std::string_view name, std::int64_t otherwise = 0) noexcept;
bool boolean_member(const Json& object, std::string_view name) noexcept;
/// A number of any kind; 0 for what is none.
double number_of(const Json& value) noexcept;
/// The items of a list that is a member, or nullptr.
const Json::List* list_member(const Json& object, std::string_view name) noexcept;
/// The members of an object that is a member, or nullptr.
const Json::Members* object_member(const Json& object, std::string_view name) noexcept;
std::vector<std::string> strings_member(const Json& object, std::string_view name);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
