#pragma once

#include <algorithm>

#include "../base/json.inl"
#include "../base/order.inl"
#include "envelope.inl"
#include "outbox.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

constexpr std::chrono::minutes sending_elsewhere{2};  // an envelope in pending/: longer than an uploader lives

USAGE_STATS_INLINE bool is_elsewhere(const Envelope& envelope, const std::string& here) {
  return !envelope.host.empty() && envelope.host != host_mark(envelope.session_id, here);
}

USAGE_STATS_INLINE bool is_left_to_its_host(const Envelope& envelope, const std::string& here) {
  const Seconds age = now_seconds() - envelope.created;
  return is_elsewhere(envelope, here) && age < left_to_its_host && age > -left_to_its_host;
}

USAGE_STATS_INLINE bool is_newer(const Result<Envelope>& envelope) noexcept {
  return !envelope && envelope.error() == os::refused(os::Refusal::newer_version);
}

}  // namespace storage_impl

USAGE_STATS_INLINE os::LockedFile Outbox::begin(const Envelope& envelope, std::error_code& error) {
  const os::Folder folder = make_active(error);
  if (!folder) return {};
  return os::LockedFile::create(folder, envelope.session_id, to_text(envelope), error);
}

USAGE_STATS_INLINE std::error_code Outbox::enqueue(const Envelope& envelope) {
  std::error_code error;
  const os::Folder from = active(error);
  if (!from) return error;
  if (envelope.destinations.empty()) return from.remove(envelope.session_id);
  os::Folder to = pending(error);
  // Not if the user is removing everything: then nothing new may appear.
  if (!to && error == std::errc::no_such_file_or_directory && from.exists(envelope.session_id))
    to = make_pending(error);
  return to ? from.move(envelope.session_id, to) : error;
}

USAGE_STATS_INLINE std::error_code Outbox::add(const Envelope& envelope, bool durable) {
  if (envelope.destinations.empty()) return {};
  std::error_code error;
  const os::Folder folder = make_pending(error);
  return folder ? folder.write(envelope.session_id, to_text(envelope), durable) : error;
}

USAGE_STATS_INLINE Result<Envelope> Outbox::read(const os::Folder& folder, const std::string& name) const {
  std::error_code error;
  const auto text = folder.read(name, limits::file_bytes, error);
  if (!text) return error;
  auto envelope = parse_envelope(*text);
  if (!envelope && is_newer_envelope(*text)) return os::refused(os::Refusal::newer_version);
  if (!envelope || envelope->session_id != name || envelope->app != app_) return Result<Envelope>::make_damaged();
  return std::move(*envelope);
}

USAGE_STATS_INLINE bool Outbox::is_waiting(const std::string& session_id) const {
  std::error_code error;
  const os::Folder folder = pending(error);
  return folder && folder.exists(session_id);
}

USAGE_STATS_INLINE std::vector<Envelope> Outbox::interims(const Archive& archive) const {
  std::vector<Envelope> envelopes;
  std::error_code error;
  const os::Folder folder = active(error);
  if (!folder) return envelopes;
  for (const auto& entry : folder.list(storage_impl::most_entries, is_id)) {
    if (entry.folder || !os::LockedFile::is_locked(folder, entry.name)) continue;
    auto envelope = read(folder, entry.name);
    if (!envelope || envelope->destinations.empty()) continue;
    const auto written = archive.written_report(*envelope);
    if (!written || written->final) continue;
    (*envelope).sequence = written->sequence;
    envelopes.push_back(std::move(*envelope));
  }
  return envelopes;
}

USAGE_STATS_INLINE Outbox::LeftAlone Outbox::left_alone() const {
  LeftAlone found;
  std::error_code error;
  const auto note = [&] {
    if (error && error != std::errc::no_such_file_or_directory) found.incomplete = true;
  };
  const std::string here = os::host_identity();
  if (const os::Folder folder = active(error))
    for (const auto& entry : folder.list(storage_impl::most_entries, is_id, error)) {
      if (entry.folder || os::LockedFile::is_locked(folder, entry.name)) continue;
      const auto envelope = read(folder, entry.name);
      ++(storage_impl::is_newer(envelope)                                 ? found.newer
         : envelope && storage_impl::is_left_to_its_host(*envelope, here) ? found.elsewhere
                                                                          : found.vanished);
    }
  note();
  if (const os::Folder folder = pending(error))
    for (const auto& entry : folder.list(storage_impl::most_entries, is_id, error))
      found.newer += storage_impl::is_newer(read(folder, entry.name)) ? 1U : 0U;
  note();
  return found;
}

USAGE_STATS_INLINE Outbox::Waiting Outbox::list_waiting() const {
  Waiting found;
  std::error_code error;
  const os::Folder folder = pending(error);
  if (!folder) return found.incomplete = error != std::errc::no_such_file_or_directory, found;
  const std::string here = os::host_identity();
  const auto recently = std::chrono::system_clock::now() - storage_impl::sending_elsewhere;
  const auto entries = folder.list(storage_impl::most_entries, is_id, error);
  found.incomplete = static_cast<bool>(error);
  for (const auto& entry : entries) {
    auto envelope = read(folder, entry.name);
    found.incomplete = found.incomplete || envelope.transient();
    if (envelope.damaged()) found.damaged.push_back(entry.name);
    if (!envelope) continue;
    (*envelope).in_use_elsewhere = entry.changed > recently && storage_impl::is_elsewhere(*envelope, here);
    found.envelopes.push_back(std::move(*envelope));
  }
  sort_stably(found.envelopes, [](const Envelope& a, const Envelope& b) noexcept {
    return a.created != b.created ? a.created < b.created : a.session_id < b.session_id;
  });
  return found;
}

USAGE_STATS_INLINE std::error_code Outbox::update(const std::string& session_id,
                                                  const std::function<void(Envelope&)>& change) {
  std::error_code error;
  const os::Folder folder = pending(error);
  if (!folder) return error;
  auto envelope = read(folder, session_id);
  if (!envelope)
    return envelope.damaged() ? std::make_error_code(std::errc::no_such_file_or_directory) : envelope.error();
  change(*envelope);
  if (envelope->destinations.empty()) return folder.remove(session_id);
  // What `disable` or `delete` removes meanwhile must not come back.
  return folder.replace(session_id, to_text(*envelope), true);
}

USAGE_STATS_INLINE std::error_code Outbox::remove(const std::string& session_id) {
  std::error_code error;
  const os::Folder folder = pending(error);
  return folder ? folder.remove(session_id) : error;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
