#pragma once
// What sockets.inl needs from the system.

#include <cerrno>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {
namespace sockets {

/// Nothing has to be started here.
inline bool start() noexcept { return true; }

using Handle = int;
using Length = socklen_t;
constexpr Handle none = -1;
#if defined(MSG_NOSIGNAL) && !defined(__APPLE__)  // whose kernels may be older than its headers
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;
#endif

USAGE_STATS_INLINE Handle native(std::intptr_t handle) noexcept { return static_cast<Handle>(handle); }
USAGE_STATS_INLINE std::size_t count_of(std::size_t bytes) noexcept { return bytes; }
USAGE_STATS_INLINE void close(Handle socket) noexcept { ::close(socket); }
USAGE_STATS_INLINE int last_error() noexcept { return errno; }
/// Nothing yet, and no failure.
USAGE_STATS_INLINE bool in_progress(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == EINPROGRESS;
}
USAGE_STATS_INLINE std::string words(int error) { return std::error_code(error, std::generic_category()).message(); }
USAGE_STATS_INLINE std::string name_words(int error) { return ::gai_strerror(error); }

USAGE_STATS_INLINE bool make_non_blocking(Handle socket) noexcept {
#if defined(SO_NOSIGPIPE)
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
  return ::fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 &&
         ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL, 0) | O_NONBLOCK) == 0;
}

USAGE_STATS_INLINE int poll(pollfd* files, std::size_t count, int limit_ms) noexcept {
  const nfds_t number = count;
  return ::poll(files, number, limit_ms);
}

}  // namespace sockets
}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
