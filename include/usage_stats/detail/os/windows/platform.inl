#pragma once
// The only file with windows.h, which a header-only program gets to see; USAGE_STATS_COMPILED keeps it away. Its
// macros min and max are kept away in any case, and none of ours is left.

#if !defined(NOMINMAX)
#define NOMINMAX
#define USAGE_STATS_NOMINMAX
#endif
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define USAGE_STATS_LEAN_AND_MEAN
#endif
#if !defined(USAGE_STATS_NO_HTTPLIB)
#if defined(_WINSOCKAPI_) && !defined(_WINSOCK2API_)
#error "windows.h has brought the old winsock.h: include winsock2.h or usage_stats.hpp before it"
#endif
#include <winsock2.h>  // httplib wants it, and it must come before windows.h
#endif
#include <windows.h>
#include <sddl.h>
#if defined(USAGE_STATS_NOMINMAX)
#undef NOMINMAX
#undef USAGE_STATS_NOMINMAX
#endif
#if defined(USAGE_STATS_LEAN_AND_MEAN)
#undef WIN32_LEAN_AND_MEAN
#undef USAGE_STATS_LEAN_AND_MEAN
#endif
#if defined(_MSC_VER)
#pragma comment(lib, "advapi32.lib")
#endif

#include "../platform.hpp"
#include "file.inl"
#include "folder_watch.inl"
#include "lock.inl"
#include "memory.inl"
#include "terminal.inl"
#include "thread.inl"
#include "parts/policy_folder.inl"
#include "parts/version.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

// ---- the process and its machine

namespace windows {

/// Calls `get(buffer, size)` as the many functions want it that answer with the length or, if it is too small, the size
/// of the buffer; empty where they fail.
template <class Get>
std::wstring text_of(Get&& get) {
  std::wstring text(256, L'\0');
  for (int attempt = 0; attempt < 8; ++attempt) {
    ::SetLastError(ERROR_SUCCESS);
    const DWORD size = get(&text[0], static_cast<DWORD>(text.size()));
    if (size < text.size()) return text.resize(size), text;
    text.resize(size == text.size() ? text.size() * 2 : size);
  }
  return {};
}

/// A function that import libraries do not have, or not everywhere.
template <class Function>
Function system_function(const wchar_t* library, const char* name) noexcept {
  HMODULE module = ::GetModuleHandleW(library);
  if (module == nullptr) module = ::LoadLibraryExW(library, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (module == nullptr) return nullptr;
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(::GetProcAddress(module, name)));
}

}  // namespace windows

USAGE_STATS_INLINE std::optional<std::string> variable(const char* name) {
  // Not getenv: its copy of the environment lacks what SetEnvironmentVariable has set.
  const std::wstring wide_name = windows::wide(name);
  const std::wstring value = windows::text_of(
      [&](wchar_t* buffer, DWORD size) { return ::GetEnvironmentVariableW(wide_name.c_str(), buffer, size); });
  if (value.empty() && ::GetLastError() != ERROR_SUCCESS) return std::nullopt;
  return windows::utf8(value);
}

namespace windows {

/// All NAME=VALUE of the environment; the names of some begin with '=' (the current folder of each drive).
USAGE_STATS_INLINE std::vector<std::wstring> environment() {
  std::vector<std::wstring> entries;
  wchar_t* const block = ::GetEnvironmentStringsW();
  for (const wchar_t* entry = block; entry != nullptr && *entry != L'\0'; entry += entries.back().size() + 1)
    entries.emplace_back(entry);
  if (block != nullptr) ::FreeEnvironmentStringsW(block);
  return entries;
}

}  // namespace windows

USAGE_STATS_INLINE std::string variable_values() {
  std::string values;
  for (const std::wstring& entry : windows::environment()) {
    const std::size_t equals = entry.find(L'=', 1);
    if (equals == std::wstring::npos) continue;
    const std::wstring_view value = std::wstring_view(entry).substr(equals + 1);
    values.append(windows::utf8(value)).push_back('\0');
    if (const std::string other = windows::in_code_page(value); !other.empty()) values.append(other).push_back('\0');
  }
  return values;
}

USAGE_STATS_INLINE void remove_variable(const char* name) noexcept { ::SetEnvironmentVariableA(name, nullptr); }

/// No locale here has such a mark.
USAGE_STATS_INLINE ScopedCLocale::ScopedCLocale() noexcept {}
USAGE_STATS_INLINE ScopedCLocale::~ScopedCLocale() { static_cast<void>(plain_), static_cast<void>(before_); }

USAGE_STATS_INLINE ScopedCancelBlock::ScopedCancelBlock() noexcept { static_cast<void>(before_); }
USAGE_STATS_INLINE ScopedCancelBlock::~ScopedCancelBlock() = default;

/// A program cannot be given its owner's rights here; what runs elevated was elevated by its user.
USAGE_STATS_INLINE bool elevated() noexcept { return false; }

USAGE_STATS_INLINE std::int64_t process_id() noexcept { return ::GetCurrentProcessId(); }

// There is no SIGPIPE here, and no socket gets the number of a stream.
USAGE_STATS_INLINE ScopedSigpipeBlock::ScopedSigpipeBlock() noexcept {
  static_cast<void>(before_);
  static_cast<void>(was_pending_);
}
USAGE_STATS_INLINE ScopedSigpipeBlock::~ScopedSigpipeBlock() = default;
USAGE_STATS_INLINE void note_standard_error() noexcept { windows::note_terminals(); }
USAGE_STATS_INLINE bool has_standard_streams() noexcept { return true; }

USAGE_STATS_INLINE bool write_to_standard_error(std::string_view text) noexcept {
  USAGE_STATS_TRY {
    const HANDLE stream = windows::standard_stream(2);
    if (!windows::is_console(stream)) return !windows::write_all(stream, text);
    const std::wstring characters = windows::wide(text);  // whatever the console's code page
    const DWORD size = static_cast<DWORD>(characters.size());
    DWORD count = 0;
    return ::WriteConsoleW(stream, characters.data(), size, &count, nullptr) != 0 && count == size;
  }
  USAGE_STATS_CATCH_ALL { return false; }
}

namespace windows {

/// Words for a pipe, and the thread that may have to be told to stop writing them.
struct Offer {
  HANDLE stream = nullptr;
  std::string text;
  std::atomic<bool> whole{false};

  static DWORD WINAPI write(void* data) {
    const std::unique_ptr<std::shared_ptr<Offer>> mine(static_cast<std::shared_ptr<Offer>*>(data));
    (*mine)->whole = !write_all((*mine)->stream, (*mine)->text);
    return 0;
  }
};

}  // namespace windows

USAGE_STATS_INLINE bool offer_to_standard_error(std::string_view text) noexcept {
  USAGE_STATS_TRY {
    const HANDLE stream = windows::standard_stream(2);
    if (::GetFileType(stream) != FILE_TYPE_PIPE) return write_to_standard_error(text);
    // What a pipe says of its room is not true while somebody waits at its other end.
    const auto offer = std::make_shared<windows::Offer>();
    offer->stream = stream;
    offer->text = text;
    auto owned = std::make_unique<std::shared_ptr<windows::Offer>>(offer);
    const windows::Handle thread(::CreateThread(nullptr, 0, &windows::Offer::write, owned.get(), 0, nullptr));
    if (!thread) return false;
    static_cast<void>(owned.release());  // the thread's own now
    if (::WaitForSingleObject(thread.get(), 100) == WAIT_OBJECT_0) return offer->whole;
    ::CancelSynchronousIo(thread.get());
    ::WaitForSingleObject(thread.get(), 100);
    return offer->whole;
  }
  USAGE_STATS_CATCH_ALL { return false; }
}

/// Handles are many, and numbered by no order that a host could count on.
USAGE_STATS_INLINE bool has_spare_descriptors() noexcept { return true; }

USAGE_STATS_INLINE bool random_bytes(unsigned char* into, std::size_t count) noexcept {
  using RtlGenRandom = BOOLEAN(WINAPI*)(void*, ULONG);  // bcrypt.lib would have to be linked
  const auto generate = windows::system_function<RtlGenRandom>(L"advapi32.dll", "SystemFunction036");
  return generate != nullptr && count <= 256 && generate(into, static_cast<ULONG>(count)) != FALSE;
}

namespace windows {

USAGE_STATS_INLINE void describe_version(Machine& machine) {
  using RtlGetVersion = LONG(WINAPI*)(OSVERSIONINFOEXW*);  // GetVersionEx lies to programs without a manifest
  const auto get_version = system_function<RtlGetVersion>(L"ntdll.dll", "RtlGetVersion");
  OSVERSIONINFOEXW version{};
  version.dwOSVersionInfoSize = sizeof version;
  if (get_version == nullptr || get_version(&version) != 0) return;
  machine.kernel = std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) + "." +
                   std::to_string(version.dwBuildNumber);
  const bool server = version.wProductType != VER_NT_WORKSTATION;
  machine.os_version = version_name(version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber, server);
}

USAGE_STATS_INLINE const char* architecture() noexcept {
  SYSTEM_INFO system{};
  ::GetNativeSystemInfo(&system);
  switch (system.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_AMD64:
      return "x86_64";
    case PROCESSOR_ARCHITECTURE_INTEL:
      return "x86";
    case 12:
      return "aarch64";  // PROCESSOR_ARCHITECTURE_ARM64, which older headers lack
    case PROCESSOR_ARCHITECTURE_ARM:
      return "arm";
    default:
      return "";
  }
}

USAGE_STATS_INLINE unsigned usable_cpus() noexcept {
  const DWORD active = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  DWORD_PTR ours = 0, all = 0;
  // A mask tells of one group of at most 64 processors.
  if (active > 64 || ::GetProcessAffinityMask(::GetCurrentProcess(), &ours, &all) == 0 || ours == 0) return active;
  unsigned count = 0;
  for (; ours != 0; ours &= ours - 1) ++count;
  return count;
}

/// Set by the system in the registry of every Windows container.
USAGE_STATS_INLINE bool in_windows_container() noexcept {
  DWORD type = 0, size = sizeof type;
  return ::RegGetValueW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Control", L"ContainerType", RRF_RT_REG_DWORD,
                        nullptr, &type, &size) == ERROR_SUCCESS;
}

}  // namespace windows

USAGE_STATS_INLINE Machine machine() {
  Machine machine;
  machine.os = "windows";
  windows::describe_version(machine);
  machine.arch = windows::architecture();
  machine.cpus = windows::usable_cpus();
  MEMORYSTATUSEX memory{};
  memory.dwLength = sizeof memory;
  if (::GlobalMemoryStatusEx(&memory) != 0) machine.memory_bytes = memory.ullTotalPhys;
  machine.container = windows::in_windows_container() || variable("KUBERNETES_SERVICE_HOST");
  return machine;
}

/// All is in private_names() that can be had without asking a domain controller.
USAGE_STATS_INLINE Accounts Accounts::now() noexcept { return {}; }
USAGE_STATS_INLINE std::optional<std::vector<std::string>> Accounts::names() const {
  static_cast<void>(user_), static_cast<void>(device_), static_cast<void>(number_);
  return std::vector<std::string>();
}

USAGE_STATS_INLINE PrivateNames private_names() {
  PrivateNames names;
  const auto add = [](std::vector<std::string>& list, const std::optional<std::string>& value) {
    if (!value || value->empty()) return;
    list.push_back(*value);
    if (std::string other = windows::in_code_page(windows::wide(*value)); !other.empty()) list.push_back(other);
  };
  add(names.users, variable("USERNAME"));
  wchar_t buffer[512];
  DWORD size = 512;
  // Not GetUserNameEx: for the full name it may ask a domain controller.
  if (::GetUserNameW(buffer, &size) != 0) add(names.users, windows::utf8(buffer));
  for (const char* const name : {"COMPUTERNAME", "USERDOMAIN", "USERDNSDOMAIN"}) add(names.hosts, variable(name));
  for (const auto kind : {ComputerNamePhysicalNetBIOS, ComputerNamePhysicalDnsFullyQualified}) {
    size = 512;
    if (::GetComputerNameExW(kind, buffer, &size) != 0) add(names.hosts, windows::utf8(buffer));
  }
  names.home = variable("USERPROFILE").value_or("");
  names.working_folder =
      windows::utf8(windows::text_of([](wchar_t* text, DWORD room) { return ::GetCurrentDirectoryW(room, text); }));
  return names;
}

USAGE_STATS_INLINE bool is_open(int stream) noexcept {
  const HANDLE handle = windows::standard_stream(stream);
  return handle != nullptr && handle != INVALID_HANDLE_VALUE;
}
USAGE_STATS_INLINE std::string host_identity() { return variable("COMPUTERNAME").value_or(""); }

// ---- places

namespace windows {
USAGE_STATS_INLINE std::filesystem::path absolute_variable(const char* name) {
  const std::filesystem::path path = wide(variable(name).value_or(""));
  return path.is_absolute() ? path : std::filesystem::path();
}
}  // namespace windows

USAGE_STATS_INLINE std::filesystem::path home() { return windows::absolute_variable("USERPROFILE"); }
USAGE_STATS_INLINE std::filesystem::path state_root() { return windows::absolute_variable("LOCALAPPDATA"); }
USAGE_STATS_INLINE std::filesystem::path config_root() { return windows::absolute_variable("APPDATA"); }
USAGE_STATS_INLINE std::filesystem::path policy_root() { return windows::policy_folder(); }
USAGE_STATS_INLINE std::filesystem::path foreign_home() { return {}; }  // it comes from the user's own profile

USAGE_STATS_INLINE std::string path_bytes(const std::filesystem::path& path) { return windows::utf8(path.native()); }
USAGE_STATS_INLINE std::filesystem::path path_of_bytes(std::string_view bytes) { return windows::wide(bytes); }
USAGE_STATS_INLINE std::filesystem::path path_below(const std::filesystem::path& root, std::string_view first,
                                                    std::string_view second, std::string_view third) {
  std::filesystem::path path = root;
  for (const std::string_view name : {first, second, third})
    if (!root.empty() && !name.empty()) path /= path_of_bytes(name);
  return path;
}
USAGE_STATS_INLINE std::string path_with_tilde(const std::filesystem::path& path) {
  std::filesystem::path shown = path, folder = home();
  const std::wstring text = shown.make_preferred().native(), start = folder.make_preferred().native();
  const bool inside = start.size() > 3 && text.size() > start.size() && text[start.size()] == L'\\' &&
                      ::CompareStringOrdinal(text.c_str(), static_cast<int>(start.size()), start.c_str(),
                                             static_cast<int>(start.size()), TRUE) == CSTR_EQUAL;
  return windows::utf8(inside ? L"~" + text.substr(start.size()) : path.native());
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE

#include "exit.inl"
#include "loaded.inl"
#include "process.inl"
#include "self_start.inl"
#include "signals.inl"
