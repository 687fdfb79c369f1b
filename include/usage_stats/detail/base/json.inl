#pragma once
// nlohmann/json for the other parts: parsing that cannot throw, and looks at members that may be missing or of
// another type. The only file that includes it. Nothing is made of Json but what it has parsed: JsonWriter writes. Each
// other use of it is a template more, and one program's size.

#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "../os/platform.hpp"
#include "json_writer.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

using Json = nlohmann::json;  // the one that nlohmann's header makes in any case

namespace json_impl {
/// Nothing of ours nests deeper than 16; a hostile file's depth must not reach recursive code.
USAGE_STATS_INLINE bool too_deep(std::string_view text) noexcept {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > 64) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}
}  // namespace json_impl

/// Whether so much memory can be had. To be asked before JSON is made: nlohmann/json allocates in its destructors, and
/// where that fails, the process ends.
USAGE_STATS_INLINE bool enough_memory(std::size_t bytes = 4 << 20) noexcept {
  void* volatile memory = ::operator new(bytes, std::nothrow);
  ::operator delete(memory);
  return memory != nullptr;
}

/// The text as JSON; nothing if it is not JSON or nests deeper than 64. Where memory is short it throws std::bad_alloc:
/// nothing may be taken for damaged then.
USAGE_STATS_INLINE std::optional<Json> parse_json(std::string_view text) {
  if (json_impl::too_deep(text)) return std::nullopt;
  void* volatile memory = ::operator new(65536 + 32 * text.size());
  ::operator delete(memory);
  const os::ScopedCLocale plain_numbers;
  Json value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return std::optional<Json>(std::in_place, std::move(value));  // else nlohmann/json 3.12 converts it, with a warning
}

/// Writes what was parsed.
USAGE_STATS_INLINE void write_json(JsonWriter& out, const Json& value) {  // as deep as parse_json() lets it be
  switch (value.type()) {
    case Json::value_t::object:
      out.begin_object();
      for (const auto& [name, inner] : *value.get_ptr<const Json::object_t*>()) write_json(out.key(name), inner);
      return out.end_object();
    case Json::value_t::array:
      out.begin_list();
      for (const Json& inner : *value.get_ptr<const Json::array_t*>()) write_json(out, inner);
      return out.end_list();
    case Json::value_t::string:
      return out.text(*value.get_ptr<const Json::string_t*>());
    case Json::value_t::boolean:
      return out.flag(*value.get_ptr<const Json::boolean_t*>());
    case Json::value_t::number_integer:
      return out.integer(*value.get_ptr<const Json::number_integer_t*>());
    case Json::value_t::number_unsigned:
      return out.positive(*value.get_ptr<const Json::number_unsigned_t*>());
    case Json::value_t::number_float:
      return out.number(*value.get_ptr<const Json::number_float_t*>());
    default:
      return out.null();
  }
}

/// The text of a value that was parsed.
USAGE_STATS_INLINE std::string json_text(const Json& value, bool indented = false) {
  JsonWriter out(indented);
  write_json(out, value);
  return out.take();
}

/// The member, or nullptr if the value is no object or has none of that name.
USAGE_STATS_INLINE const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto& members = *object.get_ptr<const Json::object_t*>();
  const auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

USAGE_STATS_INLINE std::string string_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  const auto* const text = value == nullptr ? nullptr : value->get_ptr<const Json::string_t*>();
  return text == nullptr ? std::string() : *text;
}

/// Within what every reader of JSON agrees on (RFC 7493 2.2): nothing larger is ours, and callers may count on from it.
USAGE_STATS_INLINE std::int64_t integer_member(const Json& object, const char* name, std::int64_t otherwise = 0) {
  constexpr std::int64_t largest = (std::int64_t{1} << 53) - 1;
  const Json* const value = member(object, name);
  if (value == nullptr || !value->is_number_integer()) return otherwise;
  if (value->is_number_unsigned() &&
      *value->get_ptr<const Json::number_unsigned_t*>() > static_cast<std::uint64_t>(largest))
    return otherwise;
  const std::int64_t number = *value->get_ptr<const Json::number_integer_t*>();
  return number >= -largest ? number : otherwise;
}

USAGE_STATS_INLINE bool boolean_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  const auto* const flag = value == nullptr ? nullptr : value->get_ptr<const Json::boolean_t*>();
  return flag != nullptr && *flag;
}

/// A number of any kind; 0 for what is none.
USAGE_STATS_INLINE double number_of(const Json& value) {
  if (const auto* const number = value.get_ptr<const Json::number_float_t*>()) return *number;
  if (const auto* const number = value.get_ptr<const Json::number_unsigned_t*>()) return static_cast<double>(*number);
  const auto* const number = value.get_ptr<const Json::number_integer_t*>();
  return number == nullptr ? 0.0 : static_cast<double>(*number);
}

/// The items of a list that is a member, or nullptr.
USAGE_STATS_INLINE const Json::array_t* list_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  return value == nullptr ? nullptr : value->get_ptr<const Json::array_t*>();
}

/// The members of an object that is a member, or nullptr.
USAGE_STATS_INLINE const Json::object_t* object_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  return value == nullptr ? nullptr : value->get_ptr<const Json::object_t*>();
}

USAGE_STATS_INLINE std::vector<std::string> strings_member(const Json& object, const char* name) {
  std::vector<std::string> strings;
  if (const auto* const list = list_member(object, name))
    for (const Json& item : *list)
      if (const auto* const text = item.get_ptr<const Json::string_t*>()) strings.push_back(*text);
  return strings;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
