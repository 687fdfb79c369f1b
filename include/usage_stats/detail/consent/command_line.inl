#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../os/bounded_lock.hpp"
#include "../os/platform.hpp"
#include "../base/text.hpp"
#include "command_line.hpp"
#include "notice.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_line_impl {

/// The commands that this process answers, by app. A forked child answers them too. Never destroyed: a static session
/// may need them at the very end.
struct Answered {
  struct Entry {
    std::string app, command, program;  // program: argv[0]
  };
  std::mutex mutex;
  std::vector<Entry> entries;

  static Answered& instance() {
    static std::atomic<Answered*> current{nullptr};  // without a guard, on which a signal handler could wait forever
    Answered* found = current.load();
    if (found != nullptr) return *found;
    auto* const fresh = new Answered;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
    return *found;
  }
  /// Null if there is none; call it with the mutex held.
  const Entry* find(const Options& options) const noexcept {
    for (const Entry& entry : entries)
      if (entry.app == options.app && entry.command == options.command) return &entry;
    return nullptr;
  }
};

/// The program's name without its folder, as a user types it.
USAGE_STATS_INLINE std::string name_in(std::string_view path) {
#if defined(_WIN32)
  path.remove_prefix(path.find_last_of("/\\:") + 1);  // npos + 1 is 0
  if (path.size() > 4 && (path.substr(path.size() - 4) == ".exe" || path.substr(path.size() - 4) == ".EXE"))
    path.remove_suffix(4);
#else
  path.remove_prefix(path.rfind('/') + 1);
#endif
  return std::string(path);
}

/// The file that is running, where `typed` is the first argument. For an interpreter, or if the system does not say
/// which file a name led to, it is the file that the argument leads to; empty if there is none.
USAGE_STATS_INLINE std::filesystem::path running_program(const std::string& typed) {
  std::error_code error;
  const bool has_folder = typed != name_in(typed) && std::filesystem::exists(os::path_of_bytes(typed), error);
  std::filesystem::path given = has_folder ? os::path_of_bytes(typed) : std::filesystem::path();
#if defined(_WIN32)
  return given;
#else
  static const char here = 0;
  if (!os::in_main_executable(&here) || os::started_by_loader()) return given;
  const std::filesystem::path own = os::own_executable();
  if (own.empty() || (has_folder && std::filesystem::equivalent(given, own, error))) return given;
  const std::filesystem::path resolved = std::filesystem::canonical(own, error);
  return error ? given : resolved;  // it may have been removed
#endif
}

/// A word that a shell needs no quotes for.
USAGE_STATS_INLINE std::string shell_word(const std::string& word) {
  constexpr std::string_view harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-/,@%"
#if defined(_WIN32)
      ":\\";
  return word.find_first_not_of(harmless) == std::string::npos ? word : '"' + word + '"';
#else
      ":";
  if (word.find_first_not_of(harmless) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\\''" : text += c;
  return text + "'";
#endif
}

/// What a user types to start this program again: its name, if a shell that looks it up finds this very file; otherwise
/// what was typed, if that leads to it; otherwise its path. The app's name if none of these can be shown.
USAGE_STATS_INLINE std::string program_to_type(const Options& options, const std::string& typed) {
  const std::string name = name_in(typed);
  const std::filesystem::path running = running_program(typed);
  std::error_code error;
  std::string text = name;
  if (!running.empty()) {
    const std::filesystem::path found = os::find_program(name, true);
    if (found.empty() || !std::filesystem::equivalent(found, running, error)) text = os::path_bytes(running);
  }
  const bool can_be_typed = !text.empty() && text[0] != '-' && plain_text(text) == text;
  return can_be_typed ? shell_word(text) : options.app;
}

}  // namespace command_line_impl

USAGE_STATS_INLINE void remember_command(const Options& options, int argc, const char* const* argv) noexcept {
  if (argv == nullptr || options.command.empty()) return;
  USAGE_STATS_TRY {
    auto& answered = command_line_impl::Answered::instance();
    const auto guard = lock_or_give_up(answered.mutex);
    if (!guard || answered.find(options) != nullptr) return;
    const char* const program = argc > 0 ? argv[0] : nullptr;
    answered.entries.push_back({options.app, options.command, program == nullptr ? "" : program});
  }
  USAGE_STATS_CATCH_ALL {}
}

USAGE_STATS_INLINE std::string typed_command(const Options& options) {
  std::string program;
  {
    auto& answered = command_line_impl::Answered::instance();
    const auto guard = lock_or_give_up(answered.mutex);
    const auto* const entry = guard ? answered.find(options) : nullptr;
    if (entry == nullptr) return {};
    program = entry->program;
  }
  return command_line_impl::program_to_type(options, program) + " " + plain_text(options.command);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
