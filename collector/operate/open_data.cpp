#include "open_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "../base/hex.hpp"

namespace collector {
namespace {

constexpr std::size_t enough = 5;

/// What is known of a machine beyond its system and architecture, the finest last. Together with the version it could
/// be one machine's alone; of a kernel's version it often is, so that is never there.
const std::array<std::vector<const char*>, 3> machine_details = {
    {{}, {"os_version"}, {"os_version", "cpus", "memory_gb", "libc"}}};

/// Version, system and so many details in one text.
std::string machine_of(const Json& report, std::size_t level) {
  const Json& system = report["system"];
  Json tuple = {level, report["app"]["name"], report["app"]["version"]};
  std::vector<const char*> keys = {"os", "arch", "ci", "container", "interactive"};
  keys.insert(keys.end(), machine_details[level].begin(), machine_details[level].end());
  for (const char* const key : keys) tuple.push_back(system.contains(key) ? system[key] : Json());
  return "machine " + tuple.dump();
}

double rounded(double number) {
  if (number == 0) return 0;
  const double scale = std::pow(10, 2 - std::floor(std::log10(std::abs(number))));
  return std::isfinite(scale) && scale != 0 ? std::round(number * scale) / scale : number;
}

void round_number(Json& number) {
  const double value = rounded(number.get<double>());
  if (number.is_number_float())
    number = value;
  else if (std::abs(value) >= 1000 && std::abs(value) < 9e18)
    number = static_cast<std::int64_t>(value);
}

/// Without ids, times and what comes from a single installation's history.
Json without_traces(const Json& report) {
  Json open = report;
  for (const char* const key : {"client_id", "session_id", "sequence", "started_at", "ended_at", "delivery"})
    open.erase(key);
  open["system"].erase("kernel");
  open["schema"] = "usage-stats-open/1";
  return open;
}

}  // namespace

void OpenData::see(const std::string& what, std::size_t installation) {
  std::vector<std::size_t>& installations = seen_[what];
  if (installations.size() < enough &&
      std::find(installations.begin(), installations.end(), installation) == installations.end())
    installations.push_back(installation);
}

void OpenData::see_words(const Json& part, const std::string& path, std::size_t installation) {
  if (part.is_string()) return see(path + '=' + part.get<std::string>(), installation);
  if (part.is_array())
    for (const Json& item : part) see_words(item, path, installation);
  if (part.is_object())
    for (const auto& [key, value] : part.items()) {
      see(path + '.' + key, installation);
      see_words(value, path + '.' + key, installation);
    }
}

void OpenData::count(const Json& report) {
  const auto client = report.find("client_id");
  if (client == report.end()) return;  // nobody knows whose it is
  const std::size_t installation = std::hash<std::string>()(client->get<std::string>());
  for (std::size_t level = 0; level < machine_details.size(); ++level) see(machine_of(report, level), installation);
  see_words(without_traces(report), "", installation);
}

bool OpenData::is_shared(const std::string& what) const {
  const auto found = seen_.find(what);
  return found != seen_.end() && found->second.size() >= enough;
}

void OpenData::keep_shared_words(Json& part, const std::string& path) const {
  const auto is_word_of_few = [&](const Json& value, const std::string& where) {
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    return is_hash(text) || !is_shared(where + '=' + text);
  };
  if (part.is_object()) {
    for (auto item = part.begin(); item != part.end();) {
      const std::string where = path + '.' + item.key();
      if (!is_shared(where) || is_word_of_few(*item, where)) {
        item = part.erase(item);
        continue;
      }
      keep_shared_words(*item, where);
      ++item;
    }
  } else if (part.is_array()) {
    for (auto item = part.begin(); item != part.end();) {
      const bool had_name = item->is_object() && item->contains("name");
      if (!is_word_of_few(*item, path)) keep_shared_words(*item, path);
      const bool goes = is_word_of_few(*item, path) || (had_name && !item->contains("name"));
      item = goes ? part.erase(item) : item + 1;
    }
  } else if (part.is_number()) {
    round_number(part);
  }
}

bool OpenData::keep_shared_machine(Json& report) const {
  std::size_t level = machine_details.size();
  while (level > 0 && !is_shared(machine_of(report, level - 1))) --level;
  if (level == 0) return false;
  const auto& kept = machine_details[level - 1];
  for (const char* const key : machine_details.back()) {
    const auto is_it = [key](const char* other) { return std::string(key) == other; };
    if (std::none_of(kept.begin(), kept.end(), is_it)) report["system"].erase(key);
  }
  return true;
}

std::optional<std::string> OpenData::line(const Json& report, Day day) const {
  Json open = without_traces(report);
  if (!keep_shared_machine(open)) return std::nullopt;
  keep_shared_words(open, "");
  open["week"] = text_of(begin_of(Period::week, day));
  return open.dump();
}

}  // namespace collector
