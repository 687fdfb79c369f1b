#pragma once

#include "../platform.hpp"
#include "file.inl"
#include "process.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE bool Child::ended() noexcept {
  if (id_ == 0) return true;
  const auto process = reinterpret_cast<HANDLE>(id_);
  if (::WaitForSingleObject(process, 0) == WAIT_TIMEOUT) return false;
  ::CloseHandle(process);
  id_ = 0;
  return true;
}

USAGE_STATS_INLINE bool finds_own_executable() noexcept {
  USAGE_STATS_TRY { return bool(windows::open_own_program(windows::own_program())); }
  USAGE_STATS_CATCH_ALL { return true; }
}

USAGE_STATS_INLINE Child start_self(const SelfStart& start, std::error_code& error) {
  const windows::Handle null = windows::null_device();
  Child child;
  if (!null) return error = windows::last_error(), child;
  windows::Program program;
  program.path = windows::own_program();
  const windows::Handle kept = windows::open_own_program(program.path);  // until it is started
  if (!kept) return error = std::make_error_code(std::errc::no_such_file_or_directory), child;
  program.command_line = windows::quoted(windows::wide(start.argument0));
  program.environment = windows::environment_with(start.variables);
  program.input = program.output = program.errors = null.get();
  constexpr DWORD flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
  // A job that ends with the host would take the uploader with it; few jobs let their processes go.
  windows::Handle process = windows::start(program, flags | CREATE_BREAKAWAY_FROM_JOB);
  if (!process && ::GetLastError() == ERROR_ACCESS_DENIED) process = windows::start(program, flags);
  error = process ? std::error_code() : windows::last_error();
  child.id_ = reinterpret_cast<std::intptr_t>(process.leave());
  return child;
}

namespace windows {
/// The alarm: nothing else can end a process that hangs in a name lookup.
USAGE_STATS_INLINE DWORD WINAPI end_process_later(void* milliseconds) {
  ::Sleep(static_cast<DWORD>(reinterpret_cast<std::uintptr_t>(milliseconds)));
  exit_now(0);
}
}  // namespace windows

USAGE_STATS_INLINE bool become_background_process(std::chrono::seconds limit, const std::string&) noexcept {
  const auto milliseconds = static_cast<std::uintptr_t>(limit.count()) * 1000;
  const windows::Handle alarm(
      ::CreateThread(nullptr, 65536, windows::end_process_later, reinterpret_cast<void*>(milliseconds), 0, nullptr));
  if (!alarm) exit_now(0);
  ::FreeConsole();
  ::SetPriorityClass(::GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS);
  // No dialog for anything.
  ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
#if defined(_MSC_VER)
  ::_set_abort_behavior(0, _WRITE_ABORT_MSG | _CALL_REPORTFAULT);
#endif
  return false;  // it takes the lock itself
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
