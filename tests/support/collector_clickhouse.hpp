#pragma once
// A real clickhouse-server on a free port of loopback, or the one that USAGE_STATS_CLICKHOUSE names (.ci/run
// clickhouse).

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "collector.hpp"
#include "collector/cluster/clickhouse.hpp"
#include "collector/store/schema.hpp"
#include "process.hpp"
#include "temporary_folder.hpp"

class ClickHouseServer {
 public:
  /// Whether there is one to start; else says why its tests are skipped.
  static bool is_there() {
    if (std::getenv("USAGE_STATS_CLICKHOUSE") != nullptr) return true;
    static const bool found = std::system("command -v clickhouse-server >/dev/null") == 0;
    if (!found) MESSAGE("skipped: there is no clickhouse-server; .ci/run clickhouse installs it");
    return found;
  }

  ClickHouseServer() {
    if (const char* const url = std::getenv("USAGE_STATS_CLICKHOUSE")) {
      url_ = url;
      return;
    }
    for (int attempt = 0; attempt < 5 && url_.empty(); ++attempt) start(free_port());
    if (url_.empty()) throw std::runtime_error("clickhouse-server does not start: " + read_file(folder_ / "log"));
  }
  ~ClickHouseServer() {
    if (process_ != nullptr) process_->signal(SIGKILL);
  }
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  /// With a database of this name.
  std::string url(const std::string& database) const { return url_ + '/' + database; }
  void pause() { process_->signal(SIGSTOP); }
  void go_on() { process_->signal(SIGCONT); }
  bool is_ours() const { return process_ != nullptr; }

 private:
  static int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(socket);
    return ntohs(address.sin_port);
  }
  void start(int port) {
    const std::string data = (folder_ / "data").string();
    std::filesystem::create_directories(data + "/tmp");
    write_file(
        folder_ / "config.xml",
        "<yandex><logger><level>warning</level><console>1</console></logger><listen_host>127.0.0.1</listen_host>"
        "<http_port>" +
            std::to_string(port) + "</http_port><path>" + data + "/</path><tmp_path>" + data +
            "/tmp/</tmp_path><mark_cache_size>67108864</mark_cache_size><users_config>config.xml</users_config>"
            "<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>"
            "<quota>default</quota></default></users><profiles><default/></profiles><quotas><default/></quotas>"
            "</yandex>");
    Command command{"/bin/sh", {"-c", "exec clickhouse-server --config-file=config.xml >log 2>&1"}};
    command.folder = folder_.path();
    command.inherit_environment = true;
    command.time_limit = std::chrono::minutes(4);
    process_ = std::make_unique<Process>(command);
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    const auto answers = [&] {
      try {
        return collector::ClickHouse(url + "/system").query("SELECT 1")[0][0] == "1";
      } catch (const collector::Problem&) {
        return false;
      }
    };
    if (wait_until([&] { return answers() || !process_->running(); }) && process_->running()) url_ = url;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
  std::string url_;
};
