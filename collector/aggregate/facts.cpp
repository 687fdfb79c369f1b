#include "facts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "../base/sha256.hpp"
#include "bins.hpp"

namespace collector {
namespace {

/// Facts of one report; those of the same series and bin are one.
class Gathered {
 public:
  void add(Metric metric, std::string name = {}, std::string value = {}, std::int64_t bin = 0, std::int64_t n = 1) {
    facts_[{metric, std::move(name), std::move(value), bin}] += n;
  }
  std::vector<Fact> take() {
    std::vector<Fact> list;
    list.reserve(facts_.size());
    for (const auto& [key, n] : facts_)
      list.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), n});
    return list;
  }

 private:
  std::map<std::tuple<Metric, std::string, std::string, std::int64_t>, std::int64_t> facts_;
};

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::string() : found->get<std::string>();
}

void add_values(const Json& fields, Gathered& gathered) {
  for (const auto& [name, value] : fields.items()) {
    if (value.is_boolean()) {
      gathered.add(Metric::boolean, name, value.get<bool>() ? "true" : "false");
    } else if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (is_hash(text))
        gathered.add(Metric::hashed, name, {}, std::stoll(text.substr(0, 8), nullptr, 16) % hash_bins);
      else
        gathered.add(Metric::text, name, text);
    } else {
      gathered.add(value.is_number_integer() ? Metric::integer : Metric::number, name, {}, bin_of(value.get<double>()));
    }
  }
}

void add_outcome(const Json& outcome, Gathered& gathered) {
  gathered.add(Metric::status, {}, text_at(outcome, "status"));
  if (outcome.contains("signal")) gathered.add(Metric::signal, {}, text_at(outcome, "signal"));
  if (const auto error = outcome.find("error"); error != outcome.end())
    gathered.add(Metric::error, text_at(*error, "type"), text_at(*error, "message"));
}

/// "--threads" of "--threads=<int>", "-x" of "-x"; positionals are no options.
void add_options(const Json& command, Gathered& gathered) {
  const auto arguments = command.find("arguments");
  if (arguments == command.end()) return;
  std::set<std::string> names;
  for (const Json& argument : *arguments) {
    const auto& text = argument.get_ref<const std::string&>();
    if (text.size() > 1 && text[0] == '-') names.insert(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) gathered.add(Metric::option, name);
}

void add_counters(const Json& counters, Gathered& gathered) {
  for (const auto& [name, value] : counters.items()) {
    const auto count = value.get<std::int64_t>();
    gathered.add(Metric::counter, name, {}, bin_of(static_cast<double>(count)));
    if (const auto low = count & 0xffffffff) gathered.add(Metric::counter_low, name, {}, 0, low);
    if (const auto high = count >> 32) gathered.add(Metric::counter_high, name, {}, 0, high);
  }
}

void add_stages(const Json& stages, Gathered& gathered) {
  std::map<std::string, double> first;
  for (const Json& stage : stages) {
    const std::string name = text_at(stage, "name");
    const auto [place, is_new] = first.emplace(name, stage["at_s"].get<double>());
    if (!is_new) place->second = std::min(place->second, stage["at_s"].get<double>());
    gathered.add(Metric::stage_status, name, text_at(stage, "status"));
    if (const auto duration = stage.find("duration_s"); duration != stage.end())
      gathered.add(Metric::stage_duration, name, {}, bin_of(duration->get<double>()));
    add_values(stage["fields"], gathered);
  }
  for (const auto& [name, at] : first) {
    gathered.add(Metric::stage, name);
    gathered.add(Metric::stage_start, name, {}, bin_of(at));
  }
}

void add_events(const Json& report, Gathered& gathered) {
  const double duration = report.contains("duration_s") ? report["duration_s"].get<double>() : 0;
  std::map<std::string, double> first;
  for (const Json& event : report["events"]) {
    const std::string name = text_at(event, "name");
    const auto [place, is_new] = first.emplace(name, event["at_s"].get<double>());
    if (!is_new) place->second = std::min(place->second, event["at_s"].get<double>());
    gathered.add(Metric::event_times, name);
    add_values(event["fields"], gathered);
  }
  for (const auto& [name, at] : first) {
    gathered.add(Metric::event, name);
    if (duration > 0)
      gathered.add(Metric::event_moment, name, {}, static_cast<std::int64_t>(std::min(at / duration * 20, 19.0)));
  }
}

}  // namespace

std::string hash_of_client(std::string_view digits) { return sha256(digits); }

Report report_of(const Json& json) {
  Report report;
  const Json &app = json["app"], &system = json["system"], &command = json["command"];
  const std::string client = text_at(json, "client_id");
  report.session = bytes_of_hex(json["session_id"].get_ref<const std::string&>());
  report.client = bytes_of_hex(client);
  if (!client.empty()) report.client_hash = hash_of_client(client);
  report.sequence = json["sequence"].get<std::int64_t>();
  report.body = json.dump();
  report.app = text_at(app, "name");
  report.version = text_at(app, "version");
  report.os = text_at(system, "os");
  report.command = text_at(command, "name");
  report.ci = system["ci"].get<bool>();

  Gathered gathered;
  gathered.add(Metric::runs);
  gathered.add(Metric::version, {}, report.version);
  gathered.add(Metric::os, {}, report.os);
  gathered.add(Metric::command, {}, report.command);
  gathered.add(Metric::arch, {}, text_at(system, "arch"));
  gathered.add(Metric::os_version, {}, text_at(system, "os_version"));
  add_outcome(json["outcome"], gathered);
  add_options(command, gathered);
  if (json.contains("duration_s")) gathered.add(Metric::duration, {}, {}, bin_of(json["duration_s"].get<double>()));
  add_values(json["fields"], gathered);
  add_counters(json["counters"], gathered);
  add_stages(json["stages"], gathered);
  add_events(json, gathered);
  report.facts = gathered.take();
  return report;
}

}  // namespace collector
