#pragma once

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <thread>

#include "../record/redaction/scrub.hpp"
#include "../record/report.hpp"
#include "storage.hpp"
#include "envelope.inl"
#include "ownership.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace storage_impl {

struct StateMutex {
  std::mutex mutex;  // this process's own threads; the file's lock is between processes
};

/// A fault that may pass: not of the file itself.
USAGE_STATS_INLINE bool is_transient(std::error_code error) {
  for (const std::errc lasting :
       {std::errc::no_such_file_or_directory, std::errc::not_a_directory, std::errc::operation_not_permitted,
        std::errc::too_many_symbolic_link_levels, std::errc::file_too_large, std::errc::no_such_device_or_address})
    if (error == lasting) return false;
  return bool(error);
}

}  // namespace storage_impl

USAGE_STATS_INLINE void count_deliveries(const State& state, Report& report) {
  report.delivered = state.sent;
  report.failed = state.failed;
  report.dropped = state.dropped;
}

USAGE_STATS_INLINE std::optional<Storage> Storage::open(const std::filesystem::path& path, const std::string& app,
                                                        bool create, std::error_code& error) {
  bool made = false;
  os::Folder folder = os::Folder::open(path, create, error, &made);
  if (!folder) return std::nullopt;
  storage_impl::Ownership found = storage_impl::ownership_of(folder, app, made);
  error = found.error;
  if (!error && found.fresh && !create) error = std::make_error_code(std::errc::no_such_file_or_directory);
  if (error) return std::nullopt;
  Storage storage(std::move(folder), std::move(found.app), std::move(found.state), found.marked);
  if (!create) return storage;
  error = storage.claim();
  if (error && found.fresh) return std::nullopt;
  if (found.fresh) storage.opened_ = storage.state();  // what others have written who began at the same moment
  return storage;
}

USAGE_STATS_INLINE std::error_code Storage::claim() {
  if (marked_) return {};
  const std::error_code error = update_state([](State&) {}, [this](const State& now) { return now.app == app_; });
  marked_ = !error;
  return error;
}

USAGE_STATS_INLINE State Storage::state(bool* unreadable) const {
  std::error_code error;
  const auto text = folder_.read(storage_impl::state_file, limits::file_bytes, error);
  if (unreadable != nullptr) *unreadable = !text && storage_impl::is_transient(error);
  return text ? parse_state(*text) : State();
}

USAGE_STATS_INLINE std::error_code Storage::update_state(const std::function<void(State&)>& change,
                                                         const std::function<bool(const State&)>& enough) const {
  using os::LockedFile;
  const auto guard = lock_or_give_up(os::per_process<storage_impl::StateMutex>().mutex);
  if (!guard) return std::make_error_code(std::errc::timed_out);
  std::error_code error;
  if (!enough_memory()) return std::make_error_code(std::errc::not_enough_memory);
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  do {
    if (enough && enough(state())) return {};
    LockedFile::Outcome outcome{};
    const LockedFile lock = LockedFile::acquire(folder_, storage_impl::state_file, true, outcome, error);
    if (outcome == LockedFile::Outcome::failed) return error;
    if (lock && lock.still_named(folder_, storage_impl::state_file)) {
      bool unreadable = false;
      State changed = state(&unreadable);
      if (unreadable) return std::make_error_code(std::errc::io_error);
      if (changed.newer) return os::refused(os::Refusal::newer_version);
      change(changed);
      changed.app = app_;
      return folder_.write(storage_impl::state_file, to_text(changed));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // somebody else is writing; that takes microseconds
  } while (std::chrono::steady_clock::now() < deadline);
  return std::make_error_code(std::errc::timed_out);
}

USAGE_STATS_INLINE os::LockedFile Storage::begin(const Envelope& envelope, std::error_code& error) const {
  const os::Folder active = folder_.folder("active", true, error);
  if (!active) return {};
  return os::LockedFile::create(active, envelope.session_id, to_text(envelope), error);
}

USAGE_STATS_INLINE std::filesystem::path Storage::report_path(const std::string& client_id,
                                                              const std::string& session_id) const {
  return folder_.path() / client_id / session_id / storage_impl::report_file;
}

USAGE_STATS_INLINE std::error_code Storage::write_report(const std::string& client_id, const std::string& session_id,
                                                         std::string_view json,
                                                         const std::function<bool()>& wanted) const {
  std::error_code error;
  const os::Folder client = folder_.folder(client_id, true, error);
  if (!client) return error;
  const os::Folder session = client.folder(session_id, true, error);
  return session ? session.write(storage_impl::report_file, json, false, wanted) : error;
}

USAGE_STATS_INLINE std::optional<std::string> Storage::read_report(const std::string& client_id,
                                                                   const std::string& session_id,
                                                                   bool* unreadable) const {
  std::error_code error;
  std::optional<std::string> text;
  if (const os::Folder client = folder_.folder(client_id, false, error))
    if (const os::Folder session = client.folder(session_id, false, error))
      text = session.read(storage_impl::report_file, limits::file_bytes, error);
  if (unreadable != nullptr) *unreadable = !text && storage_impl::is_transient(error);
  return text;
}

USAGE_STATS_INLINE std::error_code Storage::finish(const Envelope& envelope) const {
  std::error_code error;
  const os::Folder active = folder_.folder("active", false, error);
  if (!active) return error;
  if (envelope.destinations.empty()) return active.remove(envelope.session_id);
  const os::Folder pending = folder_.folder("pending", true, error);
  return pending ? active.move(envelope.session_id, pending) : error;
}

USAGE_STATS_INLINE std::error_code Storage::wait_again(const Envelope& envelope) const {
  if (envelope.destinations.empty()) return {};
  std::error_code error;
  const os::Folder pending = folder_.folder("pending", true, error);
  return pending ? pending.write(envelope.session_id, to_text(envelope)) : error;
}

namespace storage_impl {

constexpr Seconds left_to_its_host = 24 * 3600;       // an envelope in active/
constexpr std::chrono::minutes sending_elsewhere{2};  // one in pending/: longer than an uploader lives

/// Whether an envelope is another machine's: its locks may not be seen here.
USAGE_STATS_INLINE bool is_elsewhere(const Envelope& envelope, const std::string& here) {
  return !envelope.host.empty() && envelope.host != host_mark(envelope.session_id, here);
}

/// ... and in active/: it may be alive there.
USAGE_STATS_INLINE bool is_left_to_its_host(const Envelope& envelope, const std::string& here) {
  const Seconds age = now_seconds() - envelope.created;
  return is_elsewhere(envelope, here) && age < left_to_its_host && age > -left_to_its_host;
}

/// An envelope of the app whose folder it is.
USAGE_STATS_INLINE std::optional<Envelope> parse_envelope(std::string_view text, const std::string& name,
                                                          const std::string& app) {
  auto envelope = detail::parse_envelope(text);
  return envelope && envelope->session_id == name && envelope->app == app ? envelope : std::nullopt;
}

USAGE_STATS_INLINE std::optional<Envelope> read_envelope(const os::Folder& folder, const std::string& name,
                                                         const std::string& app, std::error_code& error) {
  const auto text = folder.read(name, limits::file_bytes, error);
  return text ? parse_envelope(*text, name, app) : std::nullopt;
}

/// Whether an envelope that cannot be read as one of ours is a newer version's.
USAGE_STATS_INLINE bool is_newer(const os::Folder& folder, const std::string& name) {
  std::error_code error;
  return is_newer_label(folder.read(name, limits::file_bytes, error).value_or(""));
}

/// A report that the run itself has written.
struct Written {
  std::string text;
  std::int64_t sequence = 0;  // 0: there is none
  bool final = false;
  bool unreadable = false;  // there may be one
  bool damaged = false;     // there was one
};

USAGE_STATS_INLINE Written written_report(const Storage& storage, const Envelope& envelope) {
  Written written;
  const auto text = storage.read_report(envelope.client_id, envelope.session_id, &written.unreadable);
  const auto json = text ? parse_json(*text) : std::nullopt;
  written.damaged = text && (!json || string_member(*json, "session_id") != envelope.session_id);
  if (!json || written.damaged) return written;
  written.sequence = std::max<std::int64_t>(integer_member(*json, "sequence", 1), 1);
  written.final = boolean_member(*json, "final");
  written.text = *text;
  return written;
}

/// Whether the run of an envelope whose process is gone has its last report now. If not, the envelope is kept for later
/// (the disk is full), or, with invalid_argument, is good for nothing.
USAGE_STATS_INLINE bool end_vanished(const Storage& storage, const Envelope& envelope, const Log& log,
                                     std::error_code& error) {
  const Written written = written_report(storage, envelope);
  error = written.unreadable ? std::make_error_code(std::errc::io_error) : std::error_code();
  if (written.final || error) return !error;
  if (const auto last = parse_json(envelope.last_report);
      last && string_member(*last, "session_id") == envelope.session_id)
    return !(error = storage.write_report(envelope.client_id, envelope.session_id, envelope.last_report));
  const RunStatus status = envelope.signal.empty() ? RunStatus::lost : RunStatus::signal;
  const auto report = close_report(written.sequence > 0 ? written.text : envelope.running_report, written.sequence > 0,
                                   status, envelope.signal, envelope.duration);
  error = report ? storage.write_report(envelope.client_id, envelope.session_id, *report)
                 : std::make_error_code(std::errc::invalid_argument);
  log("session ", envelope.session_id, " vanished; it is reported as \"", status_name(status), "\"");
  return !error;
}

}  // namespace storage_impl

USAGE_STATS_INLINE std::optional<std::string> Storage::waiting_report(const Envelope& envelope, const Log& log,
                                                                      bool& unreadable) const {
  const storage_impl::Written written = storage_impl::written_report(*this, envelope);
  unreadable = written.unreadable;
  if (written.sequence > 0) return written.text;
  std::error_code error;
  if (!written.damaged) return std::nullopt;
  if (!storage_impl::end_vanished(*this, envelope, log, error)) {
    unreadable = error != std::errc::invalid_argument;
    return std::nullopt;
  }
  return read_report(envelope.client_id, envelope.session_id, &unreadable);
}

USAGE_STATS_INLINE void Storage::collect_vanished(const Log& log, std::size_t most) const {
  std::error_code error;
  const os::Folder active = folder_.folder("active", false, error);
  if (!active) return;
  const std::string here = os::host_identity();
  for (const auto& entry : active.list(std::min(most, storage_impl::most_entries), is_id)) {
    if (entry.folder || os::LockedFile::is_locked(active, entry.name)) continue;
    const auto envelope = storage_impl::read_envelope(active, entry.name, app_, error);
    if (!envelope && storage_impl::is_transient(error)) continue;
    if (envelope && storage_impl::is_left_to_its_host(*envelope, here)) continue;
    if (envelope && storage_impl::end_vanished(*this, *envelope, log, error)) {
      finish(*envelope);
      // From here on it is this machine's to send.
      if (storage_impl::is_elsewhere(*envelope, here))
        update_waiting(envelope->session_id, [](Envelope& taken) { taken.host.clear(); });
    } else if ((!envelope && !storage_impl::is_newer(active, entry.name)) || error == std::errc::invalid_argument) {
      log("active/", entry.name, " is no envelope; removed");
      active.remove(entry.name);
    }
  }
}

USAGE_STATS_INLINE std::vector<Envelope> Storage::interims() const {
  std::vector<Envelope> envelopes;
  std::error_code error;
  const os::Folder active = folder_.folder("active", false, error);
  if (!active) return envelopes;
  for (const auto& entry : active.list(storage_impl::most_entries, is_id)) {
    if (entry.folder || !os::LockedFile::is_locked(active, entry.name)) continue;
    auto envelope = storage_impl::read_envelope(active, entry.name, app_, error);
    if (!envelope || envelope->destinations.empty()) continue;
    const auto written = storage_impl::written_report(*this, *envelope);
    if (written.sequence == 0 || written.final) continue;
    envelope->sequence = written.sequence;
    envelopes.push_back(std::move(*envelope));
  }
  return envelopes;
}

USAGE_STATS_INLINE Storage::LeftAlone Storage::left_alone() const {
  LeftAlone found;
  std::error_code error;
  const std::string here = os::host_identity();
  if (const os::Folder active = folder_.folder("active", false, error))
    for (const auto& entry : active.list(storage_impl::most_entries, is_id)) {
      if (entry.folder || os::LockedFile::is_locked(active, entry.name)) continue;
      const auto envelope = storage_impl::read_envelope(active, entry.name, app_, error);
      const bool newer = !envelope && storage_impl::is_newer(active, entry.name);
      ++(newer                                                            ? found.newer
         : envelope && storage_impl::is_left_to_its_host(*envelope, here) ? found.elsewhere
                                                                          : found.vanished);
    }
  if (const os::Folder pending = folder_.folder("pending", false, error))
    for (const auto& entry : pending.list(storage_impl::most_entries, is_id))
      found.newer += storage_impl::is_newer(pending, entry.name) ? 1U : 0U;
  return found;
}

USAGE_STATS_INLINE std::vector<Envelope> Storage::waiting(bool* incomplete) const {
  std::vector<Envelope> envelopes;
  std::error_code error;
  bool skipped = false;
  const os::Folder pending = folder_.folder("pending", false, error);
  if (!pending) skipped = error != std::errc::no_such_file_or_directory;
  const std::string here = os::host_identity();
  const auto recently = std::chrono::system_clock::now() - storage_impl::sending_elsewhere;
  if (pending)
    for (const auto& entry : pending.list(storage_impl::most_entries, is_id)) {
      auto envelope = storage_impl::read_envelope(pending, entry.name, app_, error);
      if (envelope) {
        envelope->in_use_elsewhere = entry.changed > recently && storage_impl::is_elsewhere(*envelope, here);
        envelopes.push_back(std::move(*envelope));
      }
      skipped = skipped || storage_impl::is_transient(error);
    }
  if (incomplete != nullptr) *incomplete = skipped;
  std::sort(envelopes.begin(), envelopes.end(), [](const Envelope& a, const Envelope& b) {
    return a.created != b.created ? a.created < b.created : a.session_id < b.session_id;
  });
  return envelopes;
}

USAGE_STATS_INLINE std::error_code Storage::update_waiting(const std::string& session_id,
                                                           const std::function<void(Envelope&)>& change) const {
  std::error_code error;
  const os::Folder pending = folder_.folder("pending", false, error);
  auto envelope = pending ? storage_impl::read_envelope(pending, session_id, app_, error) : std::nullopt;
  if (!envelope) return error ? error : std::make_error_code(std::errc::no_such_file_or_directory);
  change(*envelope);
  if (envelope->destinations.empty()) return pending.remove(session_id);
  // What `disable` or `delete` takes away meanwhile must not come back.
  return pending.write(session_id, to_text(*envelope), true, [&] { return pending.exists(session_id); });
}

USAGE_STATS_INLINE std::error_code Storage::remove_waiting(const std::string& session_id) const {
  std::error_code error;
  const os::Folder pending = folder_.folder("pending", false, error);
  return pending ? pending.remove(session_id) : error;
}

USAGE_STATS_INLINE std::int64_t Storage::last_report(const Envelope& envelope) const {
  const storage_impl::Written written = storage_impl::written_report(*this, envelope);
  return written.final ? written.sequence : 0;
}

USAGE_STATS_INLINE void Storage::forget(const Envelope& envelope) const {
  std::error_code error;
  const os::Folder pending = folder_.folder("pending", false, error);
  if ((pending && pending.exists(envelope.session_id)) || !deliveries(envelope).empty()) return;
  if (const os::Folder client = folder_.folder(envelope.client_id, false, error))
    client.remove_tree(envelope.session_id);
  folder_.remove_empty(envelope.client_id);
}

USAGE_STATS_INLINE std::error_code Storage::record_delivery(const Envelope& envelope,
                                                            const DeliveryRecord& record) const {
  std::error_code error;
  const os::Folder client = folder_.folder(envelope.client_id, false, error);
  const os::Folder session = client ? client.folder(envelope.session_id, false, error) : os::Folder();
  if (!session) return error;
  const auto before = session.read(storage_impl::delivery_file, limits::file_bytes, error);
  if (!before && storage_impl::is_transient(error)) return error;  // it tells of other endpoints too
  if (const auto json = parse_json(before.value_or("")); json && labels_impl::is_newer(*json, "usage-stats-delivery"))
    return os::refused(os::Refusal::newer_version);
  return session.write(storage_impl::delivery_file, with_delivery(before.value_or(""), record));
}

USAGE_STATS_INLINE std::string Storage::deliveries(const Envelope& envelope) const {
  std::error_code error;
  const os::Folder client = folder_.folder(envelope.client_id, false, error);
  const os::Folder session = client ? client.folder(envelope.session_id, false, error) : os::Folder();
  if (!session) return {};
  return session.read(storage_impl::delivery_file, limits::file_bytes, error).value_or("");
}

USAGE_STATS_INLINE bool Storage::was_tried(const Envelope& envelope, const std::string& url) const {
  const auto json = parse_json(deliveries(envelope));
  const Json* const lines = json ? member(*json, "deliveries") : nullptr;
  if (lines == nullptr || !lines->is_array()) return false;
  return std::any_of(lines->begin(), lines->end(), [&](const Json& line) {
    return string_member(line, "endpoint") == url && integer_member(line, "sequence", 1) >= envelope.sequence;
  });
}

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
  std::error_code error;
  const os::Folder& top = storage.folder();
  os::Folder active, pending;
  for (const auto& [envelopes, name] : {std::pair{&active, "active"}, std::pair{&pending, "pending"}}) {
    *envelopes = top.folder(name, false, error);
    if (!*envelopes && is_transient(error)) return sessions;  // any of them may still be needed
  }
  for (const auto& client : top.list(most_entries, is_client)) {
    const os::Folder inner = top.folder(client.name, false, error);
    if (!inner) continue;
    for (const auto& session : inner.list(most_entries, is_id)) {
      if (!session.folder) continue;
      const bool needed = (active && active.exists(session.name)) || (pending && pending.exists(session.name));
      if (!needed) sessions.push_back({client.name, session.name, session.modified});
    }
  }
  std::sort(sessions.begin(), sessions.end(),
            [](const KeptSession& a, const KeptSession& b) { return a.modified > b.modified; });
  return sessions;
}

}  // namespace storage_impl

USAGE_STATS_INLINE std::size_t Storage::remove_damaged_envelopes(const Log& log) const {
  std::error_code error;
  std::size_t removed = 0;
  const os::Folder pending = folder_.folder("pending", false, error);
  if (!pending) return 0;
  for (const auto& entry : pending.list(storage_impl::most_entries, is_id)) {
    const auto text = pending.read(entry.name, limits::file_bytes, error);
    if (!text || storage_impl::parse_envelope(*text, entry.name, app_) || is_newer_label(*text)) continue;
    log("pending/", entry.name, " is damaged; removed");
    if (!pending.remove(entry.name)) ++removed;
  }
  return removed;
}

USAGE_STATS_INLINE void Storage::prune(const Log& log, bool backlog) const {
  std::error_code error;
  std::vector<Envelope> envelopes = waiting();
  std::size_t bytes = 0, kept = 0, dropped = remove_damaged_envelopes(log);
  for (auto envelope = envelopes.rbegin(); envelope != envelopes.rend(); ++envelope) {  // the youngest stay
    if (envelope->deletion) continue;
    bytes += read_report(envelope->client_id, envelope->session_id).value_or("").size();
    if ((++kept <= limits::waiting_reports || backlog) && bytes <= limits::waiting_bytes) continue;
    if (!remove_waiting(envelope->session_id)) ++dropped;
  }
  if (dropped > 0) {
    log(std::to_string(dropped), " reports waited too long; dropped");
    update_state([&](State& state) { state.dropped += static_cast<std::int64_t>(dropped); });
  }

  const auto oldest = std::chrono::system_clock::now() - limits::kept_for;
  std::size_t count = 0;
  for (const auto& session : storage_impl::finished_sessions(*this)) {
    if (++count <= limits::kept_sessions && session.modified >= oldest) continue;
    const os::Folder client = folder_.folder(session.client, false, error);
    if (client) client.remove_tree(session.session);
  }
  storage_impl::remove_empty_clients(folder_);
  storage_impl::remove_old_temporaries(folder_);
  for (const char* const name : {"active", "pending"})
    if (const os::Folder inner = folder_.folder(name, false, error)) storage_impl::remove_old_temporaries(inner);
}

namespace storage_impl {

constexpr std::size_t some = 16;  // more than a limit allows, so that not each run beyond it starts an uploader

/// One more than `limit` of what is named as we name it, if it stands among the first names.
USAGE_STATS_INLINE std::vector<os::Folder::Entry> first_look(const os::Folder& folder, std::size_t limit,
                                                             bool (*wanted)(std::string_view) = is_id) {
  return folder ? folder.list(limit + 1, wanted, limit + 1000) : std::vector<os::Folder::Entry>();
}

}  // namespace storage_impl

USAGE_STATS_INLINE bool Storage::has_abandoned_runs() const {
  std::error_code error;
  const os::Folder active = folder_.folder("active", false, error);
  if (storage_impl::first_look(active, storage_impl::some).size() <= storage_impl::some) return false;
  const auto envelopes = storage_impl::first_look(active, 100);
  const std::string here = os::host_identity();
  std::size_t vanished = 0;
  for (const auto& entry : envelopes) {
    if (os::LockedFile::is_locked(active, entry.name)) continue;
    const auto envelope = storage_impl::read_envelope(active, entry.name, app_, error);
    const bool left =
        envelope ? storage_impl::is_left_to_its_host(*envelope, here) : storage_impl::is_newer(active, entry.name);
    if (!left && ++vanished > storage_impl::some) return true;
  }
  return false;
}

USAGE_STATS_INLINE bool Storage::needs_pruning(const std::string& client_id) const {
  using storage_impl::first_look;
  if (has_abandoned_runs()) return true;
  std::error_code error;
  const os::Folder client = folder_.folder(client_id, false, error), pending = folder_.folder("pending", false, error);
  const std::size_t waiting = first_look(pending, limits::waiting_reports).size();
  const std::size_t most = limits::kept_sessions + storage_impl::some + waiting;
  const auto sessions = first_look(client, most);
  const auto clients = first_look(folder_, most, storage_impl::is_client);
  // Sessions of this client, or clients that were one session each.
  if (waiting > limits::waiting_reports || sessions.size() > most || clients.size() > most) return true;
  const auto oldest = std::chrono::system_clock::now() - limits::kept_for;
  const auto is_old = [&](const os::Folder::Entry& session) {
    if (session.modified >= oldest || (pending && pending.exists(session.name))) return false;
    const os::Folder active = folder_.folder("active", false, error);  // not for nothing: a run waits
    return !active || !active.exists(session.name);
  };
  return std::any_of(sessions.begin(), sessions.end(), is_old) ||
         std::any_of(clients.begin(), clients.end(), [&](const os::Folder::Entry& other) {
           if (other.modified >= oldest) return false;
           const auto its = first_look(folder_.folder(other.name, false, error), most);
           return std::any_of(its.begin(), its.end(), is_old);
         });
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
