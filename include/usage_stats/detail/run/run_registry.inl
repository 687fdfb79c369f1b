#pragma once

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "../os/bounded_lock.hpp"
#include "run_registry.hpp"
#include "../base/public_call.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace ends_impl {

USAGE_STATS_INLINE void at_exit(std::optional<int> code) noexcept {
  // In one of the host's handlers that has interrupted a call: neither locks nor memory can be used. The next uploader
  // reports the run as lost.
  if (PublicCall::going_on()) return;
  const PublicCall call;
  const ScopedSigfpeBlock held;
  End end;
  end.exit_code = code;
  Runs::instance().finish(end);
}

/// The handlers that ours stands for: more than one where the host has set one since that goes on with ours, and ours
/// was set again. Never destroyed, having nothing to destroy: the handler may run until the end.
struct Terminate {
  static constexpr int most = 8;
  std::atomic<std::terminate_handler> former[most] = {};
  std::atomic<int> count{0};
  std::atomic<bool> handling{false};

  static Terminate& instance() noexcept {
    static Terminate terminate;
    return terminate;
  }
  bool push(std::terminate_handler handler) noexcept {
    if (count.load() >= most) return false;
    former[count++] = handler;
    return true;
  }
  /// The last one; null if there is none.
  std::terminate_handler pop() noexcept {
    int last = count.load();
    while (last > 0 && !count.compare_exchange_weak(last, last - 1)) {
    }
    return last > 0 ? former[last - 1].load() : nullptr;
  }
  /// The last one where this thread asks for the first time, then the one before it. They stay for other threads, and
  /// for unwatch_terminate().
  std::terminate_handler next() noexcept {
    static thread_local int asked = 0;
    const int place = count.load() - ++asked;
    return place >= 0 ? former[place].load() : nullptr;
  }
};

[[noreturn]] USAGE_STATS_INLINE void on_terminate() noexcept {
  Terminate& terminate = Terminate::instance();
  USAGE_STATS_TRY {
    const PublicCall call;
    // Without an exception (a thread that nobody joined) it is the abort that tells.
    if (const std::exception_ptr exception = std::current_exception();
        exception && !call.nested() && !terminate.handling.exchange(true)) {
      End end;
      end.uncaught = describe_exception(exception);
      Runs::instance().finish(end);
    }
  }
  USAGE_STATS_CATCH_ALL {}
  if (const std::terminate_handler former = terminate.next()) former();
  std::abort();
}

/// The hooks that exist while runs are alive; only for code that cannot be unloaded.
USAGE_STATS_INLINE void watch_terminate() noexcept {
  if (!os::in_main_executable(reinterpret_cast<const void*>(&on_terminate))) return;
  const std::terminate_handler now = std::get_terminate();
  if (now != &on_terminate && Terminate::instance().push(now)) std::set_terminate(&on_terminate);
}

USAGE_STATS_INLINE void unwatch_terminate() noexcept {
  if (std::get_terminate() != &on_terminate) return;
  if (const std::terminate_handler former = Terminate::instance().pop()) std::set_terminate(former);
}

}  // namespace ends_impl

USAGE_STATS_INLINE Runs& Runs::instance() { return os::per_process<Runs>(); }

USAGE_STATS_INLINE void Runs::add(TelemetrySession* session, std::shared_ptr<Run> run) {
  const bool recording = run->recording();
  const auto guard = lock_or_give_up(mutex_);
  if (!guard) return;  // its own destructor ends it
  entries_.push_back({session, std::move(run)});
  note_youngest();
  if (!recording) return;
  static std::atomic<bool> watching{false};
  if (!watching.exchange(true)) os::at_exit(&ends_impl::at_exit);  // no room: such an end counts as lost
  ends_impl::watch_terminate();
}

USAGE_STATS_INLINE void Runs::remove(const TelemetrySession* session) noexcept {
  const auto guard = lock_or_give_up(mutex_);
  if (!guard) return;
  entries_.erase(
      std::remove_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.session == session; }),
      entries_.end());
  note_youngest();
  if (std::none_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.run->recording(); }))
    ends_impl::unwatch_terminate();
}

USAGE_STATS_INLINE bool Runs::leave_to_exit(const TelemetrySession* session) noexcept {
  const auto guard = lock_or_give_up(mutex_);
  for (Entry& entry : entries_)
    if (guard && entry.session == session && os::at_exit(&ends_impl::at_exit)) {
      entry.session = nullptr;
      note_youngest();
      return true;
    }
  return false;
}

USAGE_STATS_INLINE void Runs::forget(const TelemetrySession* session) noexcept {
  const std::unique_lock<std::mutex> guard(mutex_, std::try_to_lock);
  for (Entry& entry : entries_)
    if (guard && entry.session == session) entry.session = nullptr;
  if (guard) return note_youngest();
  auto* gone = const_cast<TelemetrySession*>(session);
  youngest_.compare_exchange_strong(gone, nullptr);
}

USAGE_STATS_INLINE void Runs::note_youngest() noexcept {
  const auto entry =
      std::find_if(entries_.rbegin(), entries_.rend(), [](const Entry& known) { return known.session != nullptr; });
  youngest_ = entry == entries_.rend() ? nullptr : entry->session;
}

USAGE_STATS_INLINE void Runs::finish(const End& end) noexcept {
  USAGE_STATS_TRY {
    std::vector<std::shared_ptr<Run>> runs;
    if (const auto guard = lock_or_give_up(mutex_))
      for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) runs.push_back(entry->run);
    for (const auto& run : runs) run->finish(end);
  }
  USAGE_STATS_CATCH_ALL {}
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
