#pragma once
// The console, for Windows. Included by platform.inl behind windows.h.

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
}  // namespace windows

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
