#pragma once

#include <algorithm>
#include <mutex>
#include <thread>

#include "../os/bounded_lock.hpp"
#include "archive.inl"
#include "outbox.inl"
#include "ownership.inl"
#include "recovery.inl"
#include "retention.inl"
#include "storage.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

struct StateMutex {
  std::mutex mutex;  // between this process's threads; the file's lock is between processes
};

constexpr std::chrono::milliseconds most_patience{500};

/// If several runs start together, one creates the folder, and the others find it empty. Where an empty folder counts
/// as somebody else's, they wait for the first one's state.json. They do not wait if the folder is older: whoever
/// created it has given up.
USAGE_STATS_INLINE void wait_for_maker(const os::Folder& folder, const std::string& app, Ownership& found) {
  constexpr std::chrono::seconds young{2};
  std::error_code error;
  const auto modified = std::filesystem::last_write_time(folder.path(), error);
  const auto age = std::filesystem::file_time_type::clock::now() - modified;
  if (error || age > young || age < -young) return;
  const auto deadline = std::chrono::steady_clock::now() + most_patience;
  while (found.error == os::refused(os::Refusal::common_place) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    found = ownership_of(folder, app, false);
  }
}

}  // namespace storage_impl

USAGE_STATS_INLINE std::optional<Storage> Storage::open(const std::filesystem::path& path, const std::string& app,
                                                        bool create, std::error_code& error) {
  os::Folder folder = os::Folder::open(path, create, error);
  if (!folder) return std::nullopt;
  storage_impl::Ownership found = storage_impl::ownership_of(folder, app, folder.is_new());
  if (create && found.error == os::refused(os::Refusal::common_place)) storage_impl::wait_for_maker(folder, app, found);
  error = found.error;
  if (!error && found.fresh && !create) error = std::make_error_code(std::errc::no_such_file_or_directory);
  if (error) return std::nullopt;
  Storage storage(std::make_shared<const os::Folder>(std::move(folder)), std::move(found.app),
                  std::make_shared<const State>(std::move(found.state)), found.stamp, found.marked);
  if (!create) return storage;
  error = storage.claim();
  // If the lock cannot be taken, another run is claiming the folder for the same program.
  if (error == std::errc::timed_out) error.clear();
  if (error && found.fresh) return std::nullopt;
  if (found.fresh)
    storage.opened_ =
        std::make_shared<const State>(storage.state());  // what runs that started at the same moment have written
  return storage;
}

USAGE_STATS_INLINE std::optional<Storage> Storage::open_again(const std::filesystem::path& path, const Known& known,
                                                              std::error_code& error) {
  os::Folder folder = os::Folder::open(path, false, error);
  if (!folder) return std::nullopt;
  if (!folder.stamp(storage_impl::state_file).is(known.stamp)) return open(path, known.app, false, error);
  return Storage(std::make_shared<const os::Folder>(std::move(folder)), known.app, known.state, known.stamp, true);
}

USAGE_STATS_INLINE std::error_code Storage::claim() {
  if (marked_) return {};
  const std::error_code error =
      update_state([](State&) noexcept {}, [this](const State& now) noexcept { return now.app == app_; });
  marked_ = !error;
  return error;
}

USAGE_STATS_INLINE Result<State> Storage::read_state() const {
  std::error_code error;
  const auto text = folder_->read(storage_impl::state_file, limits::file_bytes, error);
  if (text) return parse_state(*text);
  if (is_transient(error)) return error;
  return State();
}

USAGE_STATS_INLINE std::error_code Storage::update_state(const std::function<void(State&)>& change,
                                                         const std::function<bool(const State&)>& enough) {
  using os::LockedFile;
  const auto guard = lock_or_give_up(os::per_process<storage_impl::StateMutex>().mutex);
  if (!guard) return std::make_error_code(std::errc::timed_out);
  std::error_code error;
  if (!enough_memory()) return std::make_error_code(std::errc::not_enough_memory);
  const bool may_make = !marked_;  // if it existed and is gone, it was removed, and so may be everything else
  const auto began = std::chrono::steady_clock::now(), deadline = began + patience_;
  // The holder may just be waiting for its turn on an overloaded machine.
  const auto worth_waiting = [&](std::chrono::steady_clock::time_point now) {
    return now < deadline ||
           (now < began + storage_impl::most_patience && !LockedFile::is_stuck(*folder_, storage_impl::state_file));
  };
  do {
    if (enough && enough(state())) return {};
    LockedFile::Attempt outcome{};
    const LockedFile lock = LockedFile::acquire(*folder_, storage_impl::state_file, may_make, outcome, error);
    if (outcome == LockedFile::Attempt::failed) return error;
    if (lock && lock.still_named(*folder_, storage_impl::state_file)) {
      auto found = read_state();
      if (!found) return std::make_error_code(std::errc::io_error);
      State& changed = *found;
      if (changed.newer) return os::refused(os::Refusal::newer_version);
      change(changed);
      changed.app = app_;
      const std::string text = to_text(changed);
      return may_make ? folder_->write(storage_impl::state_file, text)
                      : folder_->replace(storage_impl::state_file, text);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // somebody else is writing; that takes microseconds
  } while (worth_waiting(std::chrono::steady_clock::now()));
  return std::make_error_code(std::errc::timed_out);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
