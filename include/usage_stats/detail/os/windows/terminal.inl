#pragma once
// The console, for Windows. Included by platform.inl after windows.h.

#include <array>

#include "../platform.hpp"
#include "file.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

namespace windows {
USAGE_STATS_INLINE HANDLE standard_stream(int stream) noexcept {
  constexpr DWORD names[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
  return stream < 0 || stream > 2 ? nullptr : ::GetStdHandle(names[stream]);
}

USAGE_STATS_INLINE bool is_console(HANDLE stream) noexcept {
  DWORD mode = 0;  // isatty would take the null device for one
  return ::GetConsoleMode(stream, &mode) != 0;
}

/// Whether a pipe has the name of a terminal of Cygwin and MSYS2 (mintty, git bash), to which a program of Windows is
/// no console: \msys-1888ae32e00d56aa-pty0-to-master.
USAGE_STATS_INLINE bool is_name_of_terminal(std::wstring_view name) noexcept {
  for (const std::wstring_view prefix : {std::wstring_view(L"\\msys-"), std::wstring_view(L"\\cygwin-")}) {
    if (name.substr(0, prefix.size()) != prefix) continue;
    const std::size_t hex = name.find_first_not_of(L"0123456789abcdef", prefix.size());
    if (hex == prefix.size() || hex == std::wstring_view::npos || name.substr(hex, 4) != L"-pty") continue;
    const std::size_t digits = name.find_first_not_of(L"0123456789", hex + 4);
    if (digits == hex + 4 || digits == std::wstring_view::npos) continue;
    const std::wstring_view end = name.substr(digits);
    if (end == L"-from-master" || end == L"-to-master" || end == L"-from-master-nat" || end == L"-to-master-nat")
      return true;
  }
  return false;
}

/// The pipes among the standard streams that are such terminals.
USAGE_STATS_INLINE std::array<HANDLE, 3>& piped_terminals() noexcept {
  static std::array<HANDLE, 3> terminals{};
  return terminals;
}

USAGE_STATS_INLINE void note_terminals() noexcept {
  struct {
    DWORD length;  // FILE_NAME_INFO, with room for a name
    WCHAR name[128];
  } info;
  for (int stream = 0; stream < 3; ++stream) {
    const HANDLE handle = standard_stream(stream);
    if (handle == nullptr || is_console(handle) || ::GetFileType(handle) != FILE_TYPE_PIPE ||
        ::GetFileInformationByHandleEx(handle, FileNameInfo, &info, sizeof info) == 0)
      continue;
    if (is_name_of_terminal({info.name, info.length / sizeof(WCHAR)}))
      piped_terminals()[static_cast<std::size_t>(stream)] = handle;
  }
}

}  // namespace windows

/// A pipe's name was asked for before main: later the system may answer only when what reads from it has got something.
USAGE_STATS_INLINE bool is_terminal(int stream) noexcept {
  const HANDLE handle = windows::standard_stream(stream);
  return windows::is_console(handle) ||
         (handle != nullptr && handle == windows::piped_terminals()[static_cast<std::size_t>(stream)]);
}

/// There is no job control: whoever is on a console may read from it.
USAGE_STATS_INLINE bool in_foreground() noexcept { return true; }

namespace windows {

/// The character of a key that is pressed; 0 for all other events, such as the release of the Enter key that has
/// started this program.
USAGE_STATS_INLINE wchar_t typed(const INPUT_RECORD& record) noexcept {
  return record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown != FALSE
             ? record.Event.KeyEvent.uChar.UnicodeChar
             : L'\0';
}

}  // namespace windows

USAGE_STATS_INLINE bool input_waiting() noexcept {
  const HANDLE input = windows::standard_stream(0);
  constexpr DWORD line_mode = ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT;
  std::array<INPUT_RECORD, 128> records{};
  DWORD mode = 0, count = 0;
  if (::GetConsoleMode(input, &mode) == 0 || (mode & line_mode) != line_mode ||
      ::PeekConsoleInputW(input, records.data(), static_cast<DWORD>(records.size()), &count) == 0)
    return true;
  for (DWORD i = 0; i < count; ++i)
    if (windows::typed(records[i]) != L'\0') return true;
  return count == records.size();
}

USAGE_STATS_INLINE std::optional<std::string> read_line(std::chrono::milliseconds limit) {
  // Key by key: reading a line from a console cannot be limited in time. Ctrl-C never comes as a key in line mode.
  const HANDLE input = windows::standard_stream(0), echo = windows::standard_stream(2);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::wstring line;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || ::WaitForSingleObject(input, static_cast<DWORD>(left)) != WAIT_OBJECT_0) return std::nullopt;
    INPUT_RECORD record{};
    DWORD count = 0;
    if (::ReadConsoleInputW(input, &record, 1, &count) == 0 || count != 1) return std::nullopt;
    const wchar_t c = windows::typed(record);
    const bool backspace = c == L'\b' && !line.empty();
    if (backspace) line.pop_back();
    if (c >= L' ' && line.size() < 256) line += c;
    const std::wstring shown = c == L'\r' ? L"\r\n" : backspace ? L"\b \b" : std::wstring(c >= L' ' ? 1 : 0, c);
    if (!shown.empty()) ::WriteConsoleW(echo, shown.data(), static_cast<DWORD>(shown.size()), &count, nullptr);
    if (c == L'\r') return windows::utf8(line);
    if (c == L'\x1a') return std::nullopt;  // Ctrl-Z: the end of the input
  }
}

USAGE_STATS_INLINE int terminal_columns() noexcept {
  CONSOLE_SCREEN_BUFFER_INFO info{};
  return ::GetConsoleScreenBufferInfo(windows::standard_stream(2), &info) != 0
             ? info.srWindow.Right - info.srWindow.Left + 1
             : 0;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
