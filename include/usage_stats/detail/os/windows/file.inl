#pragma once
// Files, for Windows. Included by platform.inl after windows.h.

#include <atomic>
#include <utility>

#include "../platform.hpp"
#include "../refusal.inl"
#include "parts/access.inl"
#include "parts/handle.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

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

/// If an open file cannot be replaced, it can still be renamed; for an instant, no file has its name.
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

/// Calls back with what lies in a folder until it says false. An error: there may be more.
template <class Visit>
std::error_code visit_folder(const std::wstring& path, Visit&& visit) {
  WIN32_FIND_DATAW entry{};
  const HANDLE search = ::FindFirstFileExW((path + L"\\*").c_str(), FindExInfoBasic, &entry, FindExSearchNameMatch,
                                           nullptr, FIND_FIRST_EX_LARGE_FETCH);
  if (search == INVALID_HANDLE_VALUE) return last_error();
  std::error_code error;
  for (;;) {
    const std::wstring_view name = entry.cFileName;
    if (name != L"." && name != L".." && !visit(entry)) break;
    if (::FindNextFileW(search, &entry) == 0) {
      if (::GetLastError() != ERROR_NO_MORE_FILES) error = last_error();
      break;
    }
  }
  ::FindClose(search);
  return error;
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
  bool is_new = false;

  std::wstring operator/(const std::string& name) const { return prefix + windows::wide(name); }
};

USAGE_STATS_INLINE Folder::Folder() noexcept = default;
USAGE_STATS_INLINE Folder::~Folder() = default;
USAGE_STATS_INLINE Folder::Folder(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(const Folder&) noexcept = default;
USAGE_STATS_INLINE Folder::Folder(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder& Folder::operator=(Folder&&) noexcept = default;
USAGE_STATS_INLINE Folder::operator bool() const noexcept { return impl_ != nullptr; }
USAGE_STATS_INLINE std::filesystem::path Folder::path() const { return impl_->path; }
USAGE_STATS_INLINE bool Folder::is_new() const noexcept { return impl_->is_new; }

USAGE_STATS_INLINE Folder Folder::open(const std::filesystem::path& path, bool create, std::error_code& error) {
  if (!path.is_absolute()) return error = std::make_error_code(std::errc::invalid_argument), Folder();
  if (!path.lexically_normal().has_relative_path()) return error = refused(Refusal::root), Folder();
  const std::wstring name = windows::system_path(path);
  windows::Handle handle = windows::open_folder(name, error);
  bool is_new = false;
  if (!handle && create && error == std::errc::no_such_file_or_directory) {
    windows::PrivateAccess access;
    error = windows::make_folder(name, access.attributes.lpSecurityDescriptor ? &access.attributes : nullptr);
    if (!error) handle = windows::open_folder(name, error);
    is_new = static_cast<bool>(handle);
  }
  Folder folder;
  if (handle) folder.impl_ = std::make_shared<const Impl>(Impl{std::move(handle), path, name + L"\\", is_new});
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
  if (handle)
    folder.impl_ =
        std::make_shared<const Impl>(Impl{std::move(handle), impl_->path / windows::wide(name), inner + L"\\"});
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

USAGE_STATS_INLINE std::error_code Folder::replace(const std::string& name, std::string_view bytes,
                                                   bool durable) const {
  const std::error_code error = write(name, bytes, durable, [&] { return exists(name); });
  return error == std::errc::operation_canceled ? std::make_error_code(std::errc::no_such_file_or_directory) : error;
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
                                                           std::size_t looks, std::error_code& error) const {
  constexpr std::int64_t epoch = 116444736000000000;  // 1970, in the 100 ns since 1601 that the system counts
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10000000>>;
  std::vector<Entry> found;
  error = windows::visit_folder(windows::system_path(impl_->path), [&](const WIN32_FIND_DATAW& entry) {
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

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::size_t looks) const {
  std::error_code error;
  return list(limit, wanted, looks, error);
}

USAGE_STATS_INLINE std::vector<Folder::Entry> Folder::list(std::size_t limit, bool (*wanted)(std::string_view),
                                                           std::error_code& error) const {
  return list(limit, wanted, std::numeric_limits<std::size_t>::max(), error);
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
