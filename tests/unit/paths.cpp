// Paths are joined and made plain without std::filesystem, where that takes memory a dozen times for each.
#include <doctest/doctest.h>

#include <filesystem>
#include <system_error>
#include <usage_stats.hpp>

#include "sandbox.hpp"

namespace fs = std::filesystem;
namespace os = usage_stats::detail::os;

TEST_CASE("paths: names are joined as operator/ does it, and nothing lies below no place") {
  for (const char* const root : {"/", "/home/ada", "/home/ada/", "/home//ada"}) {
    const fs::path above = root;
    CHECK(os::path_below(above, "mytool", "usage") == above / "mytool" / "usage");
    CHECK(os::path_below(above, "mytool").native() == (above / "mytool").native());
    CHECK(os::path_below(above, ".local/state", "a", "b").native() == (above / ".local/state" / "a" / "b").native());
  }
  CHECK(os::path_below("", "mytool", "usage").empty());
}

TEST_CASE("paths: a folder is known by its plain path, however it was written") {
  const Sandbox sandbox;
  const fs::path root = fs::canonical(sandbox.root()), plain = root / "..a" / "b.";
  fs::create_directories(plain);
  std::error_code error;
  for (const char* const written : {"..a/b.", "..a//b.", "..a/./b.", "..a/b./", "..a/b.//", "..a/b./.", "./..a/b.",
                                    "..a/../..a/b.", "x/../..a/b.", "/..a/b."}) {
    const fs::path path = root.native() + "/" + written;
    const os::Folder folder = os::Folder::open(path, false, error);
    CAPTURE(path);
    REQUIRE_MESSAGE(bool(folder), error.message());
    CHECK(folder.path().native() == plain.native());
  }
  CHECK(os::Folder::open(plain, false, error).folder("c", true, error).path() == plain / "c");
}

TEST_CASE("paths: the root of the file system and relative paths are no folders of ours, however they are written") {
  std::error_code error;
  for (const char* const written : {"/", "//", "/.", "/..", "/a/..", "", ".", "a", "a/b", "..", "~"}) {
    CHECK_FALSE(bool(os::Folder::open(written, false, error)));
    CHECK_MESSAGE((error == os::refused(os::Refusal::root) || error == std::errc::invalid_argument), written);
  }
}
