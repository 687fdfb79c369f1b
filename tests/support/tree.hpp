#pragma once
// All that lies in a folder, to compare before and after.

#include <filesystem>
#include <map>
#include <string>

#include "temporary_folder.hpp"

/// Path -> kind, mode, time and content of everything below a folder.
inline std::map<std::string, std::string> tree(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string text = std::to_string(static_cast<int>(entry.symlink_status().type())) + " " +
                       std::to_string(static_cast<int>(entry.symlink_status().permissions())) + " " +
                       std::to_string(fs::last_write_time(entry.path()).time_since_epoch().count());
    if (entry.is_regular_file()) text += " " + read_file(entry.path());
    found[entry.path().string()] = text;
  }
  return found;
}
