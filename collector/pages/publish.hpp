#pragma once
// A static site of what everyone may see: finished weeks only, no ids, no times of single runs, and only words that at
// least five installations share (public_words.hpp). For any web server, or GitHub Pages.

#include <filesystem>
#include <string>
#include <vector>

#include "../aggregate/source.hpp"
#include "../base/sqlite.hpp"

namespace collector {

struct Published {
  std::vector<std::string> programs, left_out;  // left out: fewer than five installations, or no finished week yet
};

/// Writes the site into a folder, which is created if missing. Existing files of the same names are replaced, and files
/// from an earlier site that this one does not have are removed. Throws Problem if it cannot write. The database has
/// what programs declare.
Published publish(Source&, Database&, const std::filesystem::path& folder);

}  // namespace collector
