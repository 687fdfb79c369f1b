#pragma once

#include <algorithm>

#include "../base/order.inl"
#include "outbox.inl"
#include "recovery.inl"
#include "retention.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

USAGE_STATS_INLINE void remove_old_temporaries(const os::Folder& folder) {
  const auto oldest = std::chrono::system_clock::now() - std::chrono::hours(1);
  for (const auto& entry : folder.list(most_entries, is_temporary))
    if (!entry.folder && entry.modified < oldest) folder.remove(entry.name);
}

/// Each month, each run or each `reset` may have had an id of its own. The hour keeps clear of a run that just begins.
USAGE_STATS_INLINE void remove_empty_clients(const os::Folder& top) {
  const auto oldest = std::chrono::system_clock::now() - std::chrono::hours(1);
  for (const auto& entry : top.list(most_entries, is_client))
    if (entry.folder && entry.modified < oldest) top.remove_empty(entry.name);
}

struct KeptSession {
  std::string client, session;
  std::chrono::system_clock::time_point modified;
};

/// Sessions whose envelopes are gone: nothing but the user's own look at them still needs their reports.
USAGE_STATS_INLINE std::vector<KeptSession> finished_sessions(const Storage& storage) {
  std::vector<KeptSession> sessions;
  std::error_code error, pending_error;
  const os::Folder active = storage.outbox.active(error), pending = storage.outbox.pending(pending_error);
  // Else any of them may still be needed.
  if ((!active && is_transient(error)) || (!pending && is_transient(pending_error))) return sessions;
  const os::Folder& top = storage.folder();
  for (const auto& client : top.list(most_entries, is_client)) {
    const os::Folder inner = top.folder(client.name, false, error);
    if (!inner) continue;
    for (const auto& session : inner.list(most_entries, is_id)) {
      if (!session.folder) continue;
      const bool needed = (active && active.exists(session.name)) || (pending && pending.exists(session.name));
      if (!needed) sessions.push_back({client.name, session.name, session.modified});
    }
  }
  sort_stably(sessions, [](const KeptSession& a, const KeptSession& b) noexcept { return a.modified > b.modified; });
  return sessions;
}

}  // namespace storage_impl

USAGE_STATS_INLINE void prune(Storage& storage, const Log& log, bool backlog) {
  const Outbox::Waiting waiting = storage.outbox.list_waiting();
  std::size_t bytes = 0, kept = 0, dropped = 0;
  for (const std::string& name : waiting.damaged) {
    log("pending/", name, " is damaged; removed");
    if (succeeded(storage.outbox.remove(name))) ++dropped;
  }
  const std::vector<Envelope>& envelopes = waiting.envelopes;
  for (auto envelope = envelopes.rbegin(); envelope != envelopes.rend(); ++envelope) {  // the youngest stay
    if (envelope->deletion) continue;
    bytes += storage.archive.read_report(envelope->client_id, envelope->session_id).value_or("").size();
    if ((++kept <= limits::waiting_reports || backlog) && bytes <= limits::waiting_bytes) continue;
    if (succeeded(storage.outbox.remove(envelope->session_id))) ++dropped;
  }
  if (dropped > 0) {
    log(std::to_string(dropped), " reports waited too long; dropped");
    storage.update_state([&](State& state) noexcept { state.dropped += static_cast<std::int64_t>(dropped); });
  }

  const auto oldest = std::chrono::system_clock::now() - limits::kept_for;
  std::size_t count = 0;
  for (const auto& session : storage_impl::finished_sessions(storage)) {
    if (++count <= limits::kept_sessions && session.modified >= oldest) continue;
    storage.archive.remove_session(session.client, session.session);
  }
  storage_impl::remove_empty_clients(storage.folder());
  storage_impl::remove_old_temporaries(storage.folder());
  std::error_code error;
  for (const os::Folder& inner : {storage.outbox.active(error), storage.outbox.pending(error)})
    if (inner) storage_impl::remove_old_temporaries(inner);
}

USAGE_STATS_INLINE bool needs_pruning(const Storage& storage, const std::string& client_id) {
  using storage_impl::first_look;
  using storage_impl::first_names;
  if (has_abandoned_runs(storage)) return true;
  std::error_code error;
  const os::Folder client = storage.archive.client(client_id, error);
  const os::Folder pending = storage.outbox.pending(error);
  const std::size_t waiting = first_names(pending, limits::waiting_reports).size();
  const std::size_t most = limits::kept_sessions + storage_impl::some + waiting;
  const auto sessions = first_look(client, most);
  const auto clients = first_look(storage.folder(), most, storage_impl::is_client);
  // Sessions of this client, or clients that were one session each.
  if (waiting > limits::waiting_reports || sessions.size() > most || clients.size() > most) return true;
  const auto oldest = std::chrono::system_clock::now() - limits::kept_for;
  const auto is_old = [&](const os::Folder::Entry& session) {
    if (session.modified >= oldest || (pending && pending.exists(session.name))) return false;
    const os::Folder active = storage.outbox.active(error);  // not for nothing: a run waits
    return !active || !active.exists(session.name);
  };
  return std::any_of(sessions.begin(), sessions.end(), is_old) ||
         std::any_of(clients.begin(), clients.end(), [&](const os::Folder::Entry& other) {
           if (other.modified >= oldest) return false;
           const auto its = first_look(storage.folder().folder(other.name, false, error), most);
           return std::any_of(its.begin(), its.end(), is_old);
         });
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
