#pragma once
// The names in the usage folder, and how large its files may be (docs/design.md).

#include <cstddef>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
constexpr std::size_t file_bytes = 1024 * 1024;  // none of our files is larger; a larger one is not read
}  // namespace limits

/// 32 or 64 lower case hexadecimal digits: the only valid name of a client or a session, so that no envelope points
/// outside the folder.
bool is_id(std::string_view text) noexcept;

namespace storage_impl {

constexpr const char* state_file = "state.json";
constexpr const char* report_file = "usage_stats.json";
constexpr const char* delivery_file = "delivery.json";
constexpr const char *active_folder = "active", *pending_folder = "pending";
constexpr std::size_t most_entries = 10000;  // at most so many of a folder's entries with names like ours are read

/// A name that this library gives to a folder of a client.
inline bool is_client(std::string_view name) noexcept { return name == "local" || is_id(name); }
/// ".tmp-PROCESS-NUMBER", as Folder::write names what it is about to rename.
inline bool is_temporary(std::string_view name) noexcept {
  if (name.substr(0, 5) != ".tmp-") return false;
  name.remove_prefix(5);
  const std::size_t hyphen = name.find('-');
  return hyphen != 0 && hyphen != std::string_view::npos && hyphen + 1 < name.size() &&
         name.find_first_not_of("0123456789-") == std::string_view::npos && name.rfind('-') == hyphen;
}
inline bool is_any(std::string_view) noexcept { return true; }

}  // namespace storage_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
