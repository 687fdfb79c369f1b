#pragma once

#include <algorithm>
#include <cstring>

#include "../os/bounded_lock.hpp"
#include "../../fields.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The list of all existing declarations. Never destroyed, because it has nothing to destroy: fields of plugins may
/// outlive everything else. Each change is a single store.
struct Dictionary {
  WholeDataLock lock;
  Declaration* first = nullptr;

  static Dictionary& instance() noexcept {
    static Dictionary dictionary;
    return dictionary;
  }
  void add(Declaration& declaration) {
    const WholeDataLock::Guard guard(lock);
    declaration.next_ = first;
    first = &declaration;
  }
  void remove(const Declaration& declaration) {
    const WholeDataLock::Guard guard(lock);
    for (Declaration** link = &first; *link != nullptr; link = &(*link)->next_)
      if (*link == &declaration) return static_cast<void>(*link = declaration.next_);
  }
  /// Under the lock: sorted by name, each once.
  std::vector<const Declaration*> sorted() const;
};

USAGE_STATS_INLINE Declaration::Declaration(Kind kind, const char* name, const char* description,
                                            std::initializer_list<const char*> choices) noexcept
    : kind_(kind), name_(name == nullptr ? "" : name), description_(description == nullptr ? "" : description) {
  USAGE_STATS_TRY {
    for (const char* const choice : choices)
      if (choice != nullptr) choices_.push_back(choice);
    Dictionary::instance().add(*this);
  }
  USAGE_STATS_CATCH_ALL {}  // no memory before main: the program has bigger problems
}

USAGE_STATS_INLINE Declaration::~Declaration() {
  USAGE_STATS_TRY { Dictionary::instance().remove(*this); }
  USAGE_STATS_CATCH_ALL {}
}

namespace fields_impl {

USAGE_STATS_INLINE int compare(const Declaration& a, const Declaration& b) noexcept {
  const int names = std::strcmp(a.name(), b.name());
  return names != 0 ? names : static_cast<int>(a.kind()) - static_cast<int>(b.kind());
}

USAGE_STATS_INLINE bool same(const Declaration& a, const Declaration& b) noexcept {
  const auto same_text = [](const char* one, const char* other) { return std::strcmp(one, other) == 0; };
  return compare(a, b) == 0 && same_text(a.description(), b.description()) &&
         std::equal(a.choices().begin(), a.choices().end(), b.choices().begin(), b.choices().end(), same_text);
}

USAGE_STATS_INLINE bool good_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.')) return false;
  return true;
}

}  // namespace fields_impl

USAGE_STATS_INLINE std::vector<const Declaration*> Dictionary::sorted() const {
  std::vector<const Declaration*> all;
  for (const Declaration* declaration = first; declaration != nullptr; declaration = declaration->next_)
    all.push_back(declaration);
  std::sort(all.begin(), all.end(),
            [](const Declaration* a, const Declaration* b) { return fields_impl::compare(*a, *b) < 0; });
  const auto same = [](const Declaration* a, const Declaration* b) { return fields_impl::same(*a, *b); };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

USAGE_STATS_INLINE std::vector<DictionaryEntry> dictionary() {
  Dictionary& dictionary = Dictionary::instance();
  const WholeDataLock::Guard guard(dictionary.lock);
  std::vector<DictionaryEntry> entries;
  for (const Declaration* const one : dictionary.sorted())
    entries.push_back({one->kind(), one->name(), one->description(), {one->choices().begin(), one->choices().end()}});
  return entries;
}

namespace fields_impl {

/// What is wrong with one declaration; null: nothing.
USAGE_STATS_INLINE const char* problem_with(const Declaration& declaration) noexcept {
  if (!good_name(declaration.name())) return "the name is not [a-z][a-z0-9_.]{0,63}";
  if (std::string_view(declaration.description()).find_first_not_of(" \t\r\n") == std::string_view::npos)
    return "it has no description";
  const auto& choices = declaration.choices();
  if (declaration.kind() == Kind::choice && (choices.empty() || choices.size() > 256))
    return "it needs 1 to 256 choices";
  for (const char* const choice : choices)
    if (std::strlen(choice) > 256) return "a choice has more than 256 bytes";
  return nullptr;
}

}  // namespace fields_impl

USAGE_STATS_INLINE std::string problem_with_declarations() {
  Dictionary& dictionary = Dictionary::instance();
  const WholeDataLock::Guard guard(dictionary.lock);
  const char* before = "";
  for (const Declaration* const one : dictionary.sorted()) {
    const char* problem = fields_impl::problem_with(*one);
    if (problem == nullptr && std::strcmp(before, one->name()) == 0) problem = "declared twice, for different things";
    if (problem != nullptr) return std::string(kind_name(one->kind())) + " '" + one->name() + "': " + problem;
    before = one->name();
  }
  return {};
}

USAGE_STATS_INLINE const char* kind_name(Kind kind) noexcept {
  switch (kind) {
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
      return "integer";
    case Kind::number:
      return "number";
    case Kind::choice:
      return "choice";
    case Kind::hashed:
      return "hashed";
    case Kind::text:
      return "text";
    case Kind::counter:
      return "counter";
    case Kind::event:
      return "event";
    case Kind::stage:
      return "stage";
  }
  return "";
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
