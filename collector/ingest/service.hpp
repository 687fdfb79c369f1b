#pragma once
// The json protocol of docs/protocol.md over HTTP: reports arrive, clients are deleted.

#include <functional>
#include <string>

#include "committer.hpp"

namespace httplib {
class Server;
}

namespace collector {

struct ServiceSettings {
  std::string path = "/v1/usage";
  /// Throws Refused for a report that is not to be taken though it is one.
  std::function<void(const Json&)> accept;
  /// A line for each request, if wanted. It never names an address.
  std::function<void(const std::string&)> tell;
};

/// Makes the server answer for the committer. Both must outlive it.
void install_service(httplib::Server&, Committer&, ServiceSettings);

/// Threads, limits and time-outs of a server: so many connections at a time, each with a thread. `socket` becomes the
/// one that it listens on, as soon as there is one; it must live as long as the server.
void configure_server(httplib::Server&, std::size_t threads, int& socket);

}  // namespace collector
