#pragma once
// Whether a usage folder is this program's (docs/design.md): by its state.json, which is the first file in it.

#include <string>
#include <string_view>

#include "storage.hpp"
#include "envelope.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

/// What was found out about a folder.
struct Ownership {
  std::error_code error;  // why it is not to be used
  std::string app;        // whose it is
  State state{};
  bool marked = false;  // state.json says so itself
  os::Folder::Stamp stamp{};
  bool fresh = false;  // an empty folder: nobody's yet
};

/// A folder whose state.json was lost or damaged, or names no program, since an earlier version wrote it: is all that
/// lies there named and nested as we do it, and whose reports are these? A cache of hashes, which looks alike from
/// above, has files where our clients have sessions.
class Contents {
 public:
  explicit Contents(const os::Folder& top) { look(top); }

  bool only_ours() const noexcept { return only_ours_ && has_active_; }
  /// The program that all reports and envelopes name; empty if there are none.
  const std::string& app() const noexcept { return app_; }

 private:
  using Entry = os::Folder::Entry;

  template <class Accept>
  void each(const os::Folder& folder, Accept accept) {
    std::error_code error;
    const auto entries = folder ? folder.list(most_entries, is_any, error) : std::vector<Entry>();
    only_ours_ = only_ours_ && folder && !error && entries.size() < most_entries;
    for (const Entry& entry : entries)
      if (only_ours_ && (entry.folder || !is_temporary(entry.name))) only_ours_ = accept(entry);
  }
  void look(const os::Folder& top) {
    std::error_code error;
    each(top, [&](const Entry& entry) {
      if (!entry.folder)
        return entry.name == state_file || entry.name == "uploader.lock" || entry.name == "uploader.log";
      const os::Folder inner = top.folder(entry.name, false, error);
      if (is_client(entry.name)) return look_at_client(inner), true;
      has_active_ = has_active_ || entry.name == "active";
      if (entry.name != "active" && entry.name != "pending") return false;
      return look_at_envelopes(inner), true;
    });
  }
  void look_at_envelopes(const os::Folder& folder) {
    each(folder, [&](const Entry& entry) {
      if (entry.folder || !is_id(entry.name)) return false;
      std::error_code error;
      const auto text = folder.read(entry.name, limits::file_bytes, error);
      const auto envelope = text ? parse_envelope(*text) : std::nullopt;
      return !envelope || names(envelope->app);
    });
  }
  void look_at_client(const os::Folder& client) {
    std::error_code error;
    each(client, [&](const Entry& session) {
      if (!session.folder || !is_id(session.name)) return false;
      const os::Folder inner = client.folder(session.name, false, error);
      each(inner, [&](const Entry& entry) {
        if (entry.folder || (entry.name != report_file && entry.name != delivery_file)) return false;
        const auto text = entry.name == report_file ? inner.read(entry.name, limits::file_bytes, error) : std::nullopt;
        const auto json = text ? parse_json(*text) : std::nullopt;
        const Json* const app = json ? member(*json, "app") : nullptr;
        return app == nullptr || names(string_member(*app, "name"));
      });
      return only_ours_;
    });
  }
  bool names(const std::string& app) {
    if (app_.empty()) app_ = app;
    return app_ == app;
  }

  bool only_ours_ = true, has_active_ = false;
  std::string app_;
};

/// The app whose place this is by its name: `.../APP/usage`, as the platform's default is.
USAGE_STATS_INLINE std::string app_by_name(const std::filesystem::path& folder) {
  return folder.filename() == "usage" ? os::path_bytes(folder.parent_path().filename()) : std::string();
}

/// Without any state.json, or with an empty one, as a process that was killed has left it; that one is nobody else's to
/// read.
USAGE_STATS_INLINE bool is_empty_folder(const os::Folder& folder) {
  std::error_code error;
  for (const auto& entry : folder.list(
           2, [](std::string_view name) { return !is_temporary(name); }, error))
    if (entry.folder || entry.name != state_file || entry.size != 0 || entry.shown) return false;
  return !error;
}

USAGE_STATS_INLINE bool is_same_place(const std::filesystem::path& folder, const std::filesystem::path& other) {
  std::error_code error;
  return !other.empty() && std::filesystem::equivalent(folder, other, error);
}

/// "~/.mytool", "~/MyTool_usage": a name that begins with the app's.
USAGE_STATS_INLINE bool is_named_after(std::string name, std::string_view app) {
  if (name.substr(0, 1) == ".") name.erase(0, 1);
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = 0; i < app.size(); ++i)
    if (i >= name.size() || letter(name[i]) != letter(app[i])) return false;
  const char next = name.size() > app.size() ? letter(name[app.size()]) : '.';
  return (next < 'a' || next > 'z') && (next < '0' || next > '9');
}

/// Where programs of all kinds keep things (~/.config, TMPDIR), and what lies in HOME itself under a name that does not
/// tell of this program (~/.ssh, ~/bin, ~/Documents): empty as it is, it is waiting for somebody else.
USAGE_STATS_INLINE bool is_common_place(const std::filesystem::path& folder, const std::string& app) {
  if (is_same_place(folder, os::state_root()) || is_same_place(folder, os::config_root())) return true;
  for (const char* const name : {"XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_BIN_HOME", "XDG_RUNTIME_DIR", "TMPDIR"})
    if (const auto value = os::variable(name); value && is_same_place(folder, os::path_of_bytes(*value))) return true;
  const std::filesystem::path above = folder.parent_path(), home = os::home();
  if (home.empty() || (!is_same_place(above, home) && !is_same_place(above, home / ".local"))) return false;
  return !is_named_after(os::path_bytes(folder.filename()), app);
}

USAGE_STATS_INLINE std::error_code check_empty_folder(const os::Folder& folder, const std::string& app) {
  if (is_same_place(folder.path(), os::home())) return os::refused(os::Refusal::is_home);
  if (is_common_place(folder.path(), app)) return os::refused(os::Refusal::common_place);
  return folder.is_private() ? std::error_code() : os::refused(os::Refusal::not_private);
}

/// One look. `made`: by this very call. `has_state`: whether there was anything in state.json.
USAGE_STATS_INLINE Ownership look_at_ownership(const os::Folder& folder, const std::string& app, bool made,
                                               bool& has_state) {
  using os::Refusal;
  Ownership found;
  std::error_code error;
  const auto refuse = [&](std::error_code why) { return found.error = why, std::move(found); };
  const auto text = folder.read(state_file, limits::file_bytes, error, &found.stamp);
  has_state = text && !text->empty();
  if (!text && error != std::errc::no_such_file_or_directory && error != std::errc::file_too_large)
    return refuse(os::in_state_file(error));
  const auto json = text ? parse_json(*text) : std::nullopt;
  if (json && storage_impl::is_newer(*json, "usage-stats-state")) return refuse(os::refused(Refusal::newer_version));
  if (json && string_member(*json, "schema") != "usage-stats-state/1")
    return refuse(os::refused(Refusal::not_made_by_us));
  if (text && !text->empty()) found.state = state_of(json);
  found.state.damaged = found.state.damaged || error == std::errc::file_too_large;
  found.marked = json && !found.state.app.empty();
  if (found.marked) {
    found.app = found.state.app;
  } else if (!json && (!text || text->empty()) && error != std::errc::file_too_large && is_empty_folder(folder)) {
    found.fresh = true;
    found.app = app;
    return refuse(made ? std::error_code() : check_empty_folder(folder, app));
  } else if (found.app = app_by_name(folder.path()); !json || found.app != app || app.empty()) {
    const Contents contents(folder);
    if (!contents.only_ours()) return refuse(os::refused(Refusal::not_made_by_us));
    if (!contents.app().empty()) found.app = contents.app();
  }
  if (found.app.empty()) return refuse(os::refused(Refusal::not_made_by_us));
  if (!app.empty() && found.app != app) found.error = os::refused(Refusal::another_programs);
  return found;
}

/// `app`: whose it should be; empty for an uploader, which takes what the folder says. `made`: by this very call.
USAGE_STATS_INLINE Ownership ownership_of(const os::Folder& folder, const std::string& app, bool made) {
  bool has_state = false;
  Ownership found = look_at_ownership(folder, app, made, has_state);
  if (has_state || found.error != os::refused(os::Refusal::not_made_by_us) || !folder.exists(state_file)) return found;
  // Of runs that begin together another one may have made state.json while this one was looking.
  return look_at_ownership(folder, app, made, has_state);
}

}  // namespace storage_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
