// The two servers and how they end.
#include <signal.h>
#include <unistd.h>

#include <httplib.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>

#include "../ingest/committer.hpp"
#include "../cluster/clickhouse_source.hpp"
#include "../cluster/forwarder.hpp"
#include "../ingest/service.hpp"
#include "../pages/pages.hpp"
#include "../store/dictionary.hpp"
#include "commands.hpp"
#include "metrics.hpp"

namespace collector {
namespace {

constexpr std::size_t report_threads = 80, page_threads = 4;
constexpr int waiting_connections = 1024;

/// One readable line, whole, as it comes.
void tell(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> guard(mutex);
  std::cout << printable(line, 1000) << std::endl;
}

/// A server with its thread, which stops with its scope.
class Listener {
 public:
  Listener(const std::string& host, int port, std::size_t threads) : host_(host), port_(port) {
    configure_server(server, threads, socket_);
  }
  ~Listener() { stop(); }

  std::string start() {
    if (port_ == 0)
      port_ = server.bind_to_any_port(host_);
    else if (!server.bind_to_port(host_, port_))
      throw Problem("cannot listen on " + host_ + ":" + std::to_string(port_) +
                    ": in use, or not an address of this machine");
    if (port_ < 0) throw Problem("cannot listen on " + host_);
    ::listen(socket_, waiting_connections);  // httplib lets five wait; the next would lose a second
    thread_ = std::thread([this] {
      server.listen_after_bind();
      ended_ = true;
      ::kill(::getpid(), SIGTERM);  // wakes the sigwait(), should it end by itself
    });
    while (!server.is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::string host = host_.find(':') == std::string::npos ? host_ : '[' + host_ + ']';
    return "http://" + host + ':' + std::to_string(port_);
  }
  void stop() {
    if (!thread_.joinable()) return;
    server.stop();
    thread_.join();
  }

  httplib::Server server;

 private:
  const std::string host_;
  int port_, socket_ = -1;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// The signals that end the service. Blocked before any thread starts, they are for sigwait() alone. A disk quota is an
/// error like others.
sigset_t block_signals_that_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  return ends;
}

void keep_what_waited(Store& store) {
  if (!is_forwarding(store.database())) return;
  Store::Change change(store);
  stop_forwarding(store.database());
  change.commit();
  tell("no --clickhouse any more: reports waiting for it stay here");
}

void wait_for_the_end(const sigset_t& ends) {
  int signal = 0;
  sigwait(&ends, &signal);
  std::thread([] {  // a connection that never ends does not keep us; what is acknowledged is on the disk
    std::this_thread::sleep_for(std::chrono::milliseconds(4500));
    ::_exit(0);
  })
      .detach();
}

}  // namespace

int serve(const Arguments& arguments) {
  if (!arguments.words().empty()) throw UsageError("serve takes options only");
  const std::string file = arguments.text("--database", default_database);
  const std::string host = arguments.text("--host", "127.0.0.1"),
                    pages_host = arguments.text("--pages-host", "127.0.0.1");
  const int port = arguments.number("--port", 8080, 65535), pages_port = arguments.number("--pages-port", 8081, 65535);
  ServiceSettings service{arguments.text("--path", "/v1/usage"), {}, {}};
  if (service.path[0] != '/') service.path.insert(0, "/");
  if (arguments.has("--verbose")) service.tell = tell;
  Committer::Settings settings;
  settings.keep_days = arguments.days("--keep", 60);
  settings.tell = tell;

  const sigset_t ends = block_signals_that_end();

  // What the listeners use outlives them.
  const auto cluster = arguments.text("--clickhouse");
  if (cluster) ClickHouse{*cluster};  // a wrong address is said at once; a server that is away is waited for
  Store store(file, true);
  if (!cluster) keep_what_waited(store);
  Committer committer(store, settings);
  std::unique_ptr<Forwarder> forwarder;
  if (cluster)
    forwarder = std::make_unique<Forwarder>(committer, Forwarder::Settings{file, *cluster, settings.keep_days, tell});
  std::unique_ptr<OnlyDescribed> only_described;
  if (arguments.has("--only-described")) {
    only_described = std::make_unique<OnlyDescribed>(file);
    service.accept = [&](const Json& report) { only_described->check(report); };
  }
  Listener reports(host, port, report_threads), pages(pages_host, pages_port, page_threads);
  install_service(reports.server, committer, service);
  install_metrics(pages.server, committer, file);

  const std::string reports_url = reports.start() + service.path;
  install_pages(pages.server, file, reports_url,
                [cluster](Database& database) { return make_source(cluster, database); });
  const std::string pages_url = pages.start();
  tell("reports are received at " + reports_url);
  tell("pages are at " + pages_url + "/");
  wait_for_the_end(ends);
  reports.stop();
  pages.stop();
  tell("stopped");
  return 0;
}

}  // namespace collector
