#pragma once
// Who owns a file or folder, and who else may use it. Included by platform.inl after windows.h.

#include <cstddef>

#include "../../platform.hpp"
#include "../../refusal.inl"
#include "handle.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace windows {

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
    if (::GetTokenInformation(token, which, bytes, size, &size) != 0)
      sid = *static_cast<PSID*>(static_cast<void*>(bytes));
  }
  TokenSid(const TokenSid&) = delete;
  TokenSid& operator=(const TokenSid&) = delete;

  std::max_align_t bytes[256 / sizeof(std::max_align_t)];
  PSID sid = nullptr;
};

/// Whether an access list lets others than `trusted` change a file, or what lies in a folder.
template <class Trusted>
bool lets_others_change(PACL list, const Trusted& trusted) noexcept {
  constexpr DWORD changing = FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | FILE_DELETE_CHILD | DELETE | WRITE_DAC |
                             WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;
  static_assert(FILE_ADD_FILE == FILE_WRITE_DATA && FILE_ADD_SUBDIRECTORY == FILE_APPEND_DATA, "files and folders");
  if (list == nullptr) return true;  // no list: everybody may do everything
  for (DWORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (::GetAce(list, i, &entry) == 0) return true;
    auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
    switch (allowed->Header.AceType) {
      case ACCESS_DENIED_ACE_TYPE:
      case ACCESS_DENIED_OBJECT_ACE_TYPE:
      case ACCESS_DENIED_CALLBACK_ACE_TYPE:
      case ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE:
        continue;
      case ACCESS_ALLOWED_ACE_TYPE:
      case ACCESS_ALLOWED_CALLBACK_ACE_TYPE:  // conditional, and the condition may be met; begins like the plain one
        if ((allowed->Mask & changing) != 0 && !trusted(&allowed->SidStart)) return true;
        continue;
      default:  // of others it is not known where their SID is
        if ((allowed->Mask & changing) != 0) return true;
    }
  }
  return false;
}

/// Administrators, the system, and what installs its updates (NT SERVICE\TrustedInstaller), which has no well-known
/// name.
USAGE_STATS_INLINE bool administers(PSID sid) noexcept {
  constexpr DWORD installer[] = {80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464};
  if (::IsWellKnownSid(sid, WinBuiltinAdministratorsSid) != 0 || ::IsWellKnownSid(sid, WinLocalSystemSid) != 0)
    return true;
  if (*::GetSidSubAuthorityCount(sid) != 6 || ::GetSidIdentifierAuthority(sid)->Value[5] != 5) return false;
  for (DWORD i = 0; i < 6; ++i)
    if (*::GetSidSubAuthority(sid, i) != installer[i]) return false;
  return true;
}

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
};

/// Whose something is, and who may use it.
class Access {
 public:
  Access(HANDLE file, std::error_code& error) {
    constexpr SECURITY_INFORMATION wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    DWORD size = 0;
    ::GetKernelObjectSecurity(file, wanted, nullptr, 0, &size);
    bytes_.resize(size + 1);
    if (::GetKernelObjectSecurity(file, wanted, bytes_.data(), size, &size) == 0)
      error = last_error();
    else
      read(bytes_.data());
  }
  explicit Access(PSECURITY_DESCRIPTOR descriptor) noexcept { read(descriptor); }

  template <class Owner>
  bool owned_by(const Owner& may_own) const noexcept {
    return owner_ != nullptr && may_own(owner_);
  }
  template <class Trusted>
  bool changed_by(const Trusted& trusted) const noexcept {  // by nobody else
    return listed_ && !lets_others_change(list_, trusted);
  }

 private:
  void read(PSECURITY_DESCRIPTOR descriptor) noexcept {
    BOOL defaulted = FALSE, present = FALSE;
    if (::GetSecurityDescriptorOwner(descriptor, &owner_, &defaulted) == 0) owner_ = nullptr;
    listed_ = ::GetSecurityDescriptorDacl(descriptor, &present, &list_, &defaulted) != 0 && present != FALSE;
  }

  std::vector<unsigned char> bytes_;
  PSID owner_ = nullptr;
  PACL list_ = nullptr;
  bool listed_ = false;
};

USAGE_STATS_INLINE std::error_code check_access(HANDLE file, bool folder) {
  std::error_code error;
  const Access access(file, error);
  const Owners owners;
  if (!error && (!access.owned_by([&](PSID sid) { return owners.contain(sid); }) ||
                 (folder && !access.changed_by([&](PSID sid) { return owners.or_system_contain(sid); }))))
    error = std::make_error_code(std::errc::operation_not_permitted);
  return error;
}

/// Nobody but administrators can have written it.
USAGE_STATS_INLINE bool is_of_administrators(const Access& access) noexcept {
  return access.owned_by(administers) && access.changed_by(administers);
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

}  // namespace windows
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
