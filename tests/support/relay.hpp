#pragma once
// What may stand between a program and a server: a proxy, or the end of a TLS connection (support/relay.py).

#include <string>
#include <vector>

#include "process.hpp"
#include "temporary_folder.hpp"

class Relay {
 public:
  /// An HTTP proxy that leads every name to this port of 127.0.0.1.
  static Relay proxy(int to_port) { return Relay(to_port, {"proxy"}); }
  /// Ends TLS with this certificate, and hands what was in it to the port.
  static Relay tls(int to_port, const std::string& certificate, const std::string& key) {
    return Relay(to_port, {"tls", certificate, key});
  }

  int port() const noexcept { return port_; }
  /// What it has seen: a line for each connection.
  std::string log() const;

 private:
  Relay(int to_port, std::vector<std::string> arguments);

  TemporaryFolder folder_;
  Process process_;
  int port_ = 0;
};
