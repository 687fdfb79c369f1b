#pragma once
// Locks, and files that are not in our folder, for Windows. Included by platform.inl after windows.h.

#include "../platform.hpp"
#include "file.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

/// What is locked is a byte far after the end of the file: a lock of Windows keeps others from reading what it covers.
struct LockedByte : OVERLAPPED {
  LockedByte() : OVERLAPPED() { OffsetHigh = 0x40000000; }
};

/// Without waiting; false with ERROR_LOCK_VIOLATION if another handle has it, of this process or of another.
USAGE_STATS_INLINE bool lock(HANDLE file, DWORD exclusive) noexcept {
  LockedByte byte;
  const bool locked = ::LockFileEx(file, exclusive | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &byte) != 0;
  if (!locked && ::GetLastError() == ERROR_IO_PENDING) ::SetLastError(ERROR_LOCK_VIOLATION);
  return locked;
}

USAGE_STATS_INLINE void unlock(HANDLE file) noexcept {
  LockedByte byte;
  ::UnlockFileEx(file, 0, 1, 0, &byte);
}

USAGE_STATS_INLINE bool same_file(const BY_HANDLE_FILE_INFORMATION& a, const BY_HANDLE_FILE_INFORMATION& b) noexcept {
  const bool same_volume = a.dwVolumeSerialNumber == b.dwVolumeSerialNumber || a.dwVolumeSerialNumber == 0 ||
                           b.dwVolumeSerialNumber == 0;  // Wine forgets it when the file is renamed
  return same_volume && a.nFileIndexHigh == b.nFileIndexHigh && a.nFileIndexLow == b.nFileIndexLow;
}

}  // namespace windows

struct LockedFile::Impl {
  windows::Handle handle;
  BY_HANDLE_FILE_INFORMATION info;
};

USAGE_STATS_INLINE LockedFile::LockedFile() noexcept = default;
USAGE_STATS_INLINE LockedFile::~LockedFile() { release(); }
USAGE_STATS_INLINE LockedFile::LockedFile(LockedFile&&) noexcept = default;
USAGE_STATS_INLINE LockedFile& LockedFile::operator=(LockedFile&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
USAGE_STATS_INLINE LockedFile::operator bool() const noexcept { return impl_ != nullptr; }

USAGE_STATS_INLINE LockedFile LockedFile::create(const Folder& folder, const std::string& name, std::string_view bytes,
                                                 std::error_code& error) {
  std::wstring temporary;
  LockedFile result;
  windows::Handle file = windows::make_temporary(folder.impl_->prefix, GENERIC_READ | GENERIC_WRITE, temporary);
  BY_HANDLE_FILE_INFORMATION info{};
  if (!file) return error = windows::last_error(), LockedFile();
  error = ::GetFileInformationByHandle(file.get(), &info) == 0 || !windows::lock(file.get(), LOCKFILE_EXCLUSIVE_LOCK)
              ? windows::last_error()
              : windows::write_all(file.get(), bytes);
  if (!error) error = windows::rename(temporary, *folder.impl_ / name);
  if (error) return ::DeleteFileW(temporary.c_str()), LockedFile();
  result.impl_ = std::make_unique<Impl>(Impl{std::move(file), info});
  return result;
}

USAGE_STATS_INLINE LockedFile LockedFile::acquire(const Folder& folder, const std::string& name, bool create,
                                                  Attempt& attempt, std::error_code& error) {
  LockedFile result;
  BY_HANDLE_FILE_INFORMATION info{};
  attempt = Attempt::failed;
  windows::Handle file =
      windows::open(*folder.impl_ / name, GENERIC_READ | GENERIC_WRITE, create ? OPEN_ALWAYS : OPEN_EXISTING);
  error = file ? windows::check_file(file.get(), info) : windows::last_error();
  if (!error && !windows::lock(file.get(), LOCKFILE_EXCLUSIVE_LOCK)) error = windows::last_error();
  if (error == std::errc::device_or_resource_busy) attempt = Attempt::locked_elsewhere;
  if (error) return result;
  attempt = Attempt::locked;
  result.impl_ = std::make_unique<Impl>(Impl{std::move(file), info});
  return result;
}

USAGE_STATS_INLINE LockedFile::Look LockedFile::look(const Folder& folder, const std::string& name) noexcept {
  USAGE_STATS_TRY {
    const windows::Handle file = windows::open(*folder.impl_ / name, GENERIC_READ, OPEN_EXISTING);
    // What cannot be opened may be held.
    if (!file)
      return ::GetLastError() != ERROR_FILE_NOT_FOUND && ::GetLastError() != ERROR_PATH_NOT_FOUND ? Look::locked
                                                                                                  : Look::missing;
    // A lock cannot be looked at. A shared one, for an instant, is no obstacle to others who look.
    if (!windows::lock(file.get(), 0)) return Look::locked;
    windows::unlock(file.get());
    return Look::free;
  }
  USAGE_STATS_CATCH_ALL {}
  return Look::locked;
}

// Windows does not tell who holds a lock.
USAGE_STATS_INLINE std::int64_t LockedFile::stopped_holder(const Folder&, const std::string&) noexcept { return 0; }
USAGE_STATS_INLINE const char* LockedFile::problem_in(const std::filesystem::path&, std::error_code& reason) {
  reason.clear();
  return "";
}
USAGE_STATS_INLINE bool LockedFile::is_stuck(const Folder& folder, const std::string& name) noexcept {
  return is_locked(folder, name);
}

USAGE_STATS_INLINE bool LockedFile::was_kept() const noexcept { return impl_ != nullptr; }

USAGE_STATS_INLINE bool LockedFile::still_named(const Folder& folder, const std::string& name) const noexcept {
  USAGE_STATS_TRY {
    const windows::Handle file = windows::open(*folder.impl_ / name, FILE_READ_ATTRIBUTES, OPEN_EXISTING);
    BY_HANDLE_FILE_INFORMATION info{};
    return impl_ && file && ::GetFileInformationByHandle(file.get(), &info) != 0 &&
           windows::same_file(info, impl_->info);
  }
  USAGE_STATS_CATCH_ALL { return false; }
}

USAGE_STATS_INLINE std::error_code LockedFile::append(std::string_view bytes) noexcept {
  OVERLAPPED end{};
  end.Offset = end.OffsetHigh = 0xFFFFFFFF;  // the end of the file, whoever else has written
  DWORD count = 0;
  return ::WriteFile(impl_->handle.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &count, &end) != 0
             ? std::error_code()
             : windows::last_error();
}

USAGE_STATS_INLINE void LockedFile::release() noexcept {
  if (!impl_) return;
  BY_HANDLE_FILE_INFORMATION info{};
  const HANDLE handle = impl_->handle.leave();
  // Else the host has closed it, and the number may be something of the host.
  if (::GetFileInformationByHandle(handle, &info) != 0 && windows::same_file(info, impl_->info)) {
    windows::unlock(handle);  // what closing alone does only "when resources allow"
    ::CloseHandle(handle);
  }
  impl_.reset();
}

// ---- files anywhere

namespace windows {

USAGE_STATS_INLINE std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t limit,
                                                        bool of_administrators, std::error_code& error) {
  const windows::Handle file(::CreateFileW(windows::system_path(path).c_str(), GENERIC_READ, windows::share_all,
                                           nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  BY_HANDLE_FILE_INFORMATION info{};
  if (!file) return error = windows::last_error(), std::nullopt;
  if (::GetFileType(file.get()) != FILE_TYPE_DISK || ::GetFileInformationByHandle(file.get(), &info) == 0 ||
      (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
    return error = std::make_error_code(std::errc::invalid_argument), std::nullopt;
  if (of_administrators) {
    error.clear();
    const Access access(file.get(), error);
    if (!error && !is_of_administrators(access)) error = refused(Refusal::not_of_administrators);
    if (error) return std::nullopt;
  }
  return windows::read_all(file.get(), limit, error);
}

}  // namespace windows

USAGE_STATS_INLINE std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t limit,
                                                        std::error_code& error) {
  return windows::read_file(path, limit, false, error);
}
USAGE_STATS_INLINE std::optional<std::string> read_policy_file(const std::filesystem::path& path, std::size_t limit,
                                                               std::error_code& error) {
  return windows::read_file(path, limit, true, error);
}

namespace windows {

/// Where a path leads through all links; the path itself if there is nothing yet.
USAGE_STATS_INLINE std::wstring target_of(const std::wstring& path, bool& exists) {
  const Handle file(
      ::CreateFileW(path.c_str(), 0, share_all, nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  exists = bool(file);
  const DWORD size = file ? ::GetFinalPathNameByHandleW(file.get(), nullptr, 0, FILE_NAME_NORMALIZED) : 0;
  std::wstring target(size, L'\0');
  target.resize(size == 0 ? 0 : ::GetFinalPathNameByHandleW(file.get(), target.data(), size, FILE_NAME_NORMALIZED));
  return target.empty() ? path : target;
}

}  // namespace windows

USAGE_STATS_INLINE std::error_code replace_file(const std::filesystem::path& path, std::string_view bytes) {
  bool exists = false;
  const std::wstring target = windows::target_of(windows::system_path(path), exists);
  const std::wstring folder = target.substr(0, target.rfind(L'\\') + 1);
  std::error_code error = windows::make_folder(folder.substr(0, folder.size() - 1), nullptr);
  if (error) return error;
  std::wstring temporary;
  windows::Handle file = windows::make_temporary(folder, GENERIC_WRITE, temporary);
  if (!file) return windows::last_error();
  error = windows::write_all(file.get(), bytes);
  if (!error && ::FlushFileBuffers(file.get()) == 0) error = windows::last_error();
  file.close();
  // ReplaceFile keeps the access list and the attributes, but cannot do without a former file.
  constexpr DWORD lenient = REPLACEFILE_IGNORE_MERGE_ERRORS | REPLACEFILE_IGNORE_ACL_ERRORS;
  const bool replaced =
      !error && exists && ::ReplaceFileW(target.c_str(), temporary.c_str(), nullptr, lenient, nullptr, nullptr) != 0;
  if (!error && !replaced) error = windows::rename(temporary, target);
  if (error) ::DeleteFileW(temporary.c_str());
  return error;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
