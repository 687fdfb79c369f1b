#pragma once
// Connections (not there with USAGE_STATS_NO_HTTPLIB).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

/// A TCP connection that never blocks, that no child inherits, and that raises no SIGPIPE. Movable.
class Socket {
 public:
  /// What read() and write() return instead of a number of bytes; 0 is the end.
  static constexpr int nothing_now = -1, broken = -2;
  struct Wish {
    const Socket* socket = nullptr;
    bool to_read = false, to_write = false;
    bool ready = false;  // set by wait(), also for what is broken
  };

  Socket() noexcept = default;
  ~Socket();
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;

  /// Tries the host's addresses of both families, each a quarter of a second after the previous one, until one of them
  /// answers. Only the name server may take longer than the deadline.
  static Socket connect(const std::string& host, int port, std::chrono::steady_clock::time_point deadline,
                        std::string& problem);
  /// Accepts connections at a free port of 127.0.0.1.
  static Socket listen(int& port);
  Socket accept(int& peer_port) const;

  explicit operator bool() const noexcept { return handle_ != -1; }
  int read(char* into, std::size_t size) const noexcept;
  int write(const char* bytes, std::size_t size) const noexcept;
  void close() noexcept;
  /// Waits until one of them is ready; false if none is within the limit.
  static bool wait(std::vector<Wish>&, std::chrono::milliseconds limit);
  int port() const noexcept { return port_of(handle_); }  // at this end, of an IPv4 one
  /// The port at this end of somebody else's IPv4 socket; 0: it has none.
  static int port_of(std::intptr_t handle) noexcept;

 private:
  static Socket begin(const void* address_info, int& error);
  int failure() const noexcept;
  void send_at_once() const noexcept;

  std::intptr_t handle_ = -1;
};

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
