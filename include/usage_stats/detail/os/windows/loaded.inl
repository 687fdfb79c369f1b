#pragma once
// Where this library is in memory: in the program itself, or in a DLL that its host may unload.

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE bool in_main_executable(const void* code) noexcept {
  HMODULE module = nullptr;
  constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  return ::GetModuleHandleExW(flags, static_cast<const wchar_t*>(code), &module) != 0 &&
         module == ::GetModuleHandleW(nullptr);
}

USAGE_STATS_INLINE bool started_by_loader() noexcept { return false; }

namespace windows {

/// Which file this program is. Its path may have become another's since: a program that runs can be renamed, and what
/// replaces it (an update) is perhaps not the same program, and its main would run in the uploader's place.
struct OwnFile {
  bool known = false;
  BY_HANDLE_FILE_INFORMATION info{};

  static OwnFile& instance() noexcept {
    static OwnFile own;
    return own;
  }
  bool is(const BY_HANDLE_FILE_INFORMATION& other) const noexcept {
    return known && same_file(info, other) && info.nFileSizeHigh == other.nFileSizeHigh &&
           info.nFileSizeLow == other.nFileSizeLow &&
           ::CompareFileTime(&info.ftLastWriteTime, &other.ftLastWriteTime) == 0;
  }
};

USAGE_STATS_INLINE std::wstring own_program() {
  return text_of([](wchar_t* text, DWORD room) { return ::GetModuleFileNameW(nullptr, text, room); });
}

/// Of a link the file that it leads to.
USAGE_STATS_INLINE Handle open_program(const std::wstring& path, DWORD access, DWORD share) noexcept {
  return Handle(::CreateFileW(path.c_str(), access, share, nullptr, OPEN_EXISTING, 0, nullptr));
}

/// The program's file, which keeps its name as long as this is open; none where another stands under that name.
USAGE_STATS_INLINE Handle open_own_program(const std::wstring& path) {
  Handle file = open_program(path, FILE_EXECUTE | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE);
  BY_HANDLE_FILE_INFORMATION info{};
  const bool ours = file && ::GetFileInformationByHandle(file.get(), &info) != 0 && OwnFile::instance().is(info);
  return ours ? std::move(file) : Handle();
}

}  // namespace windows

USAGE_STATS_INLINE void note_own_file() noexcept {
  USAGE_STATS_TRY {
    const windows::Handle file =
        windows::open_program(windows::own_program(), FILE_READ_ATTRIBUTES, windows::share_all);
    windows::OwnFile& own = windows::OwnFile::instance();
    own.known = file && ::GetFileInformationByHandle(file.get(), &own.info) != 0;
  }
  USAGE_STATS_CATCH_ALL {}
}
USAGE_STATS_INLINE void keep_loaded() noexcept {
  HMODULE module = nullptr;
  constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
  ::GetModuleHandleExW(flags, reinterpret_cast<const wchar_t*>(&keep_loaded), &module);
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
