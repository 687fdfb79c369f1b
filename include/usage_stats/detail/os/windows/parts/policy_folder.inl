#pragma once
// %ProgramData%, whatever the environment says. Included by platform.inl after windows.h.

#include <cstddef>
#include <filesystem>
#include <string>

#include "../../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

/// `%SystemDrive%\ProgramData` as the registry has it, with the drive that Windows is on; empty where it names another
/// variable, or no absolute path.
USAGE_STATS_INLINE std::wstring on_system_drive(std::wstring text, const std::wstring& windows_folder) {
  const std::wstring drive = windows_folder.substr(0, 2), variable = L"%SystemDrive%";
  if (text.size() >= variable.size() &&
      ::CompareStringOrdinal(text.c_str(), static_cast<int>(variable.size()), variable.c_str(), -1, TRUE) == CSTR_EQUAL)
    text.replace(0, variable.size(), drive);
  return text.find(L'%') == std::wstring::npos && std::filesystem::path(text).is_absolute() ? text : std::wstring();
}

/// Where administrators keep files for all users. Not SHGetKnownFolderPath: it has been seen to trust the environment,
/// it fails on Nano Server, and every run would load shell32.dll, which small tools do not otherwise need.
USAGE_STATS_INLINE std::filesystem::path policy_folder() {
  wchar_t folder[MAX_PATH] = {}, text[MAX_PATH] = {};
  DWORD size = sizeof text;
  if (::GetSystemWindowsDirectoryW(folder, MAX_PATH) < 2) return {};
  const wchar_t* const key = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
  constexpr DWORD as_it_stands = RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND;
  std::wstring found;
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, L"ProgramData", as_it_stands, nullptr, text, &size) == ERROR_SUCCESS)
    found = on_system_drive(text, folder);
  return found.empty() ? std::wstring(folder, 2) + L"\\ProgramData" : found;
}

}  // namespace windows
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
