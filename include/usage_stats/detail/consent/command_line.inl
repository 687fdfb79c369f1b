#pragma once

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "../os/bounded_lock.hpp"
#include "command_line.hpp"
#include "notice.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_line_impl {

/// The commands that this process answers, by app. A fork's child answers them too. Never destroyed: a static session
/// may ask for them at the very end.
struct Answered {
  struct Entry {
    std::string app, command, typed;
  };
  std::mutex mutex;
  std::vector<Entry> entries;

  static Answered& instance() {
    static std::atomic<Answered*> current{nullptr};  // without a guard, at which a signal's handler could wait for ever
    Answered* found = current.load();
    if (found != nullptr) return *found;
    auto* const fresh = new Answered;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
    return *found;
  }
  /// Null if there is none; under the mutex.
  const Entry* find(const Options& options) const noexcept {
    for (const Entry& entry : entries)
      if (entry.app == options.app && entry.command == options.command) return &entry;
    return nullptr;
  }
};

/// The program's name as it was typed, without its folder; the app's where that is nothing to type.
USAGE_STATS_INLINE std::string program_name(const Options& options, const char* typed) {
  std::string_view name = typed == nullptr ? std::string_view() : std::string_view(typed);
#if defined(_WIN32)
  name.remove_prefix(name.find_last_of("/\\:") + 1);  // npos + 1 is 0
  if (const std::size_t dot = name.rfind('.'); dot != std::string_view::npos && name.size() - dot == 4)
    if (name.substr(dot) == ".exe" || name.substr(dot) == ".EXE") name.remove_suffix(4);
#else
  name.remove_prefix(name.rfind('/') + 1);
#endif
  constexpr std::string_view harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  const bool can_be_typed = !name.empty() && name.size() <= 64 && name[0] != '-' &&
                            name.find_first_not_of(harmless) == std::string_view::npos;
  return can_be_typed ? std::string(name) : options.app;
}

}  // namespace command_line_impl

USAGE_STATS_INLINE void remember_command(const Options& options, int argc, const char* const* argv) noexcept {
  if (argv == nullptr || options.command.empty()) return;
  USAGE_STATS_TRY {
    auto& answered = command_line_impl::Answered::instance();
    const auto guard = lock_or_give_up(answered.mutex);
    if (!guard || answered.find(options) != nullptr) return;
    const char* const typed = argc > 0 ? argv[0] : nullptr;
    answered.entries.push_back({options.app, options.command,
                                plain_text(command_line_impl::program_name(options, typed) + " " + options.command)});
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE std::string typed_command(const Options& options) {
  auto& answered = command_line_impl::Answered::instance();
  const auto guard = lock_or_give_up(answered.mutex);
  const auto* const entry = guard ? answered.find(options) : nullptr;
  return entry == nullptr ? std::string() : entry->typed;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
