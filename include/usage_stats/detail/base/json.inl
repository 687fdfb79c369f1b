#pragma once
// The only file that includes nlohmann/json.

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "../os/platform.hpp"
#include "json.hpp"
#include "json_writer.inl"
#include "order.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// Makes a Json of what nlohmann's reader tells (its SAX interface, which has these names).
class JsonReader {
 public:
  explicit JsonReader(Json& root) : root_(root) { open_.reserve(8); }

  bool null() { return put(std::monostate()); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) { return put(value); }
  bool number_float(double value, const std::string&) { return put(value); }
  bool string(const std::string& value) { return put(value); }
  template <class Bytes>
  bool binary(const Bytes&) {  // JSON has none
    return false;
  }
  bool start_object(std::size_t) { return open({nullptr, &place().emplace<Json::Members>()}); }
  bool key(const std::string& name) {
    Json::Members& members = *open_.back().members;
    if (open_.size() == 1 && members.empty()) members.reserve(16);  // of those within, a hostile file has very many
    return members.push_back({name}), true;
  }
  bool end_object();
  bool start_array(std::size_t) { return open({&place().emplace<Json::List>(), nullptr}); }
  bool end_array() { return open_.pop_back(), true; }
  template <class Error>
  bool parse_error(std::size_t, const std::string&, const Error&) {
    return false;
  }

 private:
  struct Open {  // one of them
    Json::List* list;
    Json::Members* members;
  };
  /// Nothing of ours nests deeper than 16; a hostile file's depth must not reach recursive code.
  bool open(Open inner) { return open_.push_back(inner), open_.size() <= 64; }
  /// Where the next value belongs. (What is around it does not move while it is being read.)
  Json::Value& place() {
    if (open_.empty()) return root_.value_;
    const Open& around = open_.back();
    return (around.list != nullptr ? around.list->emplace_back() : around.members->back().value).value_;
  }
  template <class T>
  bool put(const T& value) {
    return place().emplace<T>(value), true;
  }

  Json& root_;
  std::vector<Open> open_;  // the innermost last
};

/// Of those that have one name the last counts.
USAGE_STATS_INLINE bool JsonReader::end_object() {
  Json::Members& members = *open_.back().members;
  open_.pop_back();
  const auto before = [](const Json::Member& a, const Json::Member& b) noexcept { return a.name < b.name; };
  if (members.size() > 32)
    sort_stably(members, before);
  else  // nearly all of them, for which that would take memory twice
    for (std::size_t i = 1, at = 1; i < members.size(); at = ++i) {
      if (!before(members[i], members[i - 1])) continue;
      Json::Member moved = std::move(members[i]);
      for (; at > 0 && before(moved, members[at - 1]); --at) members[at] = std::move(members[at - 1]);
      members[at] = std::move(moved);
    }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i].name == members[i + 1].name) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(kept), members.end());
  return true;
}

namespace json_impl {
/// Whether it is JSON.
template <class Iterator>
bool read(Iterator begin, Iterator end, JsonReader& reader) {
#if NLOHMANN_JSON_VERSION_MAJOR == 3 && NLOHMANN_JSON_VERSION_MINOR <= 12
  // As json::sax_parse() does, which has readers of CBOR, BSON, ... in it as well: some 50 KB of each program.
  using Adapter = decltype(nlohmann::detail::input_adapter(begin, end));
  return nlohmann::detail::parser<nlohmann::json, Adapter>(nlohmann::detail::input_adapter(begin, end))
      .sax_parse(&reader);
#else
  return nlohmann::json::sax_parse(begin, end, &reader);
#endif
}
}  // namespace json_impl

/// Whether so much memory can be had. To be asked before work that would end in the middle without it.
USAGE_STATS_INLINE bool enough_memory(std::size_t bytes = 4 << 20) noexcept {
  void* volatile memory = ::operator new(bytes, std::nothrow);
  ::operator delete(memory);
  return memory != nullptr;
}

USAGE_STATS_INLINE std::optional<Json> parse_json(std::string_view text) {
  const os::ScopedCLocale plain_numbers;
  std::optional<Json> value(std::in_place);
  JsonReader reader(*value);
  if (!json_impl::read(text.begin(), text.end(), reader)) value.reset();
  return value;
}

USAGE_STATS_INLINE void write_json(JsonWriter& out, const Json& value) {  // as deep as parse_json() lets it be
  if (const auto* const members = value.get<Json::Members>()) {
    out.begin_object();
    for (const auto& [name, inner] : *members) write_json(out.key(name), inner);
    return out.end_object();
  }
  if (const auto* const list = value.get<Json::List>()) {
    out.begin_list();
    for (const Json& inner : *list) write_json(out, inner);
    return out.end_list();
  }
  if (const auto* const text = value.get<std::string>()) return out.text(*text);
  if (const auto* const flag = value.get<bool>()) return out.flag(*flag);
  if (const auto* const number = value.get<std::uint64_t>()) return out.positive(*number);
  if (const auto* const number = value.get<std::int64_t>()) return out.integer(*number);
  if (const auto* const number = value.get<double>()) return out.number(*number);
  out.null();
}

USAGE_STATS_INLINE std::string json_text(const Json& value, bool indented) {
  JsonWriter out(indented);
  write_json(out, value);
  return out.take();
}

USAGE_STATS_INLINE const Json* member(const Json& object, std::string_view name) noexcept {
  if (const auto* const members = object.get<Json::Members>())
    for (const Json::Member& each : *members)
      if (each.name == name) return &each.value;
  return nullptr;
}

USAGE_STATS_INLINE std::string string_member(const Json& object, std::string_view name) {
  const auto* const text = member_of<std::string>(object, name);
  return text == nullptr ? std::string() : *text;
}

USAGE_STATS_INLINE std::int64_t integer_member(const Json& object, std::string_view name,
                                               std::int64_t otherwise) noexcept {
  constexpr std::int64_t largest = (std::int64_t{1} << 53) - 1;
  const Json* const value = member(object, name);
  if (value == nullptr) return otherwise;
  if (const auto* const number = value->get<std::uint64_t>())
    return *number <= static_cast<std::uint64_t>(largest) ? static_cast<std::int64_t>(*number) : otherwise;
  const auto* const number = value->get<std::int64_t>();
  return number != nullptr && *number >= -largest ? *number : otherwise;
}

USAGE_STATS_INLINE bool boolean_member(const Json& object, std::string_view name) noexcept {
  const auto* const flag = member_of<bool>(object, name);
  return flag != nullptr && *flag;
}

USAGE_STATS_INLINE double number_of(const Json& value) noexcept {
  if (const auto* const number = value.get<double>()) return *number;
  if (const auto* const number = value.get<std::uint64_t>()) return static_cast<double>(*number);
  const auto* const number = value.get<std::int64_t>();
  return number == nullptr ? 0.0 : static_cast<double>(*number);
}

USAGE_STATS_INLINE const Json::List* list_member(const Json& object, std::string_view name) noexcept {
  return member_of<Json::List>(object, name);
}

USAGE_STATS_INLINE const Json::Members* object_member(const Json& object, std::string_view name) noexcept {
  return member_of<Json::Members>(object, name);
}

USAGE_STATS_INLINE std::vector<std::string> strings_member(const Json& object, std::string_view name) {
  std::vector<std::string> strings;
  if (const auto* const list = list_member(object, name))
    for (const Json& item : *list)
      if (const auto* const text = item.get<std::string>()) strings.push_back(*text);
  return strings;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
