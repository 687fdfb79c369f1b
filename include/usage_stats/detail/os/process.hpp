#pragma once
// This process, and other processes that it starts and waits for.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// The value of an environment variable; nothing if it is not set.
std::optional<std::string> variable(const char* name);
/// The values of all environment variables, each with a NUL after it: one text, since there may be thousands.
std::string variable_values();
void remove_variable(const char* name) noexcept;

/// setuid, setgid, file capabilities (AT_SECURE): a process that may do more than its user.
bool elevated() noexcept;
/// An id of this process that changes with a fork.
std::int64_t process_id() noexcept;
/// How many forks there were between the process that first called this and this one; costs almost nothing.
unsigned forks() noexcept;

/// One T for each process, never destroyed. A child that was forked without exec gets a fresh one: in its copy of the
/// parent's, a mutex may be locked for ever.
template <class T>
T& per_process() {
  struct Owned {
    unsigned forks;
    Owned* former;  // the parent's, kept in sight of leak checkers
    T value{};
  };
  static std::atomic<Owned*> current{nullptr};
  Owned* found = current.load();
  while (found == nullptr || found->forks != forks()) {
    auto* const fresh = new Owned{forks(), found};
    if (current.compare_exchange_strong(found, fresh)) return fresh->value;
    delete fresh;
  }
  return found->value;
}

/// Whether one more file can be kept open without affecting the host (the descriptor limit is not near).
bool has_spare_descriptors() noexcept;
bool random_bytes(unsigned char* into, std::size_t count) noexcept;

/// Lets this process allocate this many bytes more than it has, and no more (Linux; not under a sanitizer). The stacks
/// of threads that request a size come on top, because they are reserved and hardly used.
void limit_memory(std::size_t more) noexcept;

/// Runs the program whose absolute path comes first, gives it `input`, and returns the first `output_limit` bytes of
/// its standard output; its standard error is the null device. It is ended at `limit`, when it has written
/// `output_limit` bytes, or when `enough` is true of its output, which is checked several times a second. `memory`: the
/// bytes that it may take (Linux), two stacks of threads among them; 0: as many as this process.
struct ProgramResult {
  int exit_code = -1;  // -1: not started, or killed
  std::string output;
  std::error_code error;
};
ProgramResult run_program(const std::vector<std::string>& command, std::string_view input, std::size_t output_limit,
                          std::chrono::milliseconds limit, std::size_t memory = 0,
                          const std::function<bool(std::string_view output)>& enough = {});
/// The path of a program in PATH, a file that this process may start; empty if there is none. Relative folders in PATH
/// are skipped: what they mean depends on who has chosen the working folder. With `as_a_shell` they are searched.
std::filesystem::path find_program(std::string_view name, bool as_a_shell = false);

/// What a shell sees of an exit code: on POSIX its lowest byte.
int exit_status(int code) noexcept;

/// Ends the process at once: no destructors, no handlers.
[[noreturn]] void exit_now(int code) noexcept;

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
