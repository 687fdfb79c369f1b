#pragma once
// Connections that never block. Included with httplib only: without it this library makes none.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "platform.hpp"
#if defined(_WIN32)
#include "windows/socket.inl"
#else
#include "posix/socket.inl"
#endif

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace os {

USAGE_STATS_INLINE Socket::~Socket() { close(); }
USAGE_STATS_INLINE Socket::Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
USAGE_STATS_INLINE Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

USAGE_STATS_INLINE void Socket::close() noexcept {
  if (handle_ != -1) sockets::close(sockets::native(handle_));
  handle_ = -1;
}

USAGE_STATS_INLINE int Socket::read(char* into, std::size_t size) const noexcept {
  const auto count = ::recv(sockets::native(handle_), into, sockets::count_of(size), 0);
  if (count >= 0) return static_cast<int>(count);
  return sockets::in_progress(sockets::last_error()) ? nothing_now : broken;
}

USAGE_STATS_INLINE int Socket::write(const char* bytes, std::size_t size) const noexcept {
  const auto count = ::send(sockets::native(handle_), bytes, sockets::count_of(size), sockets::send_flags);
  if (count >= 0) return static_cast<int>(count);
  return sockets::in_progress(sockets::last_error()) ? nothing_now : broken;
}

USAGE_STATS_INLINE int Socket::port_of(std::intptr_t handle) noexcept {
  sockaddr_storage address{};
  sockets::Length size = sizeof address;
  if (::getsockname(sockets::native(handle), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port) : 0;
}

USAGE_STATS_INLINE Socket Socket::listen(int& port) {
  Socket socket;
  if (!sockets::start()) return socket;
  socket.handle_ = static_cast<std::intptr_t>(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!socket || !sockets::make_non_blocking(sockets::native(socket.handle_)) ||
      ::bind(sockets::native(socket.handle_), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(sockets::native(socket.handle_), 8) != 0)
    return {};
  port = port_of(socket.handle_);
  return socket;
}

USAGE_STATS_INLINE Socket Socket::accept(int& peer_port) const {
  sockaddr_storage address{};
  sockets::Length size = sizeof address;
  Socket socket;
  socket.handle_ =
      static_cast<std::intptr_t>(::accept(sockets::native(handle_), reinterpret_cast<sockaddr*>(&address), &size));
  if (!socket || !sockets::make_non_blocking(sockets::native(socket.handle_))) return {};
  peer_port = ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  socket.send_at_once();
  return socket;
}

USAGE_STATS_INLINE void Socket::send_at_once() const noexcept {
  const int yes = 1;
  ::setsockopt(sockets::native(handle_), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&yes), sizeof yes);
}

USAGE_STATS_INLINE bool Socket::wait(std::vector<Wish>& wishes, std::chrono::milliseconds limit) {
  std::vector<pollfd> files;
  for (Wish& wish : wishes) {
    wish.ready = false;
    pollfd file{};
    file.fd = wish.socket != nullptr && *wish.socket ? sockets::native(wish.socket->handle_) : sockets::none;
    file.events = static_cast<short>((wish.to_read ? POLLIN : 0) | (wish.to_write ? POLLOUT : 0));
    if (file.events != 0 && file.fd != sockets::none) files.push_back(file);
  }
  const auto most = std::chrono::milliseconds(60000);
  if (sockets::poll(files.data(), files.size(), static_cast<int>(std::clamp(limit, {}, most).count())) <= 0)
    return false;
  for (Wish& wish : wishes)
    for (const pollfd& file : files)
      if (wish.socket != nullptr && *wish.socket && file.fd == sockets::native(wish.socket->handle_))
        wish.ready = file.revents != 0;
  return true;
}

namespace sockets {

/// The addresses of a host, those of the two families in turn.
USAGE_STATS_INLINE std::vector<const addrinfo*> in_turn(const addrinfo* all) {
  std::vector<const addrinfo*> first, second, result;
  for (const addrinfo* one = all; one != nullptr; one = one->ai_next)
    (one->ai_family == all->ai_family ? first : second).push_back(one);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) result.push_back(first[i]);
    if (i < second.size()) result.push_back(second[i]);
  }
  return result;
}

}  // namespace sockets

USAGE_STATS_INLINE Socket Socket::begin(const void* address_info, int& error) {
  const auto& address = *static_cast<const addrinfo*>(address_info);
  Socket socket;
  socket.handle_ = static_cast<std::intptr_t>(::socket(address.ai_family, address.ai_socktype, address.ai_protocol));
  if (socket && sockets::make_non_blocking(sockets::native(socket.handle_))) {
    socket.send_at_once();
    if (::connect(sockets::native(socket.handle_), address.ai_addr, static_cast<sockets::Length>(address.ai_addrlen)) ==
            0 ||
        sockets::in_progress(sockets::last_error()))
      return socket;
  }
  error = sockets::last_error();
  return {};
}

USAGE_STATS_INLINE int Socket::failure() const noexcept {
  int error = 0;
  sockets::Length size = sizeof error;
  const int result =
      ::getsockopt(sockets::native(handle_), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error), &size);
  return result == 0 ? error : sockets::last_error();
}

USAGE_STATS_INLINE Socket Socket::connect(const std::string& host, int port,
                                          std::chrono::steady_clock::time_point deadline, std::string& problem) {
  using Clock = std::chrono::steady_clock;
  addrinfo hints{}, *found = nullptr;
  if (!sockets::start()) return problem = "there is no Winsock", Socket();
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
    return problem = "cannot resolve the name " + host + ": " + sockets::name_words(error), Socket();
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, [](addrinfo* all) { ::freeaddrinfo(all); });
  const auto addresses = sockets::in_turn(found);
  std::vector<Socket> begun;
  auto next = Clock::now();
  int error = 0;
  for (std::size_t tried = 0; Clock::now() < deadline;) {
    if (tried < addresses.size() && (begun.empty() || Clock::now() >= next)) {
      if (Socket socket = begin(addresses[tried++], error)) begun.push_back(std::move(socket));
      next = Clock::now() + std::chrono::milliseconds(250);  // RFC 8305, section 5
    }
    if (begun.empty() && tried == addresses.size()) return problem = sockets::words(error), Socket();
    std::vector<Wish> wishes;
    wishes.reserve(begun.size());
    for (const Socket& socket : begun) wishes.push_back({&socket, false, true, false});
    const auto until = tried < addresses.size() ? std::min(next, deadline) : deadline;
    wait(wishes,
         std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()) + std::chrono::milliseconds(1));
    for (std::size_t i = wishes.size(); i-- > 0;) {
      if (!wishes[i].ready) continue;
      error = begun[i].failure();
      if (error == 0) return std::move(begun[i]);
      begun.erase(begun.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return problem = "no connection in time", Socket();
}

}  // namespace os
}  // namespace detail
USAGE_STATS_END_NAMESPACE
