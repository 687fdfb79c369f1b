#pragma once
// Servers on loopback for the benchmark, as bare as can be: one thread each, so that they cost the measured program
// nothing that a real network would not.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace bench {

enum class Manner { answers, answers_late, never_answers };

class Receiver {
 public:
  explicit Receiver(Manner manner) : manner_(manner), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    std::thread([this] { serve(); }).detach();  // lives as long as the benchmark
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1/usage"; }

 private:
  void serve() {
    for (;;) {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      if (manner_ == Manner::never_answers) {
        silent_.push_back(peer);
        if (silent_.size() > 64) {
          ::close(silent_.front());
          silent_.erase(silent_.begin());
        }
      } else {
        std::thread([this, peer] { answer(peer); }).detach();
      }
    }
  }

  void answer(int peer) const {
    std::string request;
    char buffer[8192];
    while (request.find("\r\n\r\n") == std::string::npos || request.find("\n}\n") == std::string::npos) {
      const ssize_t count = ::recv(peer, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      request.append(buffer, static_cast<std::size_t>(count));
    }
    if (manner_ == Manner::answers_late) ::poll(nullptr, 0, 300);
    constexpr char reply[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    ::send(peer, reply, sizeof reply - 1, MSG_NOSIGNAL);
    ::close(peer);
  }

  const Manner manner_;
  const int listener_;
  int port_ = 0;
  std::vector<int> silent_;
};

}  // namespace bench
