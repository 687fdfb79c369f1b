#pragma once
// JSON written as text, where an exporter generates much of it from little: trees of nlohmann/json cost five times as
// much.

#include "../../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace exporters_impl {

USAGE_STATS_INLINE void add_item(std::string& list, std::string_view item) {
  if (!list.empty()) list += ',';
  list += item;
}

/// An object, member by member; each name must be a plain word that comes only once.
class ObjectText {
 public:
  void raw(std::string_view name, std::string_view json) { begin(name).append(json); }
  void text(std::string_view name, const std::string& value) { append_json_string(begin(name), value); }
  void number(std::string_view name, std::int64_t value) { raw(name, std::to_string(value)); }
  /// Nothing where there is no value.
  void copy(std::string_view name, const Json* value) {
    if (value != nullptr) raw(name, json_text(*value));
  }
  std::string object() const { return "{" + text_ + "}"; }

 private:
  std::string& begin(std::string_view name) {
    add_item(text_, "\"");
    return text_.append(name).append("\":");
  }
  std::string text_;
};

}  // namespace exporters_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
