#pragma once
// Errors, handles and texts of Windows. Included by platform.inl after windows.h.

#include <algorithm>
#include <utility>

#include "../../platform.hpp"
#include "../../refusal.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

/// The errors that this library asks for by name; the others keep the system's own words.
USAGE_STATS_INLINE std::error_code error_of(DWORD code) noexcept {
  switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
      return std::make_error_code(std::errc::no_such_file_or_directory);
    case ERROR_ACCESS_DENIED:
      return std::make_error_code(std::errc::permission_denied);
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
      return std::make_error_code(std::errc::device_or_resource_busy);
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
      return std::make_error_code(std::errc::no_space_on_device);
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
      return std::make_error_code(std::errc::file_exists);
    case ERROR_DIRECTORY:
      return std::make_error_code(std::errc::not_a_directory);
    case ERROR_DIR_NOT_EMPTY:
      return std::make_error_code(std::errc::directory_not_empty);
    default:
      return {static_cast<int>(code), std::system_category()};
  }
}
USAGE_STATS_INLINE std::error_code last_error() noexcept { return error_of(::GetLastError()); }

/// An owned handle. None created here can be inherited.
class Handle {
 public:
  Handle() = default;
  explicit Handle(HANDLE handle) noexcept : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() { close(); }
  explicit operator bool() const noexcept { return handle_ != nullptr; }
  HANDLE get() const noexcept { return handle_; }
  HANDLE leave() noexcept { return std::exchange(handle_, nullptr); }
  void close() noexcept {
    if (handle_ != nullptr) ::CloseHandle(std::exchange(handle_, nullptr));
  }

 private:
  HANDLE handle_ = nullptr;
};

/// From UTF-8; what is none is in the code page in which some std::filesystem::path::string() answer.
USAGE_STATS_INLINE std::wstring wide(std::string_view text) {
  const int size = static_cast<int>(text.size());
  for (const UINT page : {UINT{CP_UTF8}, UINT{CP_ACP}}) {
    const DWORD flags = page == CP_UTF8 ? MB_ERR_INVALID_CHARS : 0;
    const int count = ::MultiByteToWideChar(page, flags, text.data(), size, nullptr, 0);
    if (count <= 0) continue;
    std::wstring result(static_cast<std::size_t>(count), L'\0');
    ::MultiByteToWideChar(page, flags, text.data(), size, &result[0], count);
    return result;
  }
  return {};
}

USAGE_STATS_INLINE std::string utf8(std::wstring_view text) {
  const int size = static_cast<int>(text.size());
  const int count = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string result(static_cast<std::size_t>(count > 0 ? count : 0), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, result.data(), count, nullptr, nullptr);
  return result;
}

/// In the code page that main's arguments and the messages of many libraries are in; empty where that makes no
/// difference.
USAGE_STATS_INLINE std::string in_code_page(std::wstring_view text) {
  const auto is_ascii = [](wchar_t c) { return c < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return {};
  const int size = static_cast<int>(text.size());
  const int count = ::WideCharToMultiByte(CP_ACP, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string result(static_cast<std::size_t>(count > 0 ? count : 0), '\0');
  ::WideCharToMultiByte(CP_ACP, 0, text.data(), size, result.data(), count, nullptr, nullptr);
  return result;
}

/// Absolute, and in the form that may be longer than 260 characters.
USAGE_STATS_INLINE std::wstring system_path(const std::filesystem::path& path) {
  std::wstring full(::GetFullPathNameW(path.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(::GetFullPathNameW(path.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  while (full.size() > 3 && full.back() == L'\\') full.pop_back();
  if (full.compare(0, 4, L"\\\\?\\") == 0 || full.compare(0, 4, L"\\\\.\\") == 0) return full;
  return full.compare(0, 2, L"\\\\") == 0 ? L"\\\\?\\UNC" + full.substr(1) : L"\\\\?\\" + full;
}

constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Opens a file or a folder; of a link, the link itself.
USAGE_STATS_INLINE Handle open(const std::wstring& path, DWORD access, DWORD disposition,
                               DWORD share = share_all) noexcept {
  return Handle(::CreateFileW(path.c_str(), access, share, nullptr, disposition,
                              FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
}

USAGE_STATS_INLINE std::error_code write_all(HANDLE file, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const DWORD size = static_cast<DWORD>(bytes.size() < 0x10000000 ? bytes.size() : 0x10000000);
    DWORD count = 0;
    if (::WriteFile(file, bytes.data(), size, &count, nullptr) == 0) return last_error();
    bytes.remove_prefix(count);
  }
  return {};
}

USAGE_STATS_INLINE std::optional<std::string> read_all(HANDLE file, std::size_t limit, std::error_code& error) {
  std::string bytes;
  for (;;) {
    char buffer[16384];
    DWORD count = 0;
    if (::ReadFile(file, buffer, sizeof buffer, &count, nullptr) == 0) return error = last_error(), std::nullopt;
    if (count == 0) break;
    bytes.append(buffer, count);
    if (bytes.size() > limit) return error = std::make_error_code(std::errc::file_too_large), std::nullopt;
  }
  error.clear();
  return bytes;
}

}  // namespace windows
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
