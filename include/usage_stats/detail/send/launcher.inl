#pragma once
// The uploader process: how it is started, and how it runs.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../os/bounded_lock.hpp"
#include "launcher.hpp"
#include "uploader.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace uploader_impl {

constexpr const char* folder_variable = "USAGE_STATS_UPLOADER";
constexpr const char* stay_variable = "USAGE_STATS_UPLOADER_STAY_MS";
constexpr std::size_t most_memory = 64 * 1024 * 1024;  // more than the program has at its start
constexpr const char* log_file = "uploader.log";       // with USAGE_STATS_DEBUG=1 only

USAGE_STATS_ENTRY_INLINE bool& hook_ran() noexcept {
  static bool ran = false;
  return ran;
}

/// Debug lines of a process whose standard error is the null device.
USAGE_STATS_INLINE Log log_into(Storage& storage) {
  using os::LockedFile;
  if (!Log(nullptr).enabled()) return Log();
  LockedFile::Attempt outcome{};
  std::error_code error;
  for (const auto& entry : storage.folder().list(1, [](std::string_view name) { return name == log_file; }))
    // A backup that links has the same file: what is added here would be added there.
    if (entry.size > limits::file_bytes || entry.linked) storage.folder().remove(log_file);
  auto file = std::make_shared<LockedFile>(LockedFile::acquire(storage.folder(), log_file, true, outcome, error));
  return Log([file](std::string_view line) {
    if (*file) file->append(timestamp(std::chrono::system_clock::now()) + " " + std::string(line) + "\n");
  });
}

/// What has not been sent in time makes its endpoints wait, so that not every run waits as long for nothing.
USAGE_STATS_INLINE void note_silence(const std::filesystem::path& usage_folder, const Log& log) {
  std::error_code error;
  auto storage = Storage::open(usage_folder, {}, false, error);
  if (!storage) return;
  storage->be_patient();
  std::set<std::string> urls;
  for (const Envelope& envelope : storage->outbox.waiting())
    for (const Destination& destination : envelope.destinations) urls.insert(destination.endpoint.url);
  storage->update_state([&](State& state) {
    for (const std::string& url : urls) {
      Backoff& wait = state.backoff[url];
      wait.why = "a server, or the name server, kept the uploader waiting for a minute";
      // One that has asked for a longer pause was not asked.
      wait.not_before =
          std::max<Seconds>(wait.not_before, now_seconds() + backoff_delay(++wait.failures, std::nullopt, 0).count());
    }
  });
  prune(*storage, log);
}

/// How the uploader of this folder is started; `stay` as in UploadOptions.
USAGE_STATS_INLINE os::SelfStart uploader_start(const Storage& storage, const std::string& app,
                                                std::chrono::milliseconds stay) {
  const std::filesystem::path& folder = storage.folder().path();
  return {app,
          {{folder_variable, os::path_bytes(folder)}, {stay_variable, std::to_string(stay.count())}},
          os::path_bytes(os::path_below(folder, lock_file)),
          longest_life};
}

/// Starts it unless one is at work, or being started (not known outside Linux: there a second one may live for some
/// milliseconds, and leaves).
USAGE_STATS_INLINE os::Child start_uploader(Storage& storage, const std::string& app, std::chrono::milliseconds stay,
                                            const Log& log) {
  os::Child child;
  std::error_code error;
  const auto found = os::LockedFile::look(storage.folder(), lock_file);
  // The new process locks the file and does not make it.
  if (os::LockedFile::Attempt outcome{}; found == os::LockedFile::Look::missing)
    os::LockedFile::acquire(storage.folder(), lock_file, true, outcome, error);
  error = std::make_error_code(std::errc::device_or_resource_busy);
  if (found == os::LockedFile::Look::free || found == os::LockedFile::Look::missing)
    child = os::start_self(uploader_start(storage, app, stay), error);
  if (error == std::errc::device_or_resource_busy)
    log("an uploader is at work already");
  else
    log(error ? "the uploader did not start: " + error.message() : std::string("the uploader is started"));
  return child;
}

[[noreturn]] USAGE_STATS_INLINE void be_the_uploader(const std::filesystem::path& folder,
                                                     const std::string& stay) noexcept {
  const bool has_lock = os::become_background_process(longest_life, os::path_bytes(folder / lock_file));
  os::limit_memory(most_memory);
  USAGE_STATS_TRY {
    std::error_code error;
    if (auto storage = Storage::open(folder, {}, false, error)) {  // refuses a folder that is not ours
      UploadOptions options;
      if (!stay.empty() && stay.size() < 6 && stay.find_first_not_of("0123456789") == std::string::npos)
        options.stay = std::min(std::chrono::milliseconds(std::stoi(stay)), options.stay);
      options.makes_lock = !has_lock;
      options.deadline = Clock::now() + longest_life - longest_request - std::chrono::seconds(2);
      const Log log = log_into(*storage);
      // A name lookup may hang for as long as this process may live, and nothing but its end can end it.
      os::Thread(
          [folder, log] {
            os::block_signals_in_this_thread();
            std::this_thread::sleep_for(longest_life - std::chrono::milliseconds(1500));
            log("an endpoint keeps this process waiting; all of them wait now");
            note_silence(folder, log);
            os::exit_now(0);
          },
          small_stack)
          .detach();
      upload(folder, options, log);
      // So many come that this life was too short: a successor goes on. Tries are counted, so this ends.
      if (Clock::now() >= options.deadline) start_uploader(*storage, storage->app(), options.stay, log);
    }
  }
  USAGE_STATS_CATCH_ALL {}
  os::exit_now(0);
}

/// upload() on a separate thread that receives no signals; waits for it until the deadline and not longer.
USAGE_STATS_INLINE void upload_in_process(const std::filesystem::path& usage_folder, std::chrono::milliseconds limit,
                                          const Log& log) noexcept {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  USAGE_STATS_TRY {
    const auto shared = std::make_shared<Shared>();
    UploadOptions options;
    options.stay = std::chrono::milliseconds(0);
    const auto deadline = Clock::now() + limit;
    // Its last request ends before we stop waiting: a TLS library that is torn down at the end of the process must not
    // be in use.
    options.deadline = deadline - std::min(limit / 5, std::chrono::milliseconds(100));
    options.awaited = true;
    os::Thread worker([shared, usage_folder, options, log] {
      os::block_signals_in_this_thread();
      USAGE_STATS_TRY { upload(usage_folder, options, log); }
      USAGE_STATS_CATCH_ALL {}
      const std::lock_guard<std::mutex> guard(shared->mutex);
      shared->done = true;
      shared->changed.notify_all();
    });
    if (!worker.joinable()) return log("could not start a thread for uploading; the report waits");
    std::unique_lock<std::mutex> guard = lock_or_give_up(shared->mutex);
    if (!guard) return worker.detach();
    const bool done = shared->changed.wait_until(guard, deadline, [&] { return shared->done; });
    guard.unlock();
    if (done) return worker.join();
    worker.detach();  // it hangs in a name lookup, which nothing can bound; what it sends waits for a later run
    note_silence(usage_folder, log);
  }
  USAGE_STATS_CATCH_ALL { log("out of memory while uploading; the report waits"); }
}

/// For programs that can start no uploader; nothing where one is at work.
USAGE_STATS_INLINE void collect_alone(Storage& storage, const Log& log) {
  os::LockedFile::Attempt outcome{};
  std::error_code error;
  const auto lock = os::LockedFile::acquire(storage.folder(), lock_file, true, outcome, error);
  if (!lock) return;
  collect_vanished(storage, log, 100);  // the host waits
  prune(storage, log);
}

/// Uploaders whose exit status is ours to take.
struct Children {
  std::mutex mutex;
  std::vector<os::Child> running;
};
/// Few processes ever have one (os::start_self); the others make no list.
USAGE_STATS_INLINE std::atomic<bool>& has_children() noexcept {
  static std::atomic<bool> any{false};
  return any;
}

USAGE_STATS_INLINE void adopt(os::Child&& child) {
  if (!child) return;
  has_children() = true;
  auto& children = os::per_process<Children>();
  if (const auto guard = lock_or_give_up(children.mutex)) children.running.push_back(std::move(child));
}

}  // namespace uploader_impl

USAGE_STATS_INLINE bool can_start_uploader() noexcept { return uploader_impl::hook_ran(); }

USAGE_STATS_INLINE bool uploader_at_work(const Storage& storage) noexcept {
  return os::LockedFile::look(storage.folder(), uploader_impl::lock_file) == os::LockedFile::Look::locked;
}

USAGE_STATS_INLINE void reap_uploaders() {
  if (!uploader_impl::has_children()) return;
  auto& children = os::per_process<uploader_impl::Children>();
  const auto guard = lock_or_give_up(children.mutex);
  if (!guard) return;
  auto& running = children.running;
  running.erase(std::remove_if(running.begin(), running.end(), [](os::Child& child) { return child.ended(); }),
                running.end());
}

USAGE_STATS_INLINE bool Launcher::can_start() const noexcept {
  return options_.delivery != Delivery::in_process && can_start_uploader();
}

USAGE_STATS_INLINE std::optional<os::SelfStart> Launcher::start_for_signals(const Storage& storage,
                                                                            const Envelope& envelope) const {
  if (envelope.destinations.empty() || !can_start()) return std::nullopt;
  return uploader_impl::uploader_start(storage, options_.app, UploadOptions().stay);
}

USAGE_STATS_INLINE const char* Launcher::problem(const Envelope& envelope) const noexcept {
  const bool waits = !envelope.destinations.empty() && options_.delivery != Delivery::in_process;
  return waits && !can_start_uploader() ? cannot_start_itself : nullptr;
}

USAGE_STATS_INLINE void Launcher::run_maintenance(Storage& storage) const {
  if (can_start())
    uploader_impl::adopt(uploader_impl::start_uploader(storage, options_.app, std::chrono::milliseconds(0), log_));
  else
    uploader_impl::collect_alone(storage, log_);
}

USAGE_STATS_INLINE void Launcher::send_interim(Storage& storage, const Envelope& envelope) const {
  if (envelope.destinations.empty() || !uploader_needed(storage, envelope, storage.state_at_opening())) return;
  if (options_.delivery == Delivery::in_process) {
    UploadOptions now;
    now.stay = std::chrono::milliseconds(0);
    now.deadline = std::chrono::steady_clock::now() + options_.wait_limit;
    now.awaited = true;
    upload(storage.folder().path(), now, log_);
  } else if (can_start()) {
    reap_uploaders();
    uploader_impl::adopt(uploader_impl::start_uploader(storage, options_.app, UploadOptions().stay, log_));
  }
}

USAGE_STATS_INLINE void Launcher::send_last(Storage& storage, const Envelope& envelope) const {
  const State& state = storage.state_at_opening();  // some file writes ago
  if (!uploader_needed(storage, envelope, state)) return;
  if (options_.delivery == Delivery::in_process)
    return uploader_impl::upload_in_process(storage.folder().path(), options_.wait_limit, log_);
  if (!can_start()) {
    log_("no uploader can be started; reports wait");
    if (needs_pruning(storage, envelope.client_id)) uploader_impl::collect_alone(storage, log_);
    return;
  }
  const bool last_chance = options_.delivery == Delivery::detached && may_be_asked(envelope, state) &&
                           options_.container_wait > std::chrono::milliseconds(0) && os::ends_with_its_container();
  if (last_chance) log_("nothing outlives this process: it waits for its uploader");
  const bool wait = options_.delivery == Delivery::wait || last_chance;
  const std::chrono::milliseconds stay = wait ? std::chrono::milliseconds(0) : UploadOptions().stay;
  os::Child child = uploader_impl::start_uploader(storage, options_.app, stay, log_);
  if (wait && !envelope.destinations.empty())
    wait_for(std::move(child), storage, envelope.session_id,
             last_chance ? options_.container_wait : options_.wait_limit);
  else
    uploader_impl::adopt(std::move(child));
}

/// Looks again and again, at most 20 ms apart. There is no one event to sleep on: on Linux the uploader is no child of
/// this process, another one may have the envelope to send, and no system tells of a lock that comes free.
USAGE_STATS_INLINE void Launcher::wait_for(os::Child child, const Storage& storage, const std::string& session_id,
                                           std::chrono::milliseconds limit) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limit;
  std::error_code error;
  const os::Folder pending = storage.outbox.pending(error);
  auto pause = std::chrono::milliseconds(1);
  // Our own uploader ends at once where another is at work; that one has the envelope to send then.
  const auto over = [&] {
    return !pending || !pending.exists(session_id) || ((!child || child.ended()) && !uploader_at_work(storage));
  };
  while (Clock::now() < deadline && !over()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(pause, deadline - Clock::now()));
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  log_(pending && pending.exists(session_id) ? "waited long enough; the report is sent later" : "the report is sent");
  if (child && !child.ended()) uploader_impl::adopt(std::move(child));
}

USAGE_STATS_ENTRY_INLINE void start_if_asked(const void* hook) noexcept {
  if (uploader_impl::hook_ran()) return;  // of another translation unit
  USAGE_STATS_TRY {
    os::note_standard_error();
    os::note_own_file();
    if (!os::in_main_executable(hook) || os::started_by_loader()) return;
    uploader_impl::hook_ran() = true;
    os::forks();  // counted from now on, while there are no threads yet
    const auto folder = os::variable(uploader_impl::folder_variable);
    if (!folder) return;
    // Whoever starts a setuid program chooses its environment: neither our work nor, by our fault, the host's is done.
    if (os::elevated() || !os::foreign_home().empty()) os::exit_now(0);
    const std::string stay = os::variable(uploader_impl::stay_variable).value_or("");
    os::remove_variable(uploader_impl::folder_variable);
    os::remove_variable(uploader_impl::stay_variable);
    uploader_impl::be_the_uploader(os::path_of_bytes(*folder), stay);
  }
  USAGE_STATS_CATCH_ALL {}
}

}  // namespace detail

USAGE_STATS_ENTRY_INLINE void run_uploader() noexcept {
  detail::start_if_asked(reinterpret_cast<const void*>(&run_uploader));
}

USAGE_STATS_END_NAMESPACE
