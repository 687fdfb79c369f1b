#pragma once
// nlohmann/json for the other parts: parsing that cannot throw, and looks at members that may be missing or of
// another type. The only file that includes it.

#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

using Json = nlohmann::ordered_json;

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
  return value;
}

/// The text of a value; bytes that are not UTF-8 become U+FFFD.
USAGE_STATS_INLINE std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// The member, or nullptr if the value is no object or has none of that name.
USAGE_STATS_INLINE const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
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
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
    return otherwise;
  const auto number = value->get<std::int64_t>();
  return number >= -largest ? number : otherwise;
}

USAGE_STATS_INLINE bool boolean_member(const Json& object, const char* name) {
  const Json* const value = member(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

USAGE_STATS_INLINE std::vector<std::string> strings_member(const Json& object, const char* name) {
  std::vector<std::string> strings;
  if (const Json* const list = member(object, name); list != nullptr && list->is_array())
    for (const Json& item : *list)
      if (const auto* const text = item.get_ptr<const Json::string_t*>()) strings.push_back(*text);
  return strings;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
