#pragma once
// Whether a usage folder is this program's (docs/design.md): by its state.json, which is the first file in it.

#include <string>
#include <string_view>

#include "../base/characters.inl"
#include "../base/text.hpp"
#include "storage.hpp"
#include "envelope.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

/// What was found out about a folder.
struct Ownership {
  std::error_code error;  // why it is not to be used
  std::string app;        // the app that it belongs to
  State state{};
  bool marked = false;  // according to state.json
  os::Folder::Stamp stamp{};
  bool fresh = false;  // an empty folder: nobody's yet
};

/// For a folder whose state.json was lost or damaged, or names no program because an earlier version wrote it: is
/// everything in it named and nested like our files, and whose reports are these? A cache of hashes, which looks
/// similar at the top level, has files where our clients have sessions.
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
      has_active_ = has_active_ || entry.name == active_folder;
      if (entry.name != active_folder && entry.name != pending_folder) return false;
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

/// The app that the folder belongs to by its path: `.../APP/usage`, like the platform's default.
USAGE_STATS_INLINE std::string app_by_name(const std::filesystem::path& folder) {
  return folder.filename() == "usage" ? os::path_bytes(folder.parent_path().filename()) : std::string();
}

/// Without a state.json, or with an empty one, as a killed process leaves it; nobody else may be able to read that.
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
  if (!equal_ignoring_case(std::string_view(name).substr(0, app.size()), app)) return false;
  const char next = name.size() > app.size() ? characters::lower(name[app.size()]) : '.';
  return (next < 'a' || next > 'z') && (next < '0' || next > '9');
}

/// Places where programs of all kinds keep things (~/.config, TMPDIR), and folders directly in HOME that are not named
/// after this program (~/.ssh, ~/bin, ~/Documents): even if empty, they are meant for something else.
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

/// Looks once. `made`: the folder was created by this very call. `has_state`: whether state.json has any content.
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

/// `app`: the expected app; empty for an uploader, which accepts what the folder says. `made`: created by this very
/// call.
USAGE_STATS_INLINE Ownership ownership_of(const os::Folder& folder, const std::string& app, bool made) {
  bool has_state = false;
  Ownership found = look_at_ownership(folder, app, made, has_state);
  if (has_state || found.error != os::refused(os::Refusal::not_made_by_us) || !folder.exists(state_file)) return found;
  // Another run that started at the same time may have created state.json while this one was looking.
  return look_at_ownership(folder, app, made, has_state);
}

}  // namespace storage_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
