#pragma once
// Our own folders, and files. Failures are std::error_codes.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// Why a folder is not used; its kind is std::errc::operation_not_permitted (no_home and home_is_root:
/// no_such_file_or_directory).
enum class Refusal {
  root = 1,
  is_home,
  common_place,
  no_home,
  home_is_root,
  anothers,
  others_may_write,
  not_private,
  in_anothers_folder,
  in_shared_folder,
  untrusted_link,
  not_made_by_us,
  newer_version,
  another_programs,
  not_of_administrators
};
std::error_code refused(Refusal) noexcept;
/// The same error, of state.json: message() names the file.
std::error_code in_state_file(std::error_code) noexcept;

/// An open folder that is ours: not a link, owned by the effective user, not writable by others. Names are plain
/// names without separators. Every file is opened without following links and must be a regular file, owned by us.
/// A copy is the same open folder.
class Folder {
 public:
  struct Entry {
    std::string name;
    std::chrono::system_clock::time_point modified;
    std::uint64_t size = 0;
    bool folder = false;
    bool linked = false;                              // a file that has other names, too
    bool shown = false;                               // a file that its mode lets others read or write
    std::chrono::system_clock::time_point changed{};  // modified, or moved there
  };

  /// Distinguishes a file that has been read from any that replaces it later. Nothing if the system does not provide
  /// this.
  struct Stamp {
    bool known = false;
    std::uint64_t device = 0, number = 0, size = 0;
    std::int64_t modified_s = 0, modified_ns = 0, changed_s = 0, changed_ns = 0;
    bool is(const Stamp& other) const noexcept {
      return known && other.known && device == other.device && number == other.number && size == other.size &&
             modified_s == other.modified_s && modified_ns == other.modified_ns && changed_s == other.changed_s &&
             changed_ns == other.changed_ns;
    }
  };

  Folder() noexcept;
  ~Folder();
  Folder(const Folder&) noexcept;
  Folder& operator=(const Folder&) noexcept;
  Folder(Folder&&) noexcept;
  Folder& operator=(Folder&&) noexcept;

  /// Opens `path`. On the way, links are followed only if nobody but us or root can have created them; the folder
  /// itself must not be one. With `create`, missing folders are created (0700, whatever the umask), but not HOME or
  /// anything above it; is_new() says whether this call has created the folder. An existing folder is not changed.
  static Folder open(const std::filesystem::path& path, bool create, std::error_code&);
  Folder folder(const std::string& name, bool create, std::error_code&) const;
  /// The same for a folder that most likely does not exist.
  Folder make(const std::string& name, std::error_code&) const;

  explicit operator bool() const noexcept;
  std::filesystem::path path() const;
  bool is_new() const noexcept;      // open() has created it
  bool is_private() const noexcept;  // nobody else may read it

  /// The whole file, or an error; std::errc::file_too_large beyond `limit` bytes, no_such_file_or_directory if missing.
  std::optional<std::string> read(const std::string& name, std::size_t limit, std::error_code&,
                                  Stamp* stamp = nullptr) const;
  Stamp stamp(const std::string& name) const noexcept;
  /// Replaces or creates the file (0600): a temporary file, then a rename, provided that it is `wanted` both before and
  /// after writing. `durable` also waits for the disk.
  std::error_code write(const std::string& name, std::string_view bytes, bool durable = false,
                        const std::function<bool()>& wanted = {}) const;
  /// Replaces an existing file. One that is removed in the meantime is not created again (no_such_file_or_directory) if
  /// the system can check and replace in one step (Linux), and there the new file has a name of its own only for that
  /// moment.
  std::error_code replace(const std::string& name, std::string_view bytes, bool durable = false) const;
  std::error_code move(const std::string& name, const Folder& to) const;
  std::error_code remove(const std::string& name) const;        // a file
  std::error_code remove_tree(const std::string& name) const;   // a folder; never follows a link
  std::error_code remove_empty(const std::string& name) const;  // a folder, if there is nothing in it
  bool exists(const std::string& name) const noexcept;          // also if that cannot be told
  /// Whether it is no longer at its path because somebody has removed or moved it.
  bool is_gone() const noexcept;
  /// At most `limit` entries with wanted names, in no particular order. Other names cost almost nothing, and no more
  /// than `looks` names are read in all.
  std::vector<Entry> list(std::size_t limit, bool (*wanted)(std::string_view name),
                          std::size_t looks = std::numeric_limits<std::size_t>::max()) const;
  /// The same without a limit, and with the error if an entry could not be examined or the folder could not be listed
  /// completely: there may then be more.
  std::vector<Entry> list(std::size_t limit, bool (*wanted)(std::string_view name), std::error_code&) const;
  /// Only their names, which avoids examining each.
  std::vector<std::string> names(std::size_t limit, bool (*wanted)(std::string_view name),
                                 std::size_t looks = std::numeric_limits<std::size_t>::max()) const;

 private:
  friend class LockedFile;
  struct Impl;
  std::vector<Entry> list(std::size_t limit, bool (*wanted)(std::string_view name), std::size_t looks,
                          std::error_code&) const;
  std::shared_ptr<const Impl> impl_;
};

/// What would prevent us from writing in that folder or, if it is missing, from creating it; checks without writing. It
/// does not detect a full disk, and nothing at all on Windows, where access lists would have to be evaluated.
#if defined(_WIN32)
inline std::error_code check_writable(const std::filesystem::path&) { return {}; }
#else
std::error_code check_writable(const std::filesystem::path& folder);
#endif
/// Replaces a file anywhere (for the program's own config): keeps its mode, follows links that only we or root can have
/// created. What is missing is created (folders 0700, the file 0600), but not HOME or anything above it.
std::error_code replace_file(const std::filesystem::path&, std::string_view bytes);
/// Reads a file anywhere, at most `limit` bytes; must be a regular file. Links as above.
std::optional<std::string> read_file(const std::filesystem::path&, std::size_t limit, std::error_code&);
/// The same for an administrators' file; on Windows it must belong to them, and nobody else may be able to write to it.
std::optional<std::string> read_policy_file(const std::filesystem::path&, std::size_t limit, std::error_code&);

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
