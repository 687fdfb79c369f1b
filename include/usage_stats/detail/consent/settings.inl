#pragma once

#include <algorithm>
#include <iterator>

#include "../os/platform.hpp"
#include "settings.hpp"
#include "../base/url.hpp"
#include "../base/json.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Settings, true);

USAGE_STATS_INLINE bool begins_with_tilde(const std::filesystem::path& path) {
  return !path.empty() && *path.begin() == "~";
}

namespace settings_impl {

constexpr std::size_t largest_file = 1024 * 1024;

/// A path that the author chose, with its leading ~ replaced; empty if that needs a home folder and there is none.
USAGE_STATS_INLINE std::filesystem::path expand(const std::filesystem::path& path) {
  if (!begins_with_tilde(path)) return path;
  std::filesystem::path place = os::home();
  if (!place.empty())
    for (auto part = std::next(path.begin()); part != path.end(); ++part) place /= *part;
  return place;
}

/// Reads this library's keys into `settings`; returns what is wrong with them.
USAGE_STATS_INLINE std::string take_keys(const Json& json, Settings& settings) {
  if (!json.is_object()) return "is not a JSON object";
  if (const Json* const value = member(json, "usage_stats")) {
    const auto* const text = value->get<std::string>();
    if (value->get<bool>() != nullptr)
      settings.verdict = boolean_member(json, "usage_stats") ? Verdict::on : Verdict::off;
    else if (text != nullptr && *text == "local")
      settings.verdict = Verdict::local;
    else
      return "\"usage_stats\" is neither true, false nor \"local\"";
  }
  if (const Json* const value = member(json, "usage_stats_endpoint")) {
    if (value->get<std::string>() == nullptr) return "\"usage_stats_endpoint\" is not a string";
    settings.endpoint = string_member(json, "usage_stats_endpoint");
  }
  if (const Json* const value = member(json, "usage_stats_additional_endpoints")) {
    settings.additional_endpoints = strings_member(json, "usage_stats_additional_endpoints");
    const auto* const list = value->get<Json::List>();
    if (list == nullptr || settings.additional_endpoints.size() != list->size())
      return "\"usage_stats_additional_endpoints\" is not a list of strings";
  }
  return {};
}

/// In a valid JSON text, the position after the value (or string) that begins at `at`.
USAGE_STATS_INLINE std::size_t behind_value(std::string_view text, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      else if (c == '"')
        quoted = false;
      if (!quoted && depth == 0) return at + 1;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
      return at;
    }
  }
  return at;
}

/// A valid JSON object's text with one member set; everything else stays the same, byte for byte.
USAGE_STATS_INLINE std::string with_member(std::string text, const std::string& key, const std::string& value) {
  constexpr const char* blank = " \t\r\n";
  const std::string quoted_key = "\"" + key + "\"";
  const std::size_t brace = text.find('{');
  bool found = false;
  std::size_t at = text.find_first_not_of(blank, brace + 1);
  const bool empty = text[at] == '}';
  while (text[at] == '"') {
    const std::size_t key_end = behind_value(text, at);
    const auto name = parse_json(std::string_view(text).substr(at, key_end - at));  // it may be written with escapes
    const auto* const plain = name ? name->get<std::string>() : nullptr;
    const bool ours = plain != nullptr && *plain == key;
    const std::size_t begin = text.find_first_not_of(blank, text.find(':', key_end) + 1);
    std::size_t end = behind_value(text, begin);
    if (ours) {
      text.replace(begin, end - begin, value);
      end = begin + value.size();
      found = true;
    }
    at = text.find_first_not_of(blank, end);
    if (text[at] != ',') break;
    at = text.find_first_not_of(blank, at + 1);
  }
  if (found) return text;
  if (empty) return text.substr(0, brace) + "{\n  " + quoted_key + ": " + value + "\n" + text.substr(at);
  // A new member in front, after the same white space as the one that was first.
  const std::size_t first = text.find_first_not_of(blank, brace + 1);
  const std::string space = text.substr(brace + 1, first - brace - 1);
  return text.insert(brace + 1, space + quoted_key + ": " + value + ",");
}

/// An endpoint named by somebody other than the author: "https://...", or "otlp+https://..." if its protocol differs
/// from that of the author's first.
USAGE_STATS_INLINE Endpoint named_endpoint(const std::string& address, Protocol usual) {
  Endpoint endpoint;
  endpoint.url = address;
  endpoint.protocol = usual;
  endpoint.plain_http = true;
  const std::pair<std::string_view, Protocol> prefixes[] = {
      {"json+", Protocol::json}, {"otlp+", Protocol::otlp}, {"amplitude+", Protocol::amplitude}};
  for (const auto& [prefix, protocol] : prefixes) {
    if (std::string_view(address).substr(0, prefix.size()) != prefix) continue;
    endpoint.url.erase(0, prefix.size());
    endpoint.protocol = protocol;
  }
  return endpoint;
}

/// The address that replaces the author's endpoints, if anybody has named one.
USAGE_STATS_INLINE std::optional<std::string> substitute(const Options& options, const Settings& policy,
                                                         const Settings& config) {
  if (policy.endpoint) return policy.endpoint;
  auto address = os::variable((environment_prefix(options.app) + "_USAGE_STATS_ENDPOINT").c_str());
  return address && !address->empty() ? address : config.endpoint;
}

#if defined(_WIN32)
constexpr const char *home_variable = "USERPROFILE", *state_variable = "LOCALAPPDATA", *config_variable = "APPDATA";
#elif defined(__APPLE__)
constexpr const char *home_variable = "HOME", *state_variable = home_variable, *config_variable = home_variable;
#else
constexpr const char *home_variable = "HOME", *state_variable = "XDG_STATE_HOME", *config_variable = "XDG_CONFIG_HOME";
#endif

/// `given`: by the author; `usual`: the variable of the platform's place, for which HOME stands where it is not set.
USAGE_STATS_INLINE std::string variable_of(const std::filesystem::path& given, const char* usual) {
  if (!given.empty()) return given.native()[0] == '~' ? home_variable : "";
#if defined(_WIN32)
  return usual;
#else
  const auto value = os::variable(usual);
  return value && os::path_of_bytes(*value).is_absolute() ? usual : home_variable;
#endif
}

}  // namespace settings_impl

USAGE_STATS_INLINE std::string variable_of_usage_path(const Options& options) {
  return settings_impl::variable_of(options.directory, settings_impl::state_variable);
}

USAGE_STATS_INLINE std::string variable_of_config_path(const Options& options) {
  return settings_impl::variable_of(options.config_file, settings_impl::config_variable);
}

USAGE_STATS_INLINE std::filesystem::path config_path(const Options& options) {
  if (!options.config_file.empty()) return settings_impl::expand(options.config_file);
  return os::path_below(os::config_root(), options.app, "config.json");
}

USAGE_STATS_INLINE std::filesystem::path policy_path(const Options& options) {
  if (!options.policy_file.empty()) return settings_impl::expand(options.policy_file);
  return os::path_below(os::policy_root(), options.app, "usage_stats.json");
}

USAGE_STATS_INLINE std::filesystem::path usage_path(const Options& options) {
  if (!options.directory.empty()) return settings_impl::expand(options.directory);
  return os::path_below(os::state_root(), options.app, "usage");
}

namespace settings_impl {

USAGE_STATS_INLINE Settings read_by(decltype(&os::read_file) read, const std::filesystem::path& file) {
  Settings settings;
  settings.file = file;
  if (file.empty()) {
    settings.problem = "the place of the config file is unknown (no home folder)";
    return settings;
  }
  std::error_code error;
  const auto text = read(file, largest_file, error);
  if (!text) {
    settings.present = error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory;
    if (settings.present) settings.problem = os::path_bytes(file) + " cannot be read: " + error.message();
    return settings;
  }
  settings.present = true;
  const auto json = parse_json(*text);
  const std::string problem = json ? take_keys(*json, settings) : "is not JSON";
  if (!problem.empty()) settings.problem = os::path_bytes(file) + ": " + problem;
  return settings;
}

}  // namespace settings_impl

USAGE_STATS_INLINE Settings read_settings(const std::filesystem::path& file) {
  return settings_impl::read_by(&os::read_file, file);
}
USAGE_STATS_INLINE Settings read_policy(const std::filesystem::path& file) {
  return settings_impl::read_by(&os::read_policy_file, file);
}

USAGE_STATS_INLINE std::string write_verdict(const std::filesystem::path& file, bool on) {
  const Settings before = read_settings(file);
  std::string text = "{}\n";
  std::error_code error;
  if (before.present) {
    const auto found = os::read_file(file, settings_impl::largest_file, error);
    const auto json = found ? parse_json(*found) : std::nullopt;
    if (!json || !json->is_object())
      return before.problem.empty() ? os::path_bytes(file) + " cannot be read"
                                    : before.problem + "; it is left as it is";
    text = *found;
  } else if (!before.problem.empty()) {
    return before.problem;
  }
  error = os::replace_file(file, settings_impl::with_member(text, "usage_stats", on ? "true" : "false"));
  return error ? os::path_bytes(file) + " cannot be written: " + error.message() : std::string();
}

USAGE_STATS_INLINE std::vector<Endpoint> effective_endpoints(const Options& options, const Settings& policy,
                                                             const Settings& config, std::string& problem) {
  const Protocol usual = options.endpoints.empty() ? Protocol::json : options.endpoints.front().protocol;
  const auto place = [&](const std::string& address, std::vector<Endpoint>& list) {
    Endpoint endpoint = settings_impl::named_endpoint(address, usual);
    const auto same = [&](const Endpoint& other) { return other.url == endpoint.url; };
    if (!parse_url(endpoint.url))
      problem = "endpoint '" + address + "': " + url_problem(endpoint.url);
    else if (endpoint.protocol == Protocol::amplitude)  // without a key, it would only be refused
      problem = "endpoint '" + address + "': amplitude needs an api_key, and only the program itself can have one";
    else if (std::any_of(list.begin(), list.end(), same))
      return;  // policy and config may name the same one
    else if (list.size() >= 8)
      problem = "endpoint '" + address + "': there are already eight others";
    else
      list.push_back(std::move(endpoint));
  };
  std::vector<Endpoint> endpoints;
  if (const auto substitute = settings_impl::substitute(options, policy, config))
    place(*substitute, endpoints);
  else
    for (const Endpoint& endpoint : options.endpoints) {  // the same address twice is one
      const auto same = std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& other) {
        return other.url == endpoint.url && other.protocol == endpoint.protocol;
      });
      if (same == endpoints.end())
        endpoints.push_back(endpoint);
      else if (same->api_key != endpoint.api_key || same->headers != endpoint.headers)
        problem = "endpoint '" + endpoint.url + "' is named twice; only the first api_key and headers count";
    }
  for (const Settings* const settings : {&policy, &config})
    for (const std::string& url : settings->additional_endpoints) place(url, endpoints);
  return endpoints;
}

USAGE_STATS_INLINE std::vector<Endpoint> endpoints_of_author(const Options& options, const Settings& policy,
                                                             const Settings& config) {
  std::vector<Endpoint> endpoints;
  if (settings_impl::substitute(options, policy, config)) return endpoints;
  for (const Endpoint& endpoint : options.endpoints) {
    const auto names_it = [&](const std::string& address) {
      const Endpoint named = settings_impl::named_endpoint(address, options.endpoints.front().protocol);
      return named.url == endpoint.url && named.protocol == endpoint.protocol;
    };
    const auto named_by = [&](const Settings& settings) {
      const auto& list = settings.additional_endpoints;
      return std::any_of(list.begin(), list.end(), names_it);
    };
    if (!named_by(policy) && !named_by(config)) endpoints.push_back(endpoint);
  }
  return endpoints;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
