#pragma once
// What sockets.inl needs from the system.

#include <string>
#include <system_error>

#include <winsock2.h>
#include <ws2tcpip.h>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace sockets {

/// Winsock, for as long as the process lives. httplib starts it, too, but only when its own global is made: the
/// uploader is at work before that.
USAGE_STATS_INLINE bool start() noexcept {
  static const bool started = [] {
    WSADATA data;
    return ::WSAStartup(MAKEWORD(2, 2), &data) == 0;
  }();
  return started;
}

using Handle = SOCKET;
using Length = int;
constexpr Handle none = INVALID_SOCKET;
constexpr int send_flags = 0;

USAGE_STATS_INLINE Handle native(std::intptr_t handle) noexcept { return static_cast<Handle>(handle); }
USAGE_STATS_INLINE int count_of(std::size_t bytes) noexcept { return static_cast<int>(bytes); }
USAGE_STATS_INLINE void close(Handle socket) noexcept { ::closesocket(socket); }
USAGE_STATS_INLINE int last_error() noexcept { return ::WSAGetLastError(); }
/// Nothing yet, and no failure.
USAGE_STATS_INLINE bool in_progress(int error) noexcept { return error == WSAEWOULDBLOCK || error == WSAEINPROGRESS; }
USAGE_STATS_INLINE std::string words(int error) { return std::error_code(error, std::system_category()).message(); }
USAGE_STATS_INLINE std::string name_words(int error) { return words(error); }

USAGE_STATS_INLINE bool make_non_blocking(Handle socket) noexcept {
  u_long yes = 1;
  ::SetHandleInformation(reinterpret_cast<HANDLE>(socket), HANDLE_FLAG_INHERIT, 0);
  return ::ioctlsocket(socket, static_cast<long>(FIONBIO), &yes) == 0;
}

USAGE_STATS_INLINE int poll(pollfd* files, std::size_t count, int limit_ms) noexcept {
  return ::WSAPoll(files, static_cast<ULONG>(count), limit_ms);
}

}  // namespace sockets
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
