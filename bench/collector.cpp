// What usage-stats-collector can take and how fast it answers. bench/collector.sh runs it all.
//   collector reports N [DAYS]             made-up reports, one a line
//   collector load PORT N [CONNECTIONS]    sends so many as fast as they are acknowledged
//   collector pages PORT TARGET...         the time of each page
//   collector night DATABASE [KEEP]        does the night's work: how long that keeps others waiting
//   collector figures DATABASE APP         the time of each question, of all runs and with one filter
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/ingest/committer.hpp"
#include "collector/store/schema.hpp"
#include "collector/store/store.hpp"
#include "made_up_reports.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}
double quantile(std::vector<double>& list, double share) {
  std::sort(list.begin(), list.end());
  return list.empty() ? 0 : list[static_cast<std::size_t>(share * static_cast<double>(list.size() - 1))];
}

int reports(std::size_t count, int days) {
  bench::MadeUpReports reports(1, days, count);
  for (std::size_t i = 0; i < count; ++i) std::puts(reports.next().c_str());
  return 0;
}

struct Connection {
  int socket = -1;
  std::string received;
  Clock::time_point sent_at;
};

int connected(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  return socket;
}

void send_report(Connection& connection, const std::string& body) {
  const std::string request =
      "POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  connection.sent_at = Clock::now();
  if (::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    std::abort();
}

/// True when a whole answer is there; our own servers give its length.
bool take_answer(Connection& connection, int& status, std::size_t* size = nullptr) {
  char buffer[4096];
  const ssize_t count = ::recv(connection.socket, buffer, sizeof buffer, 0);
  if (count <= 0) std::abort();
  connection.received.append(buffer, static_cast<std::size_t>(count));
  const std::size_t head = connection.received.find("\r\n\r\n"), length = connection.received.find("Content-Length: ");
  if (head == std::string::npos || length == std::string::npos) return false;
  if (connection.received.size() < head + 4 + std::stoul(connection.received.substr(length + 16))) return false;
  status = std::stoi(connection.received.substr(9));
  if (size != nullptr) *size = connection.received.size();
  connection.received.clear();
  return true;
}

int load(int port, std::size_t count, std::size_t connections) {
  bench::MadeUpReports made_up(static_cast<unsigned>(Clock::now().time_since_epoch().count()), 1, count);
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < count; ++i) bodies.push_back(made_up.next());
  std::vector<Connection> all(connections);
  const int queue = ::epoll_create1(EPOLL_CLOEXEC);
  for (Connection& connection : all) {
    connection.socket = connected(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(queue, EPOLL_CTL_ADD, connection.socket, &event);
  }
  const auto begin = Clock::now();
  std::size_t next = 0, answered = 0, acknowledged = 0;
  std::vector<double> latencies;
  for (Connection& connection : all)
    if (next < count) send_report(connection, bodies[next++]);
  while (answered < count) {
    epoll_event events[64];
    const int ready = ::epoll_wait(queue, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      int status = 0;
      if (!take_answer(connection, status)) continue;
      latencies.push_back(ms_since(connection.sent_at));
      ++answered;
      acknowledged += status == 201 ? 1 : 0;
      if (next < count) send_report(connection, bodies[next++]);
    }
  }
  const double seconds = ms_since(begin) / 1000;
  const double half = quantile(latencies, 0.5), most = quantile(latencies, 0.99), last = quantile(latencies, 1);
  std::printf(
      "%zu reports from %zu connections: %zu acknowledged in %.2f s, %.0f a second; answer after %.1f ms (p50), "
      "%.1f ms (p99), %.1f ms at most\n",
      count, connections, acknowledged, seconds, static_cast<double>(acknowledged) / seconds, half, most, last);
  return acknowledged == count ? 0 : 1;
}

/// The best of several times is the page's own, where others use the machine.
int pages(int port, const std::vector<std::string>& targets) {
  bool good = true;
  for (const std::string& target : targets) {
    Connection connection;
    connection.socket = connected(port);
    std::vector<double> times;
    std::size_t size = 0;
    for (int i = 0; i < 7; ++i) {
      const std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      const auto begin = Clock::now();
      if (::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) < 0) std::abort();
      int status = 0;
      while (!take_answer(connection, status, &size)) {
      }
      times.push_back(ms_since(begin));
      good = good && status == 200;
    }
    ::close(connection.socket);
    const double best = quantile(times, 0), half = quantile(times, 0.5), worst = quantile(times, 1);
    std::printf("%-50s %6zu bytes: %.1f ms at best, %.1f ms (p50), %.1f ms at most\n", target.c_str(), size, best, half,
                worst);
  }
  return good ? 0 : 1;
}

/// All that a program's page asks.
void ask_all(const collector::Reader& reader, const std::function<void(const char*, double)>& told) {
  using namespace collector;
  const auto ask = [&](const char* name, const std::function<void()>& question) {
    const auto begin = Clock::now();
    question();
    told(name, ms_since(begin));
  };
  ask("active", [&] {
    for (const Period period : {Period::day, Period::week, Period::month}) active(reader, period);
  });
  ask("runs", [&] { runs(reader); });
  ask("shares of versions, systems, architectures, commands", [&] {
    for (const Metric metric : {Metric::version, Metric::os, Metric::arch, Metric::command}) shares(reader, metric);
  });
  ask("options", [&] { options(reader); });
  ask("endings", [&] { endings(reader); });
  ask("errors", [&] { errors(reader); });
  ask("durations", [&] { durations(reader), histogram(reader, Metric::duration); });
  ask("numbers", [&] {
    for (const Metric metric : {Metric::number, Metric::integer})
      for (const std::string& name : names(reader, metric))
        histogram(reader, metric, name), percentiles(reader, metric, name);
  });
  ask("choices", [&] {
    for (const std::string& name : names(reader, Metric::text)) shares(reader, Metric::text, name);
  });
  ask("hashed", [&] {
    for (const std::string& name : names(reader, Metric::hashed)) distinct(reader, name);
  });
  ask("counters", [&] { counters(reader); });
  ask("stages", [&] { stages(reader); });
  ask("events", [&] { events(reader); });
}

/// How long the night keeps a change waiting that has itself nothing to do.
int night(const std::string& file, std::size_t keep_days) {
  using namespace collector;
  Store store(file, false);
  Committer::Settings settings;
  settings.keep_days = static_cast<std::int64_t>(keep_days);
  settings.tell = [](const std::string& line) { std::puts(line.c_str()); };
  const Database reading = open_for_reading(file);
  const auto left = [&] {
    Statement runs = reading.prepare("SELECT COUNT(*) FROM visit WHERE day < ?");
    return runs(today() - settings.keep_days).number().value_or(0);
  };
  const std::int64_t before = left();
  std::vector<double> times;
  const auto start = Clock::now();
  Committer committer(store, settings);
  // It ends by emptying the log.
  for (std::error_code error; ms_since(start) < 1000 || std::filesystem::file_size(file + "-wal", error) > 0;) {
    const auto begin = Clock::now();
    committer.perform([](Store&) {});
    times.push_back(ms_since(begin));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double seconds = ms_since(start) / 1000, half = quantile(times, 0.5), most = quantile(times, 0.99);
  std::printf("%ld reports went in %.1f s; a change waited %.1f ms (p50), %.1f ms (p99), %.1f ms at most\n",
              static_cast<long>(before - left()), seconds, half, most, quantile(times, 1));
  return 0;
}

int figures(const std::string& file, const std::string& app) {
  collector::Database database = collector::open_for_reading(file);
  collector::SqliteSource source(database);
  const auto days = collector::days_of(source, app);
  if (!days) return 1;
  collector::Selection all{app, days->second - 89, days->second};
  const collector::Table versions = collector::totals({source, all}, collector::Metric::version);
  collector::Selection of_version = all, of_os = all, ever = all;
  of_version.version = std::get<std::string>(versions.rows.at(0).at(0));
  of_os.os = "linux";
  ever.first = days->first;
  for (const auto& [name, selection] : {std::pair{"90 days", all}, std::pair{"one version", of_version},
                                        std::pair{"one system", of_os}, std::pair{"all days", ever}}) {
    double sum = 0, most = 0;
    std::string slowest;
    ask_all({source, selection}, [&](const char* question, double ms) {
      sum += ms;
      if (ms > most) slowest = question;
      most = std::max(most, ms);
    });
    std::printf("%s, %s: all figures in %.1f ms, of which %s took %.1f ms\n", app.c_str(), name, sum, slowest.c_str(),
                most);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto number = [&](std::size_t place, std::size_t otherwise) {
    return place < words.size() ? std::stoul(words[place]) : otherwise;
  };
  if (words.size() >= 2 && words[0] == "reports") return reports(number(1, 0), static_cast<int>(number(2, 90)));
  if (words.size() >= 3 && words[0] == "load") return load(static_cast<int>(number(1, 0)), number(2, 0), number(3, 64));
  if (words.size() >= 3 && words[0] == "pages")
    return pages(static_cast<int>(number(1, 0)), {words.begin() + 2, words.end()});
  if (words.size() >= 2 && words[0] == "night") return night(words[1], number(2, 60));
  if (words.size() == 3 && words[0] == "figures") return figures(words[1], words[2]);
  std::fputs(
      "usage: collector reports N [DAYS] | load PORT N [CONNECTIONS] | pages PORT TARGET... | night DATABASE [KEEP] | "
      "figures DATABASE APP\n",
      stderr);
  return 2;
}
