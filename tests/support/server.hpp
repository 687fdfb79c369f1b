#pragma once
// Servers on loopback that answer as a test wants, or do not.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct ReceivedRequest {
  std::string method, target, body;            // target: path and query
  std::map<std::string, std::string> headers;  // names in lower case
  int client_port = 0;                         // tells one connection from another

  /// Empty if there is none; the name in any case.
  std::string header(const std::string& name) const;
};

struct Answer {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};
  std::chrono::milliseconds delay{0};
  bool never = false;  // keeps the connection open and says nothing until the server ends
};

/// An HTTP server on a free port of 127.0.0.1 that keeps what it is sent.
class Server {
 public:
  using Handler = std::function<Answer(const ReceivedRequest&)>;

  Server() : Server([](const ReceivedRequest&) { return Answer{}; }) {}
  explicit Server(int status) : Server([status](const ReceivedRequest&) { return Answer{status}; }) {}
  explicit Server(Handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const noexcept;
  std::string url(const std::string& path = "/v1/usage") const;
  /// From now on.
  void answer(Handler);
  /// Connections stay open, as they do not otherwise, so that the end need not wait for idle ones.
  void keep_connections();

  std::vector<ReceivedRequest> requests() const;
  /// Waits for so many requests, throws if they do not come in time; returns all there are by then.
  std::vector<ReceivedRequest> wait_for(std::size_t count,
                                        std::chrono::milliseconds limit = std::chrono::seconds(30)) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Bytes for a connection; where there is a pause behind each of them, the last comes again and again until the client
/// goes.
struct RawAnswer {
  std::string bytes;
  std::chrono::milliseconds pause;
  bool keep = false;  // the connection, for one more request

  RawAnswer(std::string what, std::chrono::milliseconds behind_each = {})
      : bytes(std::move(what)), pause(behind_each) {}
  RawAnswer(const char* what) : RawAnswer(std::string(what)) {}
};

/// A server of bytes: for each connection, what arrives is given to the function, whose result is sent before the
/// connection is closed. It is called when a whole request has arrived (head, and body by Content-Length).
class RawServer {
 public:
  explicit RawServer(std::function<RawAnswer(const std::string& request)> answer);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int port() const noexcept;
  std::string url(const std::string& path = "/v1/usage") const;
  std::size_t connections() const noexcept;
  /// Bytes that the system took from it, which are more than a client has read by what lies in between.
  std::size_t sent() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A port of 127.0.0.1. Connections to it are refused, or taken by the system and never answered.
class SilentPort {
 public:
  enum class Behaviour { refuses, never_answers };
  explicit SilentPort(Behaviour);
  ~SilentPort();
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  int port() const noexcept { return port_; }
  std::string url(const std::string& path = "/v1/usage") const;

 private:
  int port_ = 0;
  int socket_ = -1;
};
