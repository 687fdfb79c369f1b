#pragma once

#include <algorithm>

#include "../record/report.hpp"
#include "archive.inl"
#include "outbox.inl"
#include "recovery.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

constexpr std::size_t some = 16;  // this many beyond a limit, so that not every run over it starts an uploader

/// Up to one more than `limit` entries named like ours, if they are among the first names.
USAGE_STATS_INLINE std::vector<os::Folder::Entry> first_look(const os::Folder& folder, std::size_t limit,
                                                             bool (*wanted)(std::string_view) = is_id) {
  return folder ? folder.list(limit + 1, wanted, limit + 1000) : std::vector<os::Folder::Entry>();
}

USAGE_STATS_INLINE std::vector<std::string> first_names(const os::Folder& folder, std::size_t limit) {
  return folder ? folder.names(limit + 1, is_id, limit + 1000) : std::vector<std::string>();
}

/// Writes the last report for an envelope whose process is gone, if it has none. If that fails, the envelope is kept
/// for later (the disk is full), or, if the result is damaged, is useless.
USAGE_STATS_INLINE Result<bool> end_vanished(Storage& storage, const Envelope& envelope, const Log& log) {
  const auto write = [&](const std::string& text) {
    // What `delete` or the user removes meanwhile must not come back.
    const auto still_there = [&] {
      std::error_code error;
      const os::Folder active = storage.outbox.active(error);
      return (active && active.exists(envelope.session_id)) || storage.outbox.is_waiting(envelope.session_id);
    };
    const auto error = storage.archive.write_report(envelope.client_id, envelope.session_id, text, still_there);
    return error ? Result<bool>(error) : Result<bool>(true);
  };
  const auto written = storage.archive.written_report(envelope);
  if (written.transient()) return written.error();
  if (written && written->final) return true;
  if (const auto last = parse_json(envelope.last_report);
      last && string_member(*last, "session_id") == envelope.session_id)
    return write(envelope.last_report);
  const RunStatus status = envelope.signal.empty() ? RunStatus::lost : RunStatus::signal;
  const auto report = recover_report(written ? written->text : envelope.running_report, bool(written), status,
                                     envelope.signal, envelope.duration);
  log("session ", envelope.session_id, " vanished; it is reported as \"", status_name(status), "\"");
  if (!report) return Result<bool>::make_damaged();
  return write(*report);
}

}  // namespace storage_impl

USAGE_STATS_INLINE Result<std::string> waiting_report(Storage& storage, const Envelope& envelope, const Log& log) {
  const auto written = storage.archive.written_report(envelope);
  if (written) return written->text;
  if (!written.damaged()) return written.error();
  if (const auto ended = storage_impl::end_vanished(storage, envelope, log); !ended)
    return ended.damaged() ? Result<std::string>::make_damaged()
                           : Result<std::string>(std::make_error_code(std::errc::io_error));
  return storage.archive.read_report(envelope.client_id, envelope.session_id);
}

USAGE_STATS_INLINE void collect_vanished(Storage& storage, const Log& log, std::size_t most) {
  std::error_code error;
  const os::Folder active = storage.outbox.active(error);
  if (!active) return;
  const std::string here = os::host_identity();
  for (const auto& entry : active.list(std::min(most, storage_impl::most_entries), is_id)) {
    if (entry.folder || os::LockedFile::is_locked(active, entry.name)) continue;
    const auto envelope = storage.outbox.read(active, entry.name);
    if (envelope.transient()) continue;
    if (envelope && storage_impl::is_left_to_its_host(*envelope, here)) continue;
    const auto ended = envelope ? storage_impl::end_vanished(storage, *envelope, log) : Result<bool>::make_damaged();
    if (ended) {
      storage.outbox.enqueue(*envelope);
      // From here on, this machine is responsible for sending it.
      if (storage_impl::is_elsewhere(*envelope, here))
        storage.outbox.update(envelope->session_id, [](Envelope& taken) noexcept { taken.host.clear(); });
    } else if (ended.damaged() && !storage_impl::is_newer(envelope)) {
      log("active/", entry.name, " is not an envelope; removed");
      active.remove(entry.name);
    }
  }
}

USAGE_STATS_INLINE bool has_abandoned_runs(const Storage& storage) {
  std::error_code error;
  const os::Folder active = storage.outbox.active(error);
  if (storage_impl::first_names(active, storage_impl::some).size() <= storage_impl::some) return false;
  const auto names = storage_impl::first_names(active, 100);
  const std::string here = os::host_identity();
  std::size_t vanished = 0;
  for (const std::string& name : names) {
    if (os::LockedFile::is_locked(active, name)) continue;
    const auto envelope = storage.outbox.read(active, name);
    const bool left = envelope ? storage_impl::is_left_to_its_host(*envelope, here) : storage_impl::is_newer(envelope);
    if (!left && ++vanished > storage_impl::some) return true;
  }
  return false;
}

USAGE_STATS_INLINE void forget(Storage& storage, const Envelope& envelope) {
  if (storage.outbox.is_waiting(envelope.session_id) ||
      !storage.archive.delivery_text(envelope.client_id, envelope.session_id).empty())
    return;
  storage.archive.remove_session(envelope.client_id, envelope.session_id);
  storage.folder().remove_empty(envelope.client_id);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
