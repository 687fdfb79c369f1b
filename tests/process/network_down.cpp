// No network, and a name server that says nothing.
#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

/// The command in namespaces of its own, behind a shell's preparations.
Command apart(const Command& command, const std::string& namespaces, const std::string& preparation) {
  Command changed = command;
  changed.program = "unshare";
  changed.arguments = {
      namespaces, "--map-root-user", "sh", "-c", preparation + " exec \"$0\" \"$@\"", command.program.string()};
  changed.arguments.insert(changed.arguments.end(), command.arguments.begin(), command.arguments.end());
  return changed;
}

/// The command with a name server on 127.0.0.53 alone, and more options of resolv.conf.
Command asking_nobody(const Sandbox& sandbox, const Command& command, const std::string& options) {
  const std::string file = (sandbox.root() / "resolv.conf").string();
  write_file(file, "nameserver 127.0.0.53\noptions " + options + "\n");
  return apart(command, "--mount", "mount --bind '" + file + "' /etc/resolv.conf;");
}

bool possible(const std::string& namespaces) {
  Command command{"true", {}};
  command.inherit_environment = true;
  if (run(apart(command, namespaces, "")).exit_code == 0) return true;
  MESSAGE("skipped: this machine allows no namespaces of one's own");
  return false;
}

/// Takes questions on port 53 of a loopback address, and answers none.
struct SilentNameServer {
  int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool bound = false;
  SilentNameServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    ::inet_pton(AF_INET, "127.0.0.53", &address.sin_addr);
    bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~SilentNameServer() { ::close(socket); }
  bool asked() const {
    char buffer[512];
    return ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT) > 0;
  }
};

}  // namespace

TEST_CASE("network down: without any network the host ends as ever, and the report is sent when there is one") {
  if (!possible("--net")) return;
  for (const char* const delivery : {"detached", "wait", "in_process"}) {
    CAPTURE(std::string(delivery));
    Server server;
    Sandbox sandbox;
    sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    const Command command =
        sandbox.command("reporter", {"--url", server.url(), "--delivery", delivery, "--print", "done", "--exit", "3"});
    const Result result = run(apart(command, "--net", ""));
    CHECK(result.exit_code == 3);
    CHECK(result.out == "done\n");
    CHECK(result.err == "");
    CHECK(sandbox.wait_for_no_uploader());
    CHECK(sandbox.pending().size() == 1);
    CHECK(server.requests().empty());
    make_due(sandbox);
    CHECK(run(command).exit_code == 3);
    CHECK(server.wait_for(2).size() == 2);
  }
}

TEST_CASE("network down: where httplib has no loopback, curl sends, and without it nothing is tried") {
  if (!possible("--net")) return;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  const std::string url = "http://127.0.0.1:9/";
  const std::string path = "PATH='" + sandbox.home().string() + "';";  // the program's, and not unshare's
  const Command sender = sandbox.command("sender", {url, "5000", "the body"});
  const std::string none = run(apart(sender, "--net", path)).out;
  CHECK(none.find("impossible=1") != std::string::npos);
  CHECK(none.find("error=no free port on 127.0.0.1, and there is no curl") != std::string::npos);
  run(apart(sandbox.command("reporter", sending_to(url)), "--net", path));
  REQUIRE(sandbox.pending().size() == 1);
  CHECK(waiting_envelope(sandbox)["destinations"][0]["attempts"] == 0);
  write_file(sandbox.home() / "curl", "#!/bin/sh\nprintf 'HTTP/1.1 200 OK\\r\\n\\r\\n'\n");
  std::filesystem::permissions(sandbox.home() / "curl", std::filesystem::perms::owner_all);
  CHECK(run(apart(sender, "--net", path)).out.find("status=200 ") == 0);
}

TEST_CASE("network down: an address of a name that says nothing does not hide one that answers") {
  if (!possible("--mount")) return;
  // A port of ::1 with a queue that is full: the system drops what comes, as a broken way does.
  Server server([](const ReceivedRequest&) { return Answer{200, {}, {}, std::chrono::milliseconds(300)}; });
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(server.port()));
  address.sin6_addr = in6addr_loopback;
  std::vector<int> sockets{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto* const where = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(sockets[0], where, sizeof address) != 0 || ::listen(sockets[0], 0) != 0) {
    MESSAGE("skipped: no IPv6 here");
    return;
  }
  for (int i = 0; i < 8; ++i) {
    sockets.push_back(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(sockets.back(), where, sizeof address);
  }
  const Sandbox sandbox;
  const std::string hosts = (sandbox.root() / "hosts").string();
  write_file(hosts, "::1 two.test\n127.0.0.1 two.test\n");
  const std::string url = "http://two.test:" + std::to_string(server.port()) + "/";
  for (const char* const sender : {"sender", "sender_curl"}) {
    CAPTURE(std::string(sender));
    const Command command = sandbox.command(sender, {url, "5000", "the body"});
    CHECK(run(apart(command, "--mount", "mount --bind '" + hosts + "' /etc/hosts;")).out.find("status=200 ") == 0);
  }
  for (const int socket : sockets) ::close(socket);
}

TEST_CASE("network down: a name server that says nothing holds up the uploader, and not the host") {
  const SilentNameServer names;
  if (!names.bound) {
    MESSAGE("skipped: port 53 is for root, or taken");
    return;
  }
  if (!possible("--mount")) return;
  for (const char* const delivery : {"detached", "in_process"}) {
    CAPTURE(std::string(delivery));
    Sandbox sandbox;
    sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
    const Command command = sandbox.command("reporter", {"--url", "https://stats.example.org/", "--delivery", delivery,
                                                         "--wait-limit", "300", "--print", "done", "--exit", "3"});
    const auto start = std::chrono::steady_clock::now();
    const Result result = run(asking_nobody(sandbox, command, "timeout:30 attempts:1"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));  // the name server takes 30 s
    CHECK(result.exit_code == 3);
    CHECK(result.out == "done\n");
    CHECK(result.err == "");
    CHECK(wait_until([&] { return names.asked(); }));
    CHECK(sandbox.pending().size() == 1);
  }
}

TEST_CASE("network down: a name server that says nothing for longer than an uploader lives makes all wait") {
  const SilentNameServer names;
  if (!names.bound) {
    MESSAGE("skipped: port 53 is for root, or taken");
    return;
  }
  if (!possible("--mount")) return;
  Sandbox sandbox;
  sandbox.environment["REPORTER_USAGE_STATS_ENABLED"] = "1";
  const Command command = sandbox.command("reporter", {"--url", "https://stats.example.org/"});
  CHECK(run(asking_nobody(sandbox, command, "timeout:30 attempts:5")).exit_code == 0);
  CHECK(wait_until([&] { return names.asked(); }));
  CHECK(sandbox.wait_for_no_uploader(std::chrono::seconds(90)));
  CHECK(sandbox.pending().size() == 1);
  CHECK(state_of(sandbox)["backoff"]["https://stats.example.org/"]["failures"] == 1);
  run(command);  // finds that it is to wait
  CHECK(sandbox.uploaders().empty());
}
