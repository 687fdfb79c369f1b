#pragma once
// A static site of what everyone may see: finished weeks only, no ids, no times of single runs, and of what users wrote
// only what at least five installations share. For any web server, or GitHub Pages.

#include <filesystem>
#include <string>

#include "../base/sqlite.hpp"

namespace collector {

/// Writes the site into a folder, which is made if it is not there; of a folder that is there only files of the same
/// names are replaced. Returns the number of programs. Throws Problem where it cannot write.
std::size_t publish(Database&, const std::filesystem::path& folder);

}  // namespace collector
