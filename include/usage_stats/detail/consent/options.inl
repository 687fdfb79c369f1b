#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "../../options.hpp"
#include "../base/characters.inl"
#include "../base/url.hpp"
#include "settings.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace options_impl {

USAGE_STATS_INLINE bool alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

USAGE_STATS_INLINE bool printable(std::string_view text) noexcept {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) return false;
  return true;
}

/// RFC 9110 5.1, without the characters that nobody uses.
USAGE_STATS_INLINE bool header_name(std::string_view name) noexcept {
  for (const char c : name)
    if (!alphanumeric(c) && c != '-' && c != '_') return false;
  return !name.empty() && name.size() <= 128;
}

USAGE_STATS_INLINE bool app_name(std::string_view app) noexcept {
  if (app.empty() || app.size() > 64 || !alphanumeric(app[0])) return false;
  for (const char c : app)
    if (!alphanumeric(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

/// Words without a special meaning to any shell: messages show them for typing.
USAGE_STATS_INLINE bool command_words_are_usable(std::string_view command) noexcept {
  bool words = command.empty();
  for (const char c : command) {
    if (!alphanumeric(c) && std::string_view(" ._:/=+-").find(c) == std::string_view::npos) return false;
    words = words || c != ' ';
  }
  return words && command.size() <= 32;
}

USAGE_STATS_INLINE std::string problem_with(const Endpoint& endpoint) {
  const auto url = parse_url(endpoint.url);
  if (!url) return "endpoint '" + endpoint.url + "': " + url_problem(endpoint.url);
  if (url->scheme == "http" && !endpoint.plain_http && !is_loopback(url->host))
    return "endpoint '" + endpoint.url + "': plain http to another machine; use https, or set plain_http";
  if (!printable(endpoint.api_key)) return "endpoint '" + endpoint.url + "': api_key must be printable ASCII";
  if (endpoint.protocol == Protocol::amplitude && endpoint.api_key.empty())
    return "endpoint '" + endpoint.url + "': amplitude needs an api_key";
  for (const auto& [name, value] : endpoint.headers)
    if (!header_name(name) || !printable(value) || value.size() > 4096)
      return "endpoint '" + endpoint.url + "': header '" + name + "' has characters that HTTP does not allow";
  return {};
}

USAGE_STATS_INLINE std::string problem_with_times(const Options& options) {
  using std::chrono::milliseconds;
  if (options.wait_limit < milliseconds(0) || options.wait_limit > milliseconds(60000))
    return "wait_limit: must be between 0 and 60 s";
  if (options.container_wait < milliseconds(0) || options.container_wait > milliseconds(60000))
    return "container_wait: must be between 0 and 60 s";
  if (options.report_every != milliseconds(0) &&
      (options.report_every < milliseconds(10) || options.report_every > std::chrono::hours(24 * 30)))
    return "report_every: must be 0, or between 10 ms and 30 days";
  return {};
}

USAGE_STATS_INLINE bool path_is_usable(const std::filesystem::path& path) {
  return path.empty() || path.is_absolute() || begins_with_tilde(path);
}

}  // namespace options_impl

USAGE_STATS_INLINE bool is_finite(double number) noexcept {
  static_assert(sizeof number == sizeof(std::uint64_t), "IEEE 754");
  constexpr std::uint64_t exponent = std::uint64_t{0x7ff} << 52;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return (bits & exponent) != exponent;
}

namespace options_impl {

/// A value from a cast or uninitialised memory would be used as an index.
USAGE_STATS_INLINE bool enumerations_are_known(const Options& options) {
  const auto up_to = [](auto value, auto last) { return static_cast<int>(value) >= 0 && value <= last; };
  return up_to(options.consent, ConsentMode::opt_in) && up_to(options.unattended, Unattended::on) &&
         up_to(options.arguments, ArgumentDetail::values) && up_to(options.errors, ErrorDetail::scrubbed) &&
         up_to(options.client_id, ClientId::install) && up_to(options.delivery, Delivery::local) &&
         up_to(options.observed_signals, Signals::all) &&
         std::all_of(options.endpoints.begin(), options.endpoints.end(),
                     [&](const Endpoint& endpoint) { return up_to(endpoint.protocol, Protocol::amplitude); });
}

}  // namespace options_impl

USAGE_STATS_INLINE std::string problem_with(const Options& options) {
  using namespace options_impl;
  if (!app_name(options.app)) return "app '" + options.app + "': must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}";
  if (options.version.empty() || options.version.size() > 64 || !printable(options.version))
    return "version: must be 1 to 64 printable ASCII characters";
  if (!command_words_are_usable(options.command))
    return "command '" + options.command + "': must be words of letters, digits and ._:/=+-, at most 32 bytes";
  if (options.endpoints.size() > 8) return "endpoints: at most 8 are allowed";
  for (const Endpoint& endpoint : options.endpoints)
    if (std::string problem = options_impl::problem_with(endpoint); !problem.empty()) return problem;
  if (!enumerations_are_known(options)) return "an option has a value that its enumeration does not contain";
  if (!is_finite(options.sample) || options.sample < 0.0 || options.sample > 1.0)
    return "sample: must be between 0 and 1";
  if (options.dependencies.size() > 64) return "dependencies: at most 64 are allowed";
  if (options.dependencies.count(std::string()) != 0) return "dependencies: one has no name";
  for (const auto& [name, path] : {std::pair{"directory", &options.directory},
                                   {"config_file", &options.config_file},
                                   {"policy_file", &options.policy_file}})
    if (!path_is_usable(*path)) return std::string(name) + ": must be absolute, or begin with ~/";
  return problem_with_times(options);
}

USAGE_STATS_INLINE std::string environment_prefix(std::string_view app) {
  std::string prefix(!app.empty() && app[0] >= '0' && app[0] <= '9' ? "_" : "");
  for (const char c : app) {
    const char large = characters::upper(c);
    prefix += (large >= 'A' && large <= 'Z') || (large >= '0' && large <= '9') ? large : '_';
  }
  return prefix;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
