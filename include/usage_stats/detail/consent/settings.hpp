#pragma once
// What the administrator and the user have configured: the policy file and the config file. Both may be another
// program's files with other keys, which are left alone.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../decision.hpp"
#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE

namespace detail {

/// One of the two files, read.
struct Settings {
  USAGE_STATS_SPECIAL_MEMBERS(Settings, true);

  std::filesystem::path file;
  bool present = false;
  std::string problem;                            ///< why it cannot be used; such a file means off
  std::optional<Verdict> verdict;                 ///< "usage_stats": true, false or "local"
  std::optional<std::string> endpoint;            ///< "usage_stats_endpoint"
  std::vector<std::string> additional_endpoints;  ///< "usage_stats_additional_endpoints"
};

/// Where the files are. Empty if neither the options nor the environment say.
std::filesystem::path config_path(const Options&);
std::filesystem::path policy_path(const Options&);
/// Whether a path that the author chose is below the home folder: "~", "~/x"; on Windows "~\\x", too.
bool begins_with_tilde(const std::filesystem::path&);
/// The usage folder.
std::filesystem::path usage_path(const Options&);
/// The variable that determines where they are; empty if the program's author does.
std::string variable_of_config_path(const Options&);
std::string variable_of_usage_path(const Options&);

/// Reads one of the files; at most 1 MiB. Missing is not a problem; unreadable, not JSON, or of wrong types is.
Settings read_settings(const std::filesystem::path& file);
Settings read_policy(const std::filesystem::path& file);

/// Sets "usage_stats" in the config file: other keys, their order and their formatting are kept as far as JSON allows,
/// the write is atomic, and a file that cannot be parsed is not touched. Returns the problem in words, or nothing.
std::string write_verdict(const std::filesystem::path& file, bool on);

/// The endpoints that result from options, policy, environment and config. An invalid address is left out and reported
/// in `problem`; no server gets a key or a header that the author meant for another one.
std::vector<Endpoint> effective_endpoints(const Options&, const Settings& policy, const Settings& config,
                                          std::string& problem);
/// Those that only the author names: whoever has named another one knows about it.
std::vector<Endpoint> endpoints_of_author(const Options&, const Settings& policy, const Settings& config);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
