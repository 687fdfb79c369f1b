#include "dictionary.hpp"

#include <algorithm>

#include "schema.hpp"

namespace collector {
namespace {

const std::vector<std::string> kinds = {"boolean", "integer", "number", "choice", "hashed",
                                        "text",    "counter", "event",  "stage"};

template <class List>
bool contains(const List& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

Described entry_of(const Json& json) {
  Described entry{json.at("name").get<std::string>(),
                  json.at("kind").get<std::string>(),
                  json.at("description").get<std::string>(),
                  {}};
  if (json.contains("choices")) entry.choices = json["choices"].get<std::vector<std::string>>();
  if (!contains(kinds, entry.kind)) throw Problem("it declares a " + printable(entry.kind) + ", which is not a kind");
  return entry;
}

void keep(Database& database, const std::string& app, const std::string& version, Described entry, int position) {
  Statement& before = database["SELECT choices FROM described WHERE app = ? AND name = ?"](app, entry.name);
  if (before.step())
    for (const std::string& choice : Json::parse(before.text(0)).get<std::vector<std::string>>())
      if (!contains(entry.choices, choice)) entry.choices.push_back(choice);
  before.reset();
  database
      ["INSERT OR REPLACE INTO described(app, name, kind, description, choices, version, position) "
       "VALUES(?, ?, ?, ?, ?, ?, ?)"](app, entry.name, entry.kind, entry.description, Json(entry.choices).dump(),
                                      version, position)
          .run();
}

}  // namespace

std::string teach(Database& database, const std::string& text) try {
  const Json json = Json::parse(text);
  const auto app = json.at("app").get<std::string>(), version = json.at("version").get<std::string>();
  std::vector<Described> entries;
  for (const Json& declared : json.at("declared")) entries.push_back(entry_of(declared));
  database.execute("BEGIN IMMEDIATE");
  // So that a program is known though it declares nothing of its own.
  keep(database, app, version, {"", "text", "", {}}, -1);
  for (std::size_t i = 0; i < entries.size(); ++i) keep(database, app, version, entries[i], static_cast<int>(i));
  database.execute("COMMIT");
  return app;
} catch (const Json::exception&) {
  throw Problem("that is not what `usage-stats describe --json` prints");
}

std::vector<Described> described(Database& database, const std::string& app) {
  std::vector<Described> entries;
  Statement& found = database
      ["SELECT name, kind, description, choices FROM described WHERE app = ? AND name <> '' "
       "ORDER BY position, name"](app);
  while (found.step())
    entries.push_back(
        {found.text(0), found.text(1), found.text(2), Json::parse(found.text(3)).get<std::vector<std::string>>()});
  return entries;
}

OnlyDescribed::OnlyDescribed(const std::string& file) : database_(open_for_reading(file)) {}

void OnlyDescribed::refresh() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < std::chrono::seconds(1)) return;
  looked_at_ = now;
  programs_.clear();
  std::vector<std::string> apps;
  Statement& found = database_["SELECT DISTINCT app FROM described"]();
  while (found.step()) apps.push_back(found.text(0));
  for (const std::string& app : apps) {
    Names& names = programs_[app];
    for (Described& entry : described(database_, app)) names.emplace(entry.name, entry);
  }
}

const Described& OnlyDescribed::find(const Names& names, const std::string& name, const std::string& where) {
  const auto found = names.find(name);
  if (found == names.end()) throw Refused(where + '.' + name, "was not described to this collector");
  return found->second;
}

void OnlyDescribed::check_values(const Names& names, const Json& values, const std::string& where) {
  for (const auto& [name, value] : values.items()) {
    const Described& entry = find(names, name, where);
    const bool fits = entry.kind == "boolean"   ? value.is_boolean()
                      : entry.kind == "integer" ? value.is_number_integer()
                      : entry.kind == "number"  ? value.is_number()
                      : entry.kind == "choice"
                          ? value.is_string() && (value == "other" || contains(entry.choices, value.get<std::string>()))
                      : entry.kind == "text" || entry.kind == "hashed" ? value.is_string()
                                                                       : false;
    if (!fits) throw Refused(where + '.' + name, "is not the " + entry.kind + " that was described");
  }
}

void OnlyDescribed::check(const Json& report) {
  const std::lock_guard<std::mutex> guard(mutex_);
  refresh();
  const auto program = programs_.find(report["app"]["name"].get<std::string>());
  if (program == programs_.end()) throw Refused("app.name", "was not described to this collector");
  const Names& names = program->second;
  const auto must_be = [&names](const std::string& name, const char* kind, const char* where) {
    if (find(names, name, where).kind != kind)
      throw Refused(std::string(where) + '.' + name, "is no " + std::string(kind));
  };
  check_values(names, report["fields"], "fields");
  for (const auto& [name, count] : report["counters"].items()) must_be(name, "counter", "counters");
  for (const auto& [part, kind] : {std::pair{"events", "event"}, std::pair{"stages", "stage"}})
    for (const Json& item : report[part]) {
      must_be(item["name"].get<std::string>(), kind, part);
      check_values(names, item["fields"], part);
    }
}

}  // namespace collector
