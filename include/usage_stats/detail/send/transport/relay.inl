#pragma once
// A relay between a server and httplib, which connects to it on 127.0.0.1: it resolves names, goes through proxies,
// ends in time, and passes on no more bytes than httplib can handle, whatever its version. (httplib reads lines of any
// length into memory, and matches a status line with a recursion for each byte.)

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "../../os/platform.hpp"
#include "../../base/url.hpp"
#include "answers.inl"
#include "proxy.inl"
#include "../../os/sockets.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {

/// How much may be buffered in httplib and its TLS at once, certificates and an answer: only they can tell what is a
/// head there.
constexpr std::size_t largest_tls_answer = 48 * 1024;
constexpr const char* no_port = "no free port on 127.0.0.1";
constexpr const char* proxy_closed = "the proxy closed the connection";
/// The stack that the thread calling httplib needs. std::regex takes 180 to 430 bytes for each byte of a status line.
constexpr std::size_t plain_stack = 1024 * 1024, tls_stack = largest_tls_answer * 512;

/// How many bytes of a server's TLS stream httplib may have got in plain text, at most: those of the records (RFC 8446,
/// 5.1) without what each of them has besides. (9 bytes at least, with AES-CCM-8 in TLS 1.3.)
class TlsRecords {
 public:
  void see(std::string_view bytes) noexcept;
  std::size_t plain_bytes() const noexcept { return plain_bytes_; }

 private:
  unsigned char head_[5] = {};
  std::size_t in_head_ = 0, left_ = 0, plain_bytes_ = 0;
};

USAGE_STATS_INLINE void TlsRecords::see(std::string_view bytes) noexcept {
  constexpr unsigned char application_data = 23;
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::size_t count = std::min(left_, bytes.size());
      left_ -= count;
      bytes.remove_prefix(count);
      continue;
    }
    head_[in_head_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (in_head_ < sizeof head_) continue;
    in_head_ = 0;
    left_ = std::size_t{head_[3]} * 256 + head_[4];
    plain_bytes_ += left_ > 9 && head_[0] == application_data ? left_ - 9 : left_ + sizeof head_;
  }
}

class Relay {
 public:
  /// If the server cannot be reached: nothing, and the reason.
  static std::unique_ptr<Relay> open(const Url&, const std::optional<Proxy>&, Deadline, std::string& problem);

  int port() const noexcept { return port_; }
  /// The socket with which httplib is about to connect here; nobody else may connect.
  void expect(std::intptr_t socket) noexcept { expected_ = socket; }
  /// Whether one more request may use the connection.
  bool usable();
  /// Passes bytes on, in this thread, until another one has called end(), or time is up.
  void work(Deadline);
  void begin() noexcept;
  void end() noexcept;
  /// What httplib has read from the connection for an answer: the minimum, and the most likely number of bytes.
  void consumed(std::size_t at_least, std::size_t likely) noexcept;
  /// Bytes that came since begin().
  std::size_t received() const noexcept { return received_; }
  /// Why it passes nothing on; empty if it does.
  std::string problem() const { return problem_.empty() ? filter_.problem() : problem_; }

 private:
  static constexpr std::size_t piece = 16 * 1024;

  bool tunnel(const Url&, const Proxy&, Deadline);
  bool connect_waker(Deadline);
  /// What httplib and its TLS may have got and not yet consumed.
  std::size_t held() const noexcept { return records_.plain_bytes() - std::min(records_.plain_bytes(), consumed_); }
  void look_for_connection();
  void read_local();
  void read_server();
  static bool write(os::Socket&, std::string& bytes);
  void close();

  os::Socket server_, local_, listener_, woken_, waker_;
  std::string to_server_, to_local_, problem_;
  HeadFilter filter_;
  int port_ = 0;
  bool tls_ = false, server_ended_ = false, spoiled_ = false, used_ = false;
  TlsRecords records_;
  std::atomic<std::size_t> received_{0};      // which httplib's thread may ask for
  std::size_t consumed_ = 0, handed_on_ = 0;  // the last: in plain text, since begin()
  std::atomic<std::intptr_t> expected_{-1};
  std::atomic<bool> ended_{false};
};

USAGE_STATS_INLINE std::unique_ptr<Relay> Relay::open(const Url& url, const std::optional<Proxy>& proxy,
                                                      Deadline deadline, std::string& problem) {
  auto relay = std::make_unique<Relay>();
  relay->tls_ = url.scheme == "https";
  relay->listener_ = os::Socket::listen(relay->port_);
  if (!relay->listener_ || !relay->connect_waker(deadline)) return problem = no_port, nullptr;
  relay->server_ =
      os::Socket::connect(proxy ? proxy->host : url.host, proxy ? proxy->port : url.port, deadline, problem);
  if (!relay->server_) {
    if (proxy) problem = "cannot reach the proxy: " + problem;
    return nullptr;
  }
  if (proxy && relay->tls_ && !relay->tunnel(url, *proxy, deadline)) return problem = relay->problem_, nullptr;
  return relay;
}

/// A connection to itself, with which end() wakes work().
USAGE_STATS_INLINE bool Relay::connect_waker(Deadline deadline) {
  std::string problem;
  deadline = std::min(deadline, std::chrono::steady_clock::now() + std::chrono::seconds(1));
  waker_ = os::Socket::connect("127.0.0.1", port_, deadline, problem);
  while (waker_ && !woken_ && left_until(deadline).count() > 0) {
    std::vector<os::Socket::Wish> wishes{{&listener_, true, false, false}};
    int port = 0;
    if (!os::Socket::wait(wishes, left_until(deadline))) continue;
    os::Socket socket = listener_.accept(port);
    if (socket && port == waker_.port()) woken_ = std::move(socket);  // else a stranger's
  }
  return static_cast<bool>(woken_);
}

/// Asks a proxy for a tunnel to the server (RFC 9110, section 9.3.6).
USAGE_STATS_INLINE bool Relay::tunnel(const Url& url, const Proxy& proxy, Deadline deadline) {
  const std::string to = url.origin().substr(url.scheme.size() + 3);
  std::string asked = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n", answer;
  if (!proxy.user.empty()) asked += "Proxy-Authorization: " + basic_credentials(proxy) + "\r\n";
  asked += "\r\n";
  for (int status = 0; status < 200;) {
    if (left_until(deadline).count() == 0) return problem_ = "the proxy does not answer in time", false;
    std::vector<os::Socket::Wish> wishes{{&server_, true, !asked.empty(), false}};
    if (!os::Socket::wait(wishes, left_until(deadline))) continue;
    if (!asked.empty() && !write(server_, asked)) return problem_ = proxy_closed, false;
    char buffer[1024];
    const int count = server_.read(buffer, sizeof buffer);
    if (count == 0 || count == os::Socket::broken) return problem_ = proxy_closed, false;
    if (count > 0) answer.append(buffer, static_cast<std::size_t>(count));
    if (answer.size() > largest_head) return problem_ = "the proxy's answer is too long", false;
    for (std::size_t size = head_size(answer); status < 200 && size != answer.npos; size = head_size(answer)) {
      status = status_of(answer);
      answer.erase(0, size);
      if (status == 0 || status > 299)
        return problem_ = status == 0 ? "the proxy does not speak HTTP"
                                      : "the proxy refused the connection: status " + std::to_string(status),
               false;
    }
  }
  to_local_ = answer;
  return true;
}

USAGE_STATS_INLINE bool Relay::usable() {
  char byte = 0;
  // What arrives now is not an answer to a request: an end, or nothing that can be trusted.
  return local_ && server_ && !server_ended_ && !spoiled_ && problem().empty() && to_local_.empty() &&
         to_server_.empty() && held() < largest_tls_answer / 2 && server_.read(&byte, 1) == os::Socket::nothing_now;
}

USAGE_STATS_INLINE void Relay::begin() noexcept {
  received_ = 0;
  handed_on_ = 0;
  ended_ = false;
  filter_.expect_head();
}

USAGE_STATS_INLINE void Relay::consumed(std::size_t at_least, std::size_t likely) noexcept {
  constexpr std::size_t other_framing = 40;  // of chunks, and of records; less than a second answer has
  consumed_ += at_least;
  // An unsolicited answer would be taken for the answer to the next request. For the first exchange this cannot be
  // detected: the end of the handshake, and what TLS 1.3 sends after it, looks the same.
  spoiled_ = spoiled_ || ((used_ || !tls_) && handed_on_ > likely + other_framing);
  used_ = true;
}

USAGE_STATS_INLINE void Relay::end() noexcept {
  ended_ = true;
  waker_.write("", 1);
}

USAGE_STATS_INLINE void Relay::close() {
  local_.close();
  server_.close();
  listener_.close();
}

USAGE_STATS_INLINE void Relay::look_for_connection() {
  int port = 0;
  os::Socket socket = listener_.accept(port);
  const std::intptr_t expected = expected_;
  if (!socket || local_ || expected == -1 || os::Socket::port_of(expected) != port) return;
  expected_ = -1;
  local_ = std::move(socket);
}

USAGE_STATS_INLINE void Relay::read_local() {
  char buffer[4096];
  const int count = local_.read(buffer, sizeof buffer);
  if (count == os::Socket::nothing_now) return;
  if (count <= 0) {
    // httplib has closed the connection, and may open another one, which must not wait for a server that is gone.
    server_ended_ = true;
    local_.close();
    server_.close();
    return;
  }
  to_server_.append(buffer, static_cast<std::size_t>(count));
}

USAGE_STATS_INLINE void Relay::read_server() {
  char buffer[4096];
  const int count = server_.read(buffer, sizeof buffer);
  if (count == os::Socket::nothing_now) return;
  if (count <= 0) {
    server_ended_ = true;
    if (received_ > 0 && !tls_ && !filter_.in_body() && problem().empty())
      problem_ = "the answer ends within its headers";
    return;
  }
  received_ += static_cast<std::size_t>(count);
  const std::string_view bytes(buffer, static_cast<std::size_t>(count));
  const std::size_t before = tls_ ? records_.plain_bytes() : to_local_.size();
  if (tls_) records_.see(bytes);
  if (!tls_)
    to_local_ += filter_.pass(bytes);
  else if (held() <= largest_tls_answer)
    to_local_ += bytes;
  else
    problem_ = "the answer is too long";
  handed_on_ += (tls_ ? records_.plain_bytes() : to_local_.size()) - before;
  server_ended_ = !problem().empty();
}

USAGE_STATS_INLINE bool Relay::write(os::Socket& socket, std::string& bytes) {
  if (bytes.empty()) return true;
  const int count = socket.write(bytes.data(), bytes.size());
  if (count > 0) bytes.erase(0, static_cast<std::size_t>(count));
  return count != os::Socket::broken;
}

USAGE_STATS_INLINE void Relay::work(Deadline deadline) {
  while (!ended_) {
    if (left_until(deadline).count() == 0) {
      if (problem_.empty()) problem_ = "no answer in time";
      return close();
    }
    std::vector<os::Socket::Wish> wishes{
        {local_ ? nullptr : &listener_, true, false, false},
        {&local_, to_server_.size() < piece, !to_local_.empty(), false},
        {&server_, !server_ended_ && local_ && to_local_.size() < piece, !to_server_.empty(), false},
        {&woken_, true, false, false}};
    // end() wakes it; if that fails, it notices after a while.
    os::Socket::wait(wishes, std::min(left_until(deadline), std::chrono::milliseconds(200)));
    if (char byte[8]; wishes[3].ready) woken_.read(byte, sizeof byte);
    if (wishes[0].ready) look_for_connection();
    if (wishes[1].ready) {
      if (!write(local_, to_local_)) local_.close();
      if (local_ && to_server_.size() < piece) read_local();
      if (server_ && !write(server_, to_server_)) to_server_.clear();
    }
    if (wishes[2].ready && server_) {
      if (!write(server_, to_server_)) to_server_.clear();  // it may have answered before it closed
      if (!server_ended_ && to_local_.size() < piece) read_server();
      if (local_ && !write(local_, to_local_)) local_.close();
    }
    if (server_ended_ && to_local_.empty()) local_.close();
  }
}

}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
