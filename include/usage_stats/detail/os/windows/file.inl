#pragma once
// Files, for Windows. Included by platform.inl behind windows.h.

#include <atomic>
#include <utility>

#include "../platform.hpp"
#include "../refusal.inl"

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

/// An owned handle. None that is made here can be inherited.
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

// ---- whose it is

/// A SID of the thread's or the process's token: TokenUser, or TokenOwner, who owns what the user makes.
struct TokenSid {
  explicit TokenSid(TOKEN_INFORMATION_CLASS which) noexcept {
    HANDLE token = nullptr;
    if (::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY, TRUE, &token) == 0 &&
        ::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0)
      return;
    const Handle closed(token);
    DWORD size = sizeof bytes;
    // TOKEN_USER and TOKEN_OWNER both begin with the pointer to the SID.
    if (::GetTokenInformation(token, which, bytes, size, &size) != 0) sid = *reinterpret_cast<PSID*>(bytes);
  }
  TokenSid(const TokenSid&) = delete;
  TokenSid& operator=(const TokenSid&) = delete;

  alignas(16) unsigned char bytes[256];
  PSID sid = nullptr;
};

/// The user, or administrators: theirs is what an elevated run of the same user has made, and they may do all anyway.
struct Owners {
  TokenSid user{TokenUser}, maker{TokenOwner};

  bool contain(PSID sid) const noexcept {
    return (user.sid != nullptr && ::EqualSid(sid, user.sid) != 0) ||
           (maker.sid != nullptr && ::EqualSid(sid, maker.sid) != 0) ||
           ::IsWellKnownSid(sid, WinBuiltinAdministratorsSid) != 0;
  }
  bool or_system_contain(PSID sid) const noexcept {
    return contain(sid) || ::IsWellKnownSid(sid, WinLocalSystemSid) != 0 ||
           ::IsWellKnownSid(sid, WinCreatorOwnerSid) != 0 || ::IsWellKnownSid(sid, WinCreatorOwnerRightsSid) != 0;
  }
  /// Whether an access list lets others change what lies in the folder.
  bool share_with_others(PACL list) const noexcept {
    constexpr DWORD changing = FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | FILE_DELETE_CHILD | DELETE | WRITE_DAC |
                               WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;
    if (list == nullptr) return true;  // no list: everybody may do everything
    for (DWORD i = 0; i < list->AceCount; ++i) {
      void* entry = nullptr;
      if (::GetAce(list, i, &entry) == 0) return true;
      if (static_cast<ACE_HEADER*>(entry)->AceType != ACCESS_ALLOWED_ACE_TYPE) continue;
      auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
      if ((allowed->Mask & changing) != 0 && !or_system_contain(&allowed->SidStart)) return true;
    }
    return false;
  }
};

USAGE_STATS_INLINE std::error_code check_access(HANDLE file, bool folder) {
  constexpr SECURITY_INFORMATION wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
  DWORD size = 0;
  ::GetKernelObjectSecurity(file, wanted, nullptr, 0, &size);
  std::vector<unsigned char> descriptor(size + 1);
  if (::GetKernelObjectSecurity(file, wanted, descriptor.data(), size, &size) == 0) return last_error();
  PSID owner = nullptr;
  PACL list = nullptr;
  BOOL defaulted = FALSE, present = FALSE;
  const Owners owners;
  if (::GetSecurityDescriptorOwner(descriptor.data(), &owner, &defaulted) == 0 || owner == nullptr ||
      !owners.contain(owner))
    return std::make_error_code(std::errc::operation_not_permitted);
  if (!folder) return {};
  if (::GetSecurityDescriptorDacl(descriptor.data(), &present, &list, &defaulted) == 0 || present == FALSE ||
      owners.share_with_others(list))
    return std::make_error_code(std::errc::operation_not_permitted);
  return {};
}

/// A regular file, no link. It may have lost its name to a newer one since it was opened.
USAGE_STATS_INLINE std::error_code check_file(HANDLE file, BY_HANDLE_FILE_INFORMATION& info) {
  if (::GetFileInformationByHandle(file, &info) == 0) return last_error();
  if ((info.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)) != 0)
    return std::make_error_code(std::errc::operation_not_permitted);
  return check_access(file, false);
}

/// Opens a folder of ours. As long as it is open, neither it nor a folder above it can be moved away, since it is not
/// shared for that: what is done in it by its path is done in this very folder.
USAGE_STATS_INLINE Handle open_folder(const std::wstring& path, std::error_code& error) {
  Handle folder = open(path, FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES | READ_CONTROL, OPEN_EXISTING,
                       FILE_SHARE_READ | FILE_SHARE_WRITE);
  BY_HANDLE_FILE_INFORMATION info{};
  if (!folder || ::GetFileInformationByHandle(folder.get(), &info) == 0) return error = last_error(), Handle();
  if ((info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
    error = std::make_error_code(std::errc::not_a_directory);
  else if ((info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
    error = std::make_error_code(std::errc::too_many_symbolic_link_levels);
  else
    error = check_access(folder.get(), true);
  return error ? Handle() : std::move(folder);
}

/// All rights for the user, the system and administrators, none for others; also for what is made inside.
struct PrivateAccess {
  PrivateAccess() {
    const TokenSid user(TokenUser);
    wchar_t* text = nullptr;
    if (user.sid == nullptr || ::ConvertSidToStringSidW(user.sid, &text) == 0) return;
    const std::wstring list = L"D:P(A;OICI;FA;;;" + std::wstring(text) + L")(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    ::LocalFree(text);
    attributes.nLength = sizeof attributes;
    ::ConvertStringSecurityDescriptorToSecurityDescriptorW(list.c_str(), SDDL_REVISION_1,
                                                           &attributes.lpSecurityDescriptor, nullptr);
  }
  ~PrivateAccess() {
    if (attributes.lpSecurityDescriptor != nullptr) ::LocalFree(attributes.lpSecurityDescriptor);
  }
  PrivateAccess(const PrivateAccess&) = delete;
  PrivateAccess& operator=(const PrivateAccess&) = delete;

  SECURITY_ATTRIBUTES attributes{};
};

/// Makes a folder and those above it that are missing.
USAGE_STATS_INLINE std::error_code make_folder(const std::wstring& path, SECURITY_ATTRIBUTES* access, int above = 64) {
  if (::CreateDirectoryW(path.c_str(), access) != 0 || ::GetLastError() == ERROR_ALREADY_EXISTS) return {};
  const std::size_t end = path.rfind(L'\\');
  if (::GetLastError() != ERROR_PATH_NOT_FOUND || above == 0 || end == std::wstring::npos) return last_error();
  if (const std::error_code error = make_folder(path.substr(0, end), access, above - 1)) return error;
  return ::CreateDirectoryW(path.c_str(), access) != 0 || ::GetLastError() == ERROR_ALREADY_EXISTS ? std::error_code()
                                                                                                   : last_error();
}

// ---- names

USAGE_STATS_INLINE std::wstring temporary_name() {
  static std::atomic<unsigned> counter{0};
  return L".tmp-" + std::to_wstring(::GetCurrentProcessId()) + L"-" + std::to_wstring(counter++);
}

/// A new file under a name that nobody uses; `path` is set to it. `folder` ends with a separator.
USAGE_STATS_INLINE Handle make_temporary(const std::wstring& folder, DWORD access, std::wstring& path) {
  for (int attempt = 0; attempt < 32; ++attempt) {
    path = folder + temporary_name();
    if (Handle file = open(path, access, CREATE_NEW)) return file;
    if (::GetLastError() != ERROR_FILE_EXISTS) break;
  }
  return Handle();
}

/// The rename of POSIX, which replaces a file that others have open: Windows 10 1607 and later, on NTFS.
USAGE_STATS_INLINE bool posix_rename(const std::wstring& from, const std::wstring& to) {
  struct Information {  // FILE_RENAME_INFO, which older headers know without its flags
    DWORD flags;
    HANDLE root;
    DWORD size;
    WCHAR name[1];
  };
  constexpr DWORD replace_if_exists = 1, posix_semantics = 2;
  constexpr auto rename_info_ex = static_cast<FILE_INFO_BY_HANDLE_CLASS>(22);
  const Handle file = open(from, DELETE | SYNCHRONIZE, OPEN_EXISTING);
  if (!file) return false;
  std::vector<unsigned char> bytes(sizeof(Information) + to.size() * sizeof(wchar_t));
  auto* const information = reinterpret_cast<Information*>(bytes.data());
  information->flags = replace_if_exists | posix_semantics;
  information->size = static_cast<DWORD>(to.size() * sizeof(wchar_t));
  to.copy(information->name, to.size());
  return ::SetFileInformationByHandle(file.get(), rename_info_ex, information, static_cast<DWORD>(bytes.size())) != 0;
}

/// Where an open file cannot be replaced it can still be renamed; for an instant nothing has its name.
USAGE_STATS_INLINE bool move_out_of_the_way(const std::wstring& from, const std::wstring& to) {
  if (::GetLastError() != ERROR_ACCESS_DENIED && ::GetLastError() != ERROR_SHARING_VIOLATION) return false;
  const std::wstring aside = to.substr(0, to.rfind(L'\\') + 1) + temporary_name();
  if (::MoveFileExW(to.c_str(), aside.c_str(), 0) == 0) return false;
  if (::MoveFileExW(from.c_str(), to.c_str(), 0) != 0) return ::DeleteFileW(aside.c_str()), true;
  const DWORD problem = ::GetLastError();
  ::MoveFileExW(aside.c_str(), to.c_str(), 0);
  return ::SetLastError(problem), false;
}

/// Tries again for some 30 ms: virus scanners and indexers hold fresh files for a moment.
template <class Action>
std::error_code insist(Action&& action) {
  for (int attempt = 0; !action(); ++attempt) {
    const DWORD problem = ::GetLastError();
    if (attempt == 5 || (problem != ERROR_ACCESS_DENIED && problem != ERROR_SHARING_VIOLATION))
      return error_of(problem);
    ::Sleep(DWORD{1} << attempt);
  }
  return {};
}

USAGE_STATS_INLINE std::error_code rename(const std::wstring& from, const std::wstring& to) {
  return insist([&] {
    return posix_rename(from, to) || ::MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING) != 0 ||
           move_out_of_the_way(from, to);
  });
}

/// Calls back with what lies in a folder until it says false.
template <class Visit>
void visit_folder(const std::wstring& path, Visit&& visit) {
  WIN32_FIND_DATAW entry{};
  const HANDLE search = ::FindFirstFileExW((path + L"\\*").c_str(), FindExInfoBasic, &entry, FindExSearchNameMatch,
                                           nullptr, FIND_FIRST_EX_LARGE_FETCH);
  if (search == INVALID_HANDLE_VALUE) return;
  do {
    const std::wstring_view name = entry.cFileName;
    if (name != L"." && name != L".." && !visit(entry)) break;
  } while (::FindNextFileW(search, &entry) != 0);
  ::FindClose(search);
}

USAGE_STATS_INLINE bool is_folder(DWORD attributes) noexcept {
  return (attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)) == FILE_ATTRIBUTE_DIRECTORY;
}

USAGE_STATS_INLINE std::error_code remove_tree(const std::wstring& path, int depth) {
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES) return last_error();
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
    return ::DeleteFileW(path.c_str()) != 0 ? std::error_code() : last_error();
  if (is_folder(attributes)) {
    if (depth == 0) return std::make_error_code(std::errc::too_many_symbolic_link_levels);
    std::vector<std::wstring> names;
    visit_folder(path, [&](const WIN32_FIND_DATAW& entry) { return names.emplace_back(entry.cFileName), true; });
    for (const std::wstring& name : names) remove_tree(path + L"\\" + name, depth - 1);
  }
  return ::RemoveDirectoryW(path.c_str()) != 0 ? std::error_code() : last_error();
}

}  // namespace windows

// ---- Folder

struct Folder::Impl {
  windows::Handle handle;
  std::filesystem::path path;
  std::wstring prefix;  // of the names of its files, for the system

  std::wstring operator/(const std::string& name) const { return prefix + windows::wide(name); }
};

USAGE_STATS_INLINE Folder::Folder() noexcept = default;
USAGE_STATS_INLINE Folder::~Folder() = default;
USAGE_STATS_INLINE Folder::Folder(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder::Folder(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder::operator bool() const noexcept { return impl_ != nullptr; }
USAGE_STATS_INLINE const std::filesystem::path& Folder::path() const noexcept { return impl_->path; }

USAGE_STATS_INLINE Folder Folder::open(const std::filesystem::path& path, bool create, std::error_code& error,
                                       bool* made) {
  if (made != nullptr) *made = false;
  if (!path.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Folder();
  if (!path.lexically_normal().has_relative_path()) return error = refused(Refusal::root), Folder();
  const std::wstring name = windows::system_path(path);
  windows::Handle handle = windows::open_folder(name, error);
  if (!handle && create && error == std::errc::no_such_file_or_directory) {
    windows::PrivateAccess access;
    error = windows::make_folder(name, access.attributes.lpSecurityDescriptor ? &access.attributes : nullptr);
    if (!error) handle = windows::open_folder(name, error);
    if (made != nullptr) *made = static_cast<bool>(handle);
  }
  Folder folder;
  if (handle) folder.impl_ = std::make_shared<const Impl>(Impl{std::move(handle), path, name + L"\\"});
  return folder;
}

USAGE_STATS_INLINE Folder Folder::make(const std::string& name, std::error_code& error) const {
  return folder(name, true, error);
}

USAGE_STATS_INLINE bool Folder::is_private() const noexcept {
  return true;
}  // it has been looked at when it was opened

USAGE_STATS_INLINE Folder Folder::folder(const std::string& name, bool create, std::error_code& error) const {
  const std::wstring inner = *impl_ / name;
  windows::Handle handle = windows::open_folder(inner, error);
  if (!handle && create && error == std::errc::no_such_file_or_directory) {
    error = windows::make_folder(inner, nullptr, 0);  // its access list is inherited
    if (!error) handle = windows::open_folder(inner, error);
  }
  Folder folder;
  if (handle) folder.impl_ = std::make_shared<const Impl>(Impl{std::move(handle), impl_->path / name, inner + L"\\"});
  return folder;
}

USAGE_STATS_INLINE Folder::Stamp Folder::stamp(const std::string&) const noexcept { return {}; }

USAGE_STATS_INLINE std::optional<std::string> Folder::read(const std::string& name, std::size_t limit,
                                                           std::error_code& error, Stamp*) const {
  windows::Handle file;
  error = windows::insist([&] { return bool(file = windows::open(*impl_ / name, GENERIC_READ, OPEN_EXISTING)); });
  if (error) return std::nullopt;
  BY_HANDLE_FILE_INFORMATION info{};
  error = windows::check_file(file.get(), info);
  return error ? std::nullopt : windows::read_all(file.get(), limit, error);
}

USAGE_STATS_INLINE std::error_code Folder::write(const std::string& name, std::string_view bytes, bool durable,
                                                 const std::function<bool()>& wanted) const {
  std::wstring temporary;
  windows::Handle file = windows::make_temporary(impl_->prefix, GENERIC_WRITE, temporary);
  if (!file) return windows::last_error();
  std::error_code error = windows::write_all(file.get(), bytes);
  if (!error && durable && ::FlushFileBuffers(file.get()) == 0) error = windows::last_error();
  file.close();
  if (!error && wanted && !wanted()) error = std::make_error_code(std::errc::operation_canceled);
  if (!error) error = windows::rename(temporary, *impl_ / name);
  if (error) ::DeleteFileW(temporary.c_str());
  return error;
}

USAGE_STATS_INLINE std::error_code Folder::move(const std::string& name, const Folder& to) const {
  return windows::rename(*impl_ / name, *to.impl_ / name);
}

USAGE_STATS_INLINE std::error_code Folder::remove(const std::string& name) const {
  const std::wstring path = *impl_ / name;
  return windows::insist([&] { return ::DeleteFileW(path.c_str()) != 0; });
}

USAGE_STATS_INLINE std::error_code Folder::remove_tree(const std::string& name) const {
  return windows::remove_tree(*impl_ / name, 4);
}

USAGE_STATS_INLINE std::error_code Folder::remove_empty(const std::string& name) const {
  return ::RemoveDirectoryW((*impl_ / name).c_str()) != 0 ? std::error_code() : windows::last_error();
}

USAGE_STATS_INLINE bool Folder::exists(const std::string& name) const noexcept {
  USAGE_STATS_TRY {
    return ::GetFileAttributesW((*impl_ / name).c_str()) != INVALID_FILE_ATTRIBUTES ||
           ::GetLastError() != ERROR_FILE_NOT_FOUND;
  }
  USAGE_STATS_CATCH_ALL { return true; }
}

USAGE_STATS_INLINE bool Folder::is_gone() const noexcept {
  return ::GetFileAttributesW(impl_->path.c_str()) == INVALID_FILE_ATTRIBUTES &&
         (::GetLastError() == ERROR_FILE_NOT_FOUND || ::GetLastError() == ERROR_PATH_NOT_FOUND);
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::size_t looks) const {
  constexpr std::int64_t epoch = 116444736000000000;  // 1970, in the 100 ns since 1601 that the system counts
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10000000>>;
  std::vector<Entry> found;
  windows::visit_folder(windows::system_path(impl_->path), [&](const WIN32_FIND_DATAW& entry) {
    if (found.size() >= limit || looks-- == 0) return false;
    const std::string name = windows::utf8(entry.cFileName);
    if (!wanted(name)) return true;
    const auto ticks = static_cast<std::int64_t>(std::uint64_t{entry.ftLastWriteTime.dwHighDateTime} << 32 |
                                                 entry.ftLastWriteTime.dwLowDateTime);
    const auto since_1970 = std::chrono::duration_cast<std::chrono::system_clock::duration>(Ticks(ticks - epoch));
    found.push_back({name, std::chrono::system_clock::time_point(since_1970),
                     std::uint64_t{entry.nFileSizeHigh} << 32 | entry.nFileSizeLow,
                     windows::is_folder(entry.dwFileAttributes), false});
    return true;
  });
  return found;
}

USAGE_STATS_INLINE std::vector<std::string> Folder::names(std::size_t limit, bool (*wanted)(std::string_view),
                                                          std::size_t looks) const {
  std::vector<std::string> found;  // the system tells all the rest with them
  for (Entry& entry : list(limit, wanted, looks)) found.push_back(std::move(entry.name));
  return found;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
