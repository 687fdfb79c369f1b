#pragma once

#include <algorithm>

#include "../os/bounded_lock.hpp"
#include "../../fields.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The list of all declarations that are alive. Never destroyed, having nothing to destroy: fields of plugins may
/// outlive everything else. One store makes each change.
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
  std::vector<DictionaryEntry> entries() {
    const WholeDataLock::Guard guard(lock);
    std::vector<DictionaryEntry> found;
    for (const Declaration* declaration = first; declaration != nullptr; declaration = declaration->next_)
      found.push_back({declaration->kind_,
                       declaration->name_,
                       declaration->description_,
                       {declaration->choices_.begin(), declaration->choices_.end()}});
    return found;
  }
};

USAGE_STATS_INLINE Declaration::Declaration(Kind kind, const char* name, const char* description,
                                            std::initializer_list<const char*> choices) noexcept
    : kind_(kind), name_(name == nullptr ? "" : name), description_(description == nullptr ? "" : description) {
  USAGE_STATS_TRY {
    for (const char* const choice : choices)
      if (choice != nullptr) choices_.push_back(choice);
    Dictionary::instance().add(*this);
  }
  USAGE_STATS_CATCH_ALL {}  // no memory before main: the program has other worries
}

USAGE_STATS_INLINE Declaration::~Declaration() {
  USAGE_STATS_TRY { Dictionary::instance().remove(*this); }
  USAGE_STATS_CATCH_ALL {}
}

namespace fields_impl {

USAGE_STATS_INLINE bool same(const DictionaryEntry& a, const DictionaryEntry& b) {
  return a.kind == b.kind && a.name == b.name && a.description == b.description && a.choices == b.choices;
}

USAGE_STATS_INLINE std::vector<DictionaryEntry> sorted_entries() {
  std::vector<DictionaryEntry> entries = Dictionary::instance().entries();
  std::sort(entries.begin(), entries.end(), [](const DictionaryEntry& a, const DictionaryEntry& b) {
    return a.name != b.name ? a.name < b.name : a.kind < b.kind;
  });
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  return entries;
}

USAGE_STATS_INLINE bool good_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 64 || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.')) return false;
  return true;
}

}  // namespace fields_impl

USAGE_STATS_INLINE std::vector<DictionaryEntry> dictionary() { return fields_impl::sorted_entries(); }

USAGE_STATS_INLINE std::string problem_with_declarations() {
  const std::vector<DictionaryEntry> entries = fields_impl::sorted_entries();
  const DictionaryEntry* before = nullptr;
  for (const DictionaryEntry& entry : entries) {
    const std::string who = std::string(kind_name(entry.kind)) + " '" + entry.name + "': ";
    if (!fields_impl::good_name(entry.name)) return who + "the name is not [a-z][a-z0-9_.]{0,63}";
    if (entry.description.find_first_not_of(" \t\r\n") == std::string::npos) return who + "it has no description";
    if (entry.kind == Kind::choice && (entry.choices.empty() || entry.choices.size() > 256))
      return who + "it needs 1 to 256 choices";
    for (const std::string& choice : entry.choices)
      if (choice.size() > 256) return who + "a choice has more than 256 bytes";
    if (before != nullptr && before->name == entry.name) return who + "declared twice, for different things";
    before = &entry;
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
