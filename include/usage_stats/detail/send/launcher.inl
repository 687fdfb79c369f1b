#pragma once
// The process that is the uploader: how it is started, and what it is.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

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
USAGE_STATS_INLINE Log log_into(const Storage& storage) {
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

}  // namespace uploader_impl

USAGE_STATS_INLINE bool can_start_uploader() noexcept { return uploader_impl::hook_ran(); }

USAGE_STATS_INLINE bool uploader_at_work(const Storage& storage) noexcept {
  return os::LockedFile::look(storage.folder(), uploader_impl::lock_file) == os::LockedFile::Look::locked;
}

USAGE_STATS_INLINE os::SelfStart uploader_start(const Storage& storage, const std::string& app,
                                                std::chrono::milliseconds stay) {
  const std::filesystem::path& folder = storage.folder().path();
  return {app,
          {{uploader_impl::folder_variable, os::path_bytes(folder)},
           {uploader_impl::stay_variable, std::to_string(stay.count())}},
          os::path_bytes(os::path_below(folder, uploader_impl::lock_file)),
          uploader_impl::longest_life};
}

USAGE_STATS_INLINE os::Child start_uploader(const Storage& storage, const std::string& app,
                                            std::chrono::milliseconds stay, const Log& log) {
  os::Child child;
  std::error_code error;
  const auto found = os::LockedFile::look(storage.folder(), uploader_impl::lock_file);
  // The new process locks the file and does not make it.
  if (os::LockedFile::Attempt outcome{}; found == os::LockedFile::Look::missing)
    os::LockedFile::acquire(storage.folder(), uploader_impl::lock_file, true, outcome, error);
  error = std::make_error_code(std::errc::device_or_resource_busy);
  if (found == os::LockedFile::Look::free || found == os::LockedFile::Look::missing)
    child = os::start_self(uploader_start(storage, app, stay), error);
  if (error == std::errc::device_or_resource_busy)
    log("an uploader is at work already");
  else
    log(error ? "the uploader did not start: " + error.message() : std::string("the uploader is started"));
  return child;
}

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
    const auto deadline = uploader_impl::Clock::now() + limit;
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
    uploader_impl::note_silence(usage_folder, log);
  }
  USAGE_STATS_CATCH_ALL { log("out of memory while uploading; the report waits"); }
}

USAGE_STATS_INLINE void collect_alone(Storage& storage, const Log& log) {
  os::LockedFile::Attempt outcome{};
  std::error_code error;
  const auto lock = os::LockedFile::acquire(storage.folder(), uploader_impl::lock_file, true, outcome, error);
  if (!lock) return;
  collect_vanished(storage, log, 100);  // the host waits
  prune(storage, log);
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
