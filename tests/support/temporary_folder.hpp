#pragma once
// A folder of its own for each test; gone at the end.

#include <filesystem>
#include <string>
#include <string_view>

/// A new folder under the system's place for temporary files, removed with all it holds, also what cannot be written.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The bytes of a file; throws if it cannot be read.
std::string read_file(const std::filesystem::path&);
/// Makes or replaces a file, and the folders on the way.
void write_file(const std::filesystem::path&, std::string_view bytes);
