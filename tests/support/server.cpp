#include "server.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string loopback_url(int port, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

int loopback_socket(int& port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot get a port of 127.0.0.1");
  port = ntohs(address.sin_port);
  return descriptor;
}

}  // namespace

std::string ReceivedRequest::header(const std::string& name) const {
  const auto found = headers.find(lower(name));
  return found == headers.end() ? std::string() : found->second;
}

struct Server::Impl {
  httplib::Server server;
  int port = 0;
  std::thread thread;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  bool ending = false;
  Handler handler;
  std::vector<ReceivedRequest> received;

  void drain(const httplib::Request& request, httplib::Response& response) {
    ReceivedRequest kept{request.method, request.target, request.body, {}, request.remote_port};
    for (const auto& [name, value] : request.headers) kept.headers[lower(name)] = value;
    Handler answering;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      received.push_back(kept);
      answering = handler;
    }
    changed.notify_all();
    const Answer answer = answering(kept);
    std::unique_lock<std::mutex> lock(mutex);
    if (answer.never)
      changed.wait(lock, [this] { return ending; });
    else
      changed.wait_for(lock, answer.delay, [this] { return ending; });
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    response.body = answer.body;
  }
};

Server::Server(Handler handler) : impl_(std::make_unique<Impl>()) {
  impl_->handler = std::move(handler);
  httplib::Server& server = impl_->server;
  const auto serve = [impl = impl_.get()](const httplib::Request& request, httplib::Response& response) {
    impl->drain(request, response);
  };
  server.Get(".*", serve).Post(".*", serve).Put(".*", serve).Delete(".*", serve);
  server.set_keep_alive_max_count(1);  // so that the end need not wait for idle connections
  server.set_tcp_nodelay(true);
  impl_->port = server.bind_to_any_port("127.0.0.1");
  if (impl_->port <= 0) throw std::runtime_error("cannot get a port of 127.0.0.1");
  impl_->thread = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
}

Server::~Server() {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->changed.notify_all();
  impl_->server.stop();
  impl_->thread.join();
}

int Server::port() const noexcept { return impl_->port; }
std::string Server::url(const std::string& path) const { return loopback_url(impl_->port, path); }

void Server::answer(Handler handler) {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->handler = std::move(handler);
}

void Server::keep_connections() {
  impl_->server.set_keep_alive_max_count(1000);
  impl_->server.set_keep_alive_timeout(5);
}

std::vector<ReceivedRequest> Server::requests() const {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->received;
}

std::vector<ReceivedRequest> Server::wait_for(std::size_t count, std::chrono::milliseconds limit) const {
  std::unique_lock<std::mutex> lock(impl_->mutex);
  if (!impl_->changed.wait_for(lock, limit, [&] { return impl_->received.size() >= count; }))
    throw std::runtime_error("only " + std::to_string(impl_->received.size()) + " of " + std::to_string(count) +
                             " requests came");
  return impl_->received;
}

struct RawServer::Impl {
  int port = 0;
  int listener = -1;
  int wake[2] = {-1, -1};
  std::atomic<std::size_t> connections{0}, sent{0};
  std::function<RawAnswer(const std::string&)> answer;
  std::thread thread;

  /// Waits until the descriptor can be read, or written; false if the server is ending.
  bool ready(int descriptor, short what) const {
    pollfd polled[2] = {{descriptor, what, 0}, {wake[0], POLLIN, 0}};
    ::poll(polled, 2, -1);
    return polled[1].revents == 0;
  }
  static bool whole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end == request.npos) return false;
    const std::string head = lower(request.substr(0, end));
    const std::size_t length = head.find("content-length:");
    return length == head.npos || request.size() - end - 4 >= std::stoul(head.substr(length + 15));
  }
  bool send(int connection, const char* bytes, std::size_t size) {
    // A client that has gone may leave a window that is closed for a minute.
    while (size > 0 && ready(connection, POLLOUT)) {
      const ssize_t count = ::send(connection, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno != EAGAIN) return false;
      const auto taken = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
      sent += taken;
      bytes += taken;
      size -= taken;
    }
    return size == 0;
  }
  void drip(int connection, const std::string& bytes, std::chrono::milliseconds pause) {
    for (std::size_t i = 0; !bytes.empty() && send(connection, &bytes[std::min(i, bytes.size() - 1)], 1); ++i) {
      pollfd ending{wake[0], POLLIN, 0};
      if (::poll(&ending, 1, static_cast<int>(pause.count())) != 0) return;
    }
  }
  /// Whether another request may follow.
  bool drain(int connection) {
    std::string request;
    char buffer[4096];
    while (!whole(request) && ready(connection, POLLIN)) {
      const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      request.append(buffer, static_cast<std::size_t>(count));
    }
    if (!whole(request)) return false;
    const auto [bytes, pause, keep] = answer(request);
    if (pause.count() > 0) return drip(connection, bytes, pause), false;
    constexpr std::size_t piece = 65536;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      if (!send(connection, bytes.data() + at, std::min(piece, bytes.size() - at))) return false;
    return keep;
  }
  void loop() {
    while (ready(listener, POLLIN)) {
      const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      ++connections;
      while (drain(connection)) {
      }
      ::close(connection);
    }
  }
};

RawServer::RawServer(std::function<RawAnswer(const std::string&)> answer) : impl_(std::make_unique<Impl>()) {
  impl_->answer = std::move(answer);
  impl_->listener = loopback_socket(impl_->port);
  if (::listen(impl_->listener, 64) != 0 || ::pipe2(impl_->wake, O_CLOEXEC) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  impl_->thread = std::thread([impl = impl_.get()] { impl->loop(); });
}

RawServer::~RawServer() {
  ::close(impl_->wake[1]);
  impl_->thread.join();
  ::close(impl_->wake[0]);
  ::close(impl_->listener);
}

int RawServer::port() const noexcept { return impl_->port; }
std::string RawServer::url(const std::string& path) const { return loopback_url(impl_->port, path); }
std::size_t RawServer::connections() const noexcept { return impl_->connections; }
std::size_t RawServer::sent() const noexcept { return impl_->sent; }

SilentPort::SilentPort(Behaviour behaviour) : socket_(loopback_socket(port_)) {
  if (behaviour == Behaviour::never_answers && ::listen(socket_, 64) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
}
SilentPort::~SilentPort() { ::close(socket_); }
std::string SilentPort::url(const std::string& path) const { return loopback_url(port_, path); }
