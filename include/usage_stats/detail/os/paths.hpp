#pragma once
// Standard locations; empty if the environment does not define them.

#include <filesystem>
#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

std::filesystem::path home();
/// The first of HOME, XDG_STATE_HOME and XDG_CONFIG_HOME that belongs to another user, as under sudo with HOME kept:
/// what the run would read there is not its user's decision, and what it wrote would get in the other user's way. Empty
/// if there is none. Root counts as another user too, except for "/" (a service's HOME) and for XDG folders that belong
/// to root.
std::filesystem::path foreign_home();
std::filesystem::path state_root();   // $XDG_STATE_HOME, ~/Library/Application Support, %LOCALAPPDATA%
std::filesystem::path config_root();  // $XDG_CONFIG_HOME, ~/Library/Application Support, %APPDATA%
std::filesystem::path policy_root();  // /etc, %ProgramData% as the registry has it

/// A path as bytes and back: on POSIX its very bytes, be they text or not; on Windows UTF-8.
std::string path_bytes(const std::filesystem::path&);
std::filesystem::path path_of_bytes(std::string_view bytes);
/// `root / first / second / third`, without the many allocations of that; an empty root stays empty.
std::filesystem::path path_below(const std::filesystem::path& root, std::string_view first,
                                 std::string_view second = {}, std::string_view third = {});
/// A path for people, with the home folder at its beginning written as "~"; names are compared as the system does it.
std::string path_with_tilde(const std::filesystem::path&);

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
