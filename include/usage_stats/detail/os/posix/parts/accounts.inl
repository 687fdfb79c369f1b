#pragma once
// The list of accounts, /etc/passwd, which may be long, and may be a different one once the host has changed its root.

#include <algorithm>
#include <cerrno>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "../../platform.hpp"
#include "../file.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE Accounts Accounts::now() noexcept {
  Accounts accounts;
  posix::FileStatus status{};
  accounts.user_ = ::getuid();
  if (posix::status_of("/etc/passwd", status) != 0 && errno == ENOENT) return accounts;
  const posix::Identity found(status);
  accounts.device_ = found.device;
  accounts.number_ = found.inode + std::uint64_t{found.inode == 0};
  return accounts;
}

USAGE_STATS_INLINE std::optional<std::vector<std::string>> Accounts::names() const {
  std::error_code error;
  std::vector<std::string> names;
  posix::FileStatus status{};
  // Not getpwuid: it may ask a name service over a socket.
  const auto list = posix::read_system_file("/etc/passwd", 1024 * 1024, error);
  const bool none = device_ == 0 && number_ == 0;
  if (!list) return none && error == std::errc::no_such_file_or_directory ? std::optional(names) : std::nullopt;
  const std::string id = std::to_string(user_), wanted = ":" + id + ":";
  // Of ten thousand accounts, only lines that may be this user's are parsed.
  for (std::size_t at = list->find(wanted); at != std::string::npos; at = list->find(wanted, at + 1)) {
    const std::size_t begin = list->rfind('\n', at) + 1;  // npos + 1 is 0
    const std::string line = list->substr(begin, std::min(list->find('\n', at), list->size()) - begin);
    std::vector<std::string> parts(1);  // name, password, uid, gid, full name, home, shell
    for (const char c : line)
      if (c == ':')
        parts.emplace_back();
      else
        parts.back() += c;
    if (parts.size() < 6 || parts[2] != id) continue;
    names.push_back(parts[0]);
    names.push_back(parts[4].substr(0, parts[4].find(',')));
    names.push_back(parts[5]);
  }
  // A different list, such as the one in a folder that the host has made its root, does not replace the first one.
  const bool found = !none && posix::status_of("/etc/passwd", status) == 0;
  const posix::Identity now(status);
  const bool same = found && device_ == now.device && number_ == now.inode;
  return same || !names.empty() ? std::optional(std::move(names)) : std::nullopt;
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
