#pragma once

#include <algorithm>

#include "uploader.hpp"
#include "drain.inl"
#include "upload_pass.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

/// An uploader that was started and did not get this far leaves the file empty, which `usage-stats status` reports.
USAGE_STATS_INLINE void note_at_work(const Storage& storage, os::LockedFile& lock) {
  for (const auto& entry : storage.folder().list(1, [](std::string_view name) { return name == lock_file; }))
    if (entry.size == 0 && !entry.linked) lock.append("at work\n");
}

}  // namespace uploader_impl

USAGE_STATS_INLINE bool upload(const std::filesystem::path& usage_folder, const UploadOptions& options, const Log& log,
                               std::error_code& error) {
  using os::LockedFile;
  bool worked = false;
  auto storage = Storage::open(usage_folder, {}, false, error);
  if (!storage) return log("no uploading: ", os::path_bytes(usage_folder), ": ", error.message()), false;
  if (!options.awaited) storage->be_patient();
  if (!os::has_standard_streams()) return log("no uploading: a standard stream is closed"), true;
  for (;;) {
    LockedFile::Attempt outcome{};
    LockedFile lock =
        LockedFile::acquire(storage->folder(), uploader_impl::lock_file, options.makes_lock && !worked, outcome, error);
    if (!lock) {
      if (outcome != LockedFile::Attempt::failed) error.clear();
      log(outcome == LockedFile::Attempt::failed ? "uploader.lock: " + error.message() : "another uploader is at work");
      return worked;
    }
    if (!worked) uploader_impl::note_at_work(*storage, lock);
    worked = true;
    const auto state = storage->read_state();
    // A server may have told this version to stop, or to wait.
    if (!state) return log("state.json cannot be read now: nothing is sent"), worked;
    if (state->newer) return log("state.json is of a newer version: nothing is sent"), worked;
    const auto seen = uploader_impl::UploadPass(*storage, *state, options, log).run();
    lock.release();
    if (storage->folder().is_gone()) return true;
    // A session that saw the lock held has not started an uploader: its envelope may have arrived after the last check.
    collect_vanished(*storage, log);
    const auto now = uploader_impl::names_of_waiting(*storage);
    if (std::includes(seen.begin(), seen.end(), now.begin(), now.end())) return true;
    if (uploader_impl::Clock::now() >= options.deadline) return true;
  }
}

USAGE_STATS_INLINE bool may_be_asked(const Envelope& envelope, const State& state) {
  return std::any_of(envelope.destinations.begin(), envelope.destinations.end(), [&](const Destination& destination) {
    return state.may_ask(destination.endpoint.url, now_seconds());
  });
}

USAGE_STATS_INLINE bool uploader_needed(const Storage& storage, const Envelope& envelope, const State& state) {
  if (state.is_deletion_due(now_seconds())) return true;
  return may_be_asked(envelope, state) || needs_pruning(storage, envelope.client_id);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
