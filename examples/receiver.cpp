// receiver: accepts the reports of usage_stats (docs/protocol.md) and keeps them in a file, one a line. It speaks plain
// HTTP on loopback: put a proxy that does TLS, rate limits and access control in front of it.
//
//   receiver --file reports.jsonl &        jq -r .outcome.status reports.jsonl | sort | uniq -c

#include <httplib.h>

#include <signal.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "receiver/report_v1.hpp"
#include "receiver/store.hpp"

namespace receiver {

constexpr std::size_t largest_body = std::size_t{68} * 1024;  // report v1 has at most 64 KiB
constexpr std::size_t workers = 8, waiting_connections = 256;
constexpr const char* usage =
    "usage: receiver [--host ADDRESS] [--port N] [--path PATH] [--file FILE] [--fail-every N] [--delay MS]\n"
    "\n"
    "  --host ADDRESS   where to listen (127.0.0.1)\n"
    "  --port N         0 is any free port (8080)\n"
    "  --path PATH      where reports are sent to (/v1/usage)\n"
    "  --file FILE      where reports are kept, one a line (usage_stats.jsonl)\n"
    "  --fail-every N   for tests: answer every Nth report with 503\n"
    "  --delay MS       for tests: wait before each answer\n";

struct Settings {
  std::string host = "127.0.0.1", path = "/v1/usage", file = "usage_stats.jsonl";
  int port = 8080, fail_every = 0, delay_ms = 0;
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = [&](int most) {
      int result = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
      if (error != std::errc() || end != value.data() + value.size() || result < 0 || result > most)
        throw UsageError(name + " takes a number from 0 to " + std::to_string(most));
      return result;
    };
    if (name == "--help") throw UsageError("");
    if (value.empty()) throw UsageError(name + " needs a value");
    if (name == "--host")
      settings.host = value;
    else if (name == "--port")
      settings.port = number(65535);
    else if (name == "--path")
      settings.path = (value[0] == '/' ? "" : "/") + value;
    else if (name == "--file")
      settings.file = value;
    else if (name == "--fail-every")
      settings.fail_every = number(1000000);
    else if (name == "--delay")
      settings.delay_ms = number(600000);
    else
      throw UsageError("unknown option " + name);
  }
  return settings;
}

/// One readable line for each request, whole, as it comes.
void tell(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> guard(mutex);
  std::cout << printable(line, 300) << std::endl;
}

std::string describe(const Json& report) {
  const Json& outcome = report["outcome"];
  std::string line = report["app"]["name"].get<std::string>() + ' ' + report["app"]["version"].get<std::string>();
  if (report["command"].contains("name")) line += ' ' + report["command"]["name"].get<std::string>();
  line += ": " + outcome["status"].get<std::string>();
  if (outcome.contains("exit_code")) line += ", exit code " + outcome["exit_code"].dump();
  if (outcome.contains("signal")) line += ", " + outcome["signal"].get<std::string>();
  if (outcome.contains("error")) line += ", " + outcome["error"].value("type", "unknown error");
  if (report.contains("duration_s")) line += ", " + report["duration_s"].dump() + " s";
  return line + " (session " + report["session_id"].get<std::string>().substr(0, 8) + '/' + report["sequence"].dump() +
         ')';
}

class Service {
 public:
  explicit Service(const Settings& settings) : settings_(settings), store_(settings.file) {}

  void install(httplib::Server& server) {
    using Handled = httplib::Server::HandlerResponse;
    server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (request.path != settings_.path)
        return answer(response, 404, "error", "there is nothing here"), Handled::Handled;
      if (request.method == "POST" || request.method == "DELETE") return Handled::Unhandled;
      response.set_header("Allow", "POST, DELETE");
      return answer(response, 405, "error", "use POST or DELETE"), Handled::Handled;
    });
    // With a content reader the body is ours to bound, also one that is chunked or compressed.
    server.Post(".*", [this](const auto& request, auto& response, const httplib::ContentReader& read) {
      guarded(response, [&] { post(request, response, read); });
    });
    server.Delete(".*", [this](const auto& request, auto& response, const httplib::ContentReader&) {
      guarded(response, [&] { remove(request, response); });
    });
  }

  std::size_t size() const { return store_.size(); }

 private:
  static void answer(httplib::Response& response, int status, const char* key, const Json& value) {
    response.status = status;
    response.set_content(Json{{key, value}}.dump() + '\n', "application/json");
  }

  /// What we cannot do now is worth another try, so it is a 503; the reason is for our own log.
  template <class F>
  static void guarded(httplib::Response& response, F&& body) {
    try {
      body();
    } catch (const Refused& refused) {
      tell(std::string("refused: ") + refused.what());
      answer(response, 422, "error", refused.what());
    } catch (const std::exception& error) {
      tell(std::string("failed: ") + error.what());
      answer(response, 503, "error", "cannot keep it now, try again later");
    }
  }

  /// False if there is more than a report may have. The rest is read a while, so that the sender sees our answer.
  static bool read_body(const httplib::Request& request, const httplib::ContentReader& read, std::string& body) {
    if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) return true;
    std::size_t total = 0;
    read([&](const char* data, std::size_t size) {
      total += size;
      if (total <= largest_body) body.append(data, size);
      return total <= 16 * largest_body;
    });
    return total <= largest_body;
  }

  void post(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& read) {
    // A web page cannot send this type to us without asking first (CORS).
    if (request.get_header_value("Content-Type").rfind("application/json", 0) != 0)
      return answer(response, 415, "error", "the content type must be application/json");
    std::string body;
    if (!read_body(request, read, body)) return answer(response, 413, "error", "a report has at most 64 KiB");
    std::this_thread::sleep_for(std::chrono::milliseconds(settings_.delay_ms));
    if (settings_.fail_every > 0 && ++posts_ % settings_.fail_every == 0)
      return tell("failed on purpose"), answer(response, 503, "error", "failed on purpose");
    const Json report = parse_report(body);
    const bool is_new = store_.add(report);
    tell((is_new ? "stored: " : "known already: ") + describe(report));
    answer(response, is_new ? 201 : 200, "result", is_new ? "stored" : "known already");
  }

  void remove(const httplib::Request& request, httplib::Response& response) {
    const std::string id = request.get_param_value("client_id");
    if (!is_client_id(id)) throw Refused("client_id", "must be 32 or 64 lower case hexadecimal digits");
    const std::size_t count = store_.remove(id);
    tell("deleted: " + std::to_string(count) + " reports of client " + id.substr(0, 8));
    answer(response, 200, "deleted", count);
  }

  const Settings settings_;
  Store store_;
  std::atomic<int> posts_{0};
};

/// httplib's pool has learned to bound its queue, and then to grow; before that, the descriptor limit is the bound.
template <class Pool = httplib::ThreadPool>
httplib::TaskQueue* make_pool() {
  if constexpr (std::is_constructible_v<Pool, std::size_t, std::size_t, std::size_t>)
    return new Pool(workers, workers, waiting_connections);
  else if constexpr (std::is_constructible_v<Pool, std::size_t, std::size_t>)
    return new Pool(workers, waiting_connections);
  else
    return new Pool(workers);
}

void configure(httplib::Server& server) {
  server.new_task_queue = [] { return make_pool(); };
  // One request a connection: a sender has one, and a body that was not read to its end is not taken for the next.
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(5);
  server.set_write_timeout(5);
  // httplib's default lets two servers share a port in silence.
  server.set_socket_options([](auto socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
}

int serve(const Settings& settings) {
  // Blocked before any thread starts, these signals are for sigwait() alone.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Service service(settings);
  httplib::Server server;
  configure(server);
  service.install(server);
  int port = settings.port;
  if (port == 0)
    port = server.bind_to_any_port(settings.host);
  else if (!server.bind_to_port(settings.host, port))
    port = -1;
  if (port < 0) throw std::runtime_error("cannot listen on " + settings.host + ":" + std::to_string(settings.port));

  std::atomic<bool> ended{false};
  std::thread listener([&] {
    server.listen_after_bind();
    ended = true;
    ::kill(::getpid(), SIGTERM);  // wakes the sigwait() below, should it end by itself
  });
  while (!server.is_running() && !ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::string host = settings.host.find(':') == std::string::npos ? settings.host : '[' + settings.host + ']';
  tell("listening on http://" + host + ':' + std::to_string(port) + settings.path);
  tell(std::to_string(service.size()) + " reports in " + settings.file);

  int signal = 0;
  sigwait(&ends, &signal);
  server.stop();
  listener.join();
  tell("stopped");
  return 0;
}

}  // namespace receiver

int main(int argc, char** argv) {
  try {
    return receiver::serve(receiver::parse(argc, argv));
  } catch (const receiver::UsageError& error) {
    const bool help = std::string_view(error.what()).empty();
    (help ? std::cout : std::cerr) << error.what() << (help ? "" : "\n") << receiver::usage;
    return help ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "receiver: " << error.what() << '\n';
    return 1;
  }
}
