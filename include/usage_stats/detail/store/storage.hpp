#pragma once
// The usage folder (docs/design.md): state.json, the outbox and the archive.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "../os/file.hpp"
#include "../os/platform.hpp"
#include "archive.hpp"
#include "envelope.hpp"
#include "layout.hpp"
#include "outbox.hpp"
#include "result.hpp"
#include "state.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The folder. File system failures are reported as error codes, never as exceptions.
class Storage {
 public:
  /// Opens the usage folder of that app; with `create`, a missing or empty one becomes the app's. With an empty app
  /// name (an uploader knows only the folder), it uses the one in state.json. Not ours, not that app's, read-only,
  /// full: an error, and nothing has been changed.
  static std::optional<Storage> open(const std::filesystem::path&, const std::string& app, bool create,
                                     std::error_code&);
  /// What was found when it was opened: which app it belongs to, and what state.json said.
  struct Known {
    std::string app;
    std::shared_ptr<const State> state;
    os::Folder::Stamp stamp;  // of the state.json that says so; otherwise none
  };
  Known known() const { return {app_, opened_, marked_ ? stamp_ : os::Folder::Stamp()}; }
  /// Opens it once more. If state.json is still the same file, it is not read again.
  static std::optional<Storage> open_again(const std::filesystem::path&, const Known&, std::error_code&);
  /// Writes the app's name into a state.json that an earlier version wrote, or that was damaged.
  std::error_code claim();

  const std::string& app() const noexcept { return app_; }
  const os::Folder& folder() const noexcept { return *folder_; }

  /// What state.json said when the folder was opened.
  const State& state_at_opening() const noexcept { return *opened_; }
  const std::shared_ptr<const State>& shared_state() const noexcept { return opened_; }
  /// An empty one if there is none, or it cannot be read.
  State state() const { return read_state().value_or(State()); }
  /// An empty one if there is none; transient() if it cannot be read now but may be later.
  Result<State> read_state() const;
  /// Reads, changes and replaces state.json; safe against other processes doing the same. It waits for another process
  /// that holds it: 15 ms, or as be_patient() says, if that one was stopped, because a host must not be held up; at
  /// least 500 ms if it is running. Changes nothing if the file cannot be read now, if `enough` is true of what others
  /// have written meanwhile, or if the file existed and has been removed.
  std::error_code update_state(const std::function<void(State&)>& change,
                               const std::function<bool(const State&)>& enough = {});
  /// For processes that nobody waits for, and for the user's commands.
  void be_patient(std::chrono::milliseconds limit = std::chrono::milliseconds(200)) noexcept { patience_ = limit; }
  /// For a host, which opens the folder only briefly: the folders in it are opened once.
  void keep_open() noexcept {
    outbox.keep_open();
    archive.keep_open();
  }

 private:
  Storage(std::shared_ptr<const os::Folder> folder, std::string app, std::shared_ptr<const State> opened,
          os::Folder::Stamp stamp, bool marked)
      : folder_(std::move(folder)),
        app_(std::move(app)),
        opened_(std::move(opened)),
        stamp_(stamp),
        marked_(marked),
        outbox(folder_, app_),
        archive(folder_) {}
  std::shared_ptr<const os::Folder> folder_;
  std::string app_;
  std::shared_ptr<const State> opened_;  // copied by nobody: it is a dozen allocations
  os::Folder::Stamp stamp_;              // of the file that `opened_` is
  bool marked_;
  std::chrono::milliseconds patience_{15};

 public:
  Outbox outbox;
  Archive archive;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
