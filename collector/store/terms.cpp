#include "terms.hpp"

#include <cstring>

namespace collector {
namespace {

constexpr std::size_t most_terms = 300000;  // some 40 MB; a stranger can send any name
constexpr int most_apps = 1000;
constexpr int enough_witnesses = 5;

/// How many values a name can have, or a metric without names.
int most_values(Metric metric) {
  switch (metric) {
    case Metric::app:
      return most_apps;
    case Metric::version:
      return 5000;
    case Metric::error:
      return 2000;
    case Metric::text:
      return 1000;
    case Metric::os:
    case Metric::arch:
      return 50;
    default:
      return 500;
  }
}
constexpr int most_names = 1000;

/// Errors of all types share one limit; a type is as much a stranger's word as a message.
bool counts_alone(Metric metric) { return metric == Metric::error; }

template <class... Numbers>
std::string key_of(Numbers... numbers) {
  std::string key;
  const auto append = [&key](std::int64_t number) {
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    key.append(bytes, sizeof number);
  };
  (append(static_cast<std::int64_t>(numbers)), ...);
  return key;
}

std::string term_key(Id app, Metric metric, const std::string& name, const std::string& value) {
  return key_of(app, metric, name.size()) + name + value;
}
std::string values_key(Id app, Metric metric, const std::string& name) {
  return key_of(app, metric) + (counts_alone(metric) ? std::string() : name);
}
std::string names_key(Id app, Metric metric) { return key_of(app, metric, -1); }
std::string slice_key(const Leaf& leaf) { return key_of(leaf.app, leaf.version, leaf.os, leaf.command, leaf.ci); }

}  // namespace

void Terms::load() {
  terms_.clear(), counts_.clear(), witnesses_.clear(), slices_.clear(), leaves_.clear(), slices_of_.clear();
  Statement& terms = database_["SELECT id, app, metric, name, value FROM term"]();
  while (terms.step())
    remember(terms.integer(0), terms.integer(1), static_cast<Metric>(terms.integer(2)), terms.text(3), terms.text(4));
  Statement& slices = database_["SELECT id, app, version, os, command, ci FROM slice"]();
  while (slices.step()) {
    const Leaf leaf{slices.integer(1), slices.integer(2), slices.integer(3), slices.integer(4),
                    static_cast<int>(slices.integer(5))};
    slices_[slice_key(leaf)] = slices.integer(0);
    leaves_[slices.integer(0)] = leaf;
  }
  Statement& witnesses = database_["SELECT term, COUNT(*) FROM witness GROUP BY term"]();
  while (witnesses.step()) witnesses_[witnesses.integer(0)] = static_cast<int>(witnesses.integer(1));
}

void Terms::remember(Id id, Id app, Metric metric, const std::string& name, const std::string& value) {
  terms_[term_key(app, metric, name, value)] = id;
  if (++counts_[values_key(app, metric, name)] == 1) ++counts_[names_key(app, metric)];
}

std::optional<Id> Terms::find(Id app, Metric metric, const std::string& name, const std::string& value) {
  const auto found = terms_.find(term_key(app, metric, name, value));
  if (found == terms_.end()) return std::nullopt;
  return found->second;
}

Id Terms::add(Id app, Metric metric, const std::string& name, const std::string& value) {
  database_["INSERT INTO term(app, metric, name, value) VALUES(?, ?, ?, ?)"](app, static_cast<int>(metric), name, value)
      .run();
  const Id id = database_.last_id();
  remember(id, app, metric, name, value);
  return id;
}

bool Terms::has_room(Id app, Metric metric, const std::string& name) const {
  const auto count = [this](const std::string& key) {
    const auto found = counts_.find(key);
    return found == counts_.end() ? 0 : found->second;
  };
  return terms_.size() < most_terms && count(values_key(app, metric, name)) < most_values(metric);
}

std::optional<Id> Terms::app(const std::string& name) {
  if (const auto found = find(0, Metric::app, {}, name)) return found;
  if (!has_room(0, Metric::app, {})) return std::nullopt;
  return add(0, Metric::app, {}, name);
}

std::optional<Id> Terms::series(Id app, Metric metric, const std::string& name, const std::string& value) {
  if (const auto found = find(app, metric, name, value)) return found;
  if (has_room(app, metric, name)) {
    const bool new_name = !name.empty() && counts_.count(values_key(app, metric, name)) == 0;
    if (new_name && counts_[names_key(app, metric)] >= most_names) return std::nullopt;
    return add(app, metric, name, value);
  }
  // The word for the rest takes a place beyond the limit, once. A name alone has no such word.
  const bool alone = counts_alone(metric);
  if (!alone && value.empty() && !name.empty()) return std::nullopt;
  const std::string rest_name = alone ? "other" : name, rest = alone ? "" : "other";
  if (const auto found = find(app, metric, rest_name, rest)) return found;
  if (counts_.count(values_key(app, metric, rest_name)) == 0) return std::nullopt;
  return add(app, metric, rest_name, rest);
}

Id Terms::slice(const Leaf& leaf) {
  const std::string key = slice_key(leaf);
  if (const auto found = slices_.find(key); found != slices_.end()) return found->second;
  database_["INSERT INTO slice(app, version, os, command, ci) VALUES(?, ?, ?, ?, ?)"](leaf.app, leaf.version, leaf.os,
                                                                                      leaf.command, leaf.ci)
      .run();
  const Id id = database_.last_id();
  slices_[key] = id;
  leaves_[id] = leaf;
  return id;
}

const std::array<std::array<Id, 8>, 2>& Terms::known_slices(Id leaf) {
  if (const auto found = slices_of_.find(leaf); found != slices_of_.end()) return found->second;
  const Leaf whole = leaves_.at(leaf);
  std::array<std::array<Id, 8>, 2> slices{};
  for (unsigned mask = 0; mask < 8; ++mask) {
    Leaf part = whole;
    if ((mask & 1) == 0) part.version = 0;
    if ((mask & 2) == 0) part.os = 0;
    if ((mask & 4) == 0) part.command = 0;
    slices[0][mask] = slice(part);
    part.ci = either_ci;
    slices[1][mask] = slice(part);
  }
  return slices_of_[leaf] = slices;
}

void Terms::witness(Id term, const std::string& client_hash) {
  int& count = witnesses_[term];
  if (count >= enough_witnesses || client_hash.size() < 8) return;
  Id key = 0;
  std::memcpy(&key, client_hash.data(), sizeof key);
  Statement& insert = database_["INSERT OR IGNORE INTO witness VALUES(?, ?)"];
  insert(term, key).run();
  count += static_cast<int>(database_.changes());
}

}  // namespace collector
