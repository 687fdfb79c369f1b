#include "service.hpp"

#include <httplib.h>

#include <memory>
#include <type_traits>

namespace collector {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t largest_body = std::size_t{68} * 1024;  // report v1 has at most 64 KiB
constexpr std::chrono::seconds longest_body{20};
constexpr std::size_t waiting_connections = 1024;

std::string json_line(const char* key, const Json& value) { return Json{{key, value}}.dump() + '\n'; }

void answer(httplib::Response& response, int status, const char* key, const Json& value) {
  response.status = status;
  response.set_content(json_line(key, value), "application/json");
}

/// The connection ends with this answer, because what follows on it is not a request but the rest of this one. To
/// httplib, a provider that fails when all is written is the only way to say so.
void last_answer(httplib::Response& response, int status, const std::string& why) {
  response.status = status;
  response.set_header("Connection", "close");
  const std::string text = json_line("error", why);
  response.set_content_provider(text.size(), "application/json", [text](std::size_t, std::size_t, auto& sink) {
    sink.write(text.data(), text.size());
    return false;
  });
}

enum class Body { whole, too_large, too_slow };

/// Reads all of it where that is bounded, so that the next request begins where this one ends.
Body read_body(const httplib::Request& request, const httplib::ContentReader& read, std::string& body) {
  if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) return Body::whole;
  const auto end = steady_clock::now() + longest_body;
  std::size_t total = 0;
  const bool good = read([&](const char* data, std::size_t size) {
    total += size;
    if (total <= largest_body) body.append(data, size);
    return total <= 16 * largest_body && steady_clock::now() < end;
  });
  if (total > largest_body) return Body::too_large;
  return good ? Body::whole : Body::too_slow;
}

std::string summary_of(const Json& report) {
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
  Service(Committer& committer, ServiceSettings settings) : committer_(committer), settings_(std::move(settings)) {}

  /// Any request whose body can be read.
  void handle(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& read) const {
    std::string body;
    const Body how = read_body(request, read, body);
    if (request.path != settings_.path) return refuse(how, response, 404, "there is nothing here");
    if (request.method != "POST" && request.method != "DELETE") {
      response.set_header("Allow", "POST, DELETE");
      return refuse(how, response, 405, "use POST or DELETE");
    }
    if (how == Body::too_slow) return last_answer(response, 408, "the body did not arrive in time");
    if (request.method == "DELETE") return guarded(response, [&] { remove(request, response); });
    // A web page cannot send this type to us without asking first (CORS).
    if (request.get_header_value("Content-Type").rfind("application/json", 0) != 0)
      return refuse(how, response, 415, "the content type must be application/json");
    if (how == Body::too_large) return last_answer(response, 413, "a report has at most 64 KiB");
    guarded(response, [&] { post(body, response); });
  }

  /// GET and others: what has no body for us.
  void handle_without_body(const httplib::Request& request, httplib::Response& response) const {
    const bool ours = request.path == settings_.path;
    if (ours) response.set_header("Allow", "POST, DELETE");
    const bool more_follows = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
    refuse(more_follows ? Body::too_large : Body::whole, response, ours ? 405 : 404,
           ours ? "use POST or DELETE" : "there is nothing here");
  }

 private:
  static void refuse(Body how, httplib::Response& response, int status, const std::string& why) {
    how == Body::whole ? answer(response, status, "error", why) : last_answer(response, status, why);
  }
  void tell(const std::string& line) const {
    if (settings_.tell) settings_.tell(line);
  }

  template <class F>
  void guarded(httplib::Response& response, F&& body) const {
    try {
      body();
    } catch (const Refused& refused) {
      tell(std::string("refused: ") + refused.what());
      answer(response, 422, "error", refused.what());
    } catch (const std::exception& error) {
      tell(std::string("failed: ") + error.what());
      busy(response);
    }
  }
  static void busy(httplib::Response& response) {
    response.set_header("Retry-After", "30");
    answer(response, 503, "error", "cannot keep it now, try again later");
  }

  void post(const std::string& body, httplib::Response& response) const {
    const Json json = parse_report(body);
    if (settings_.accept) settings_.accept(json);
    const Answer result = committer_.add(report_of(json));
    switch (result.verdict) {
      case Verdict::stored:
        answer(response, 201, "result", "stored");
        break;
      case Verdict::known:
        answer(response, 200, "result", "known already");
        break;
      case Verdict::deleted:  // not 410, which would silence the program's version for everybody
        answer(response, 200, "result", "dropped: its client was deleted");
        break;
      case Verdict::refused:
        tell("refused: " + result.reason);
        return answer(response, 422, "error", result.reason);
      case Verdict::performed:
      case Verdict::failed:
        tell("not stored, " + result.reason);
        return busy(response);
    }
    if (settings_.tell)
      tell((result.verdict == Verdict::stored  ? "stored: "
            : result.verdict == Verdict::known ? "known already: "
                                               : "dropped: ") +
           summary_of(json));
  }

  void remove(const httplib::Request& request, httplib::Response& response) const {
    const std::string id = request.get_param_value("client_id");
    if (!is_client_id(id)) throw Refused("client_id", "must be 32 or 64 lower case hexadecimal digits");
    const Answer result = committer_.remove(id);
    if (result.verdict != Verdict::deleted) return busy(response);
    tell("deleted: " + std::to_string(result.removed) + " reports of a client");
    answer(response, 200, "deleted", result.removed);
  }

  Committer& committer_;
  const ServiceSettings settings_;
};

/// httplib's pool has learned to bound its queue, and then to grow; before that, the descriptor limit is the bound.
template <class Pool = httplib::ThreadPool>
httplib::TaskQueue* make_pool(std::size_t threads) {
  if constexpr (std::is_constructible_v<Pool, std::size_t, std::size_t, std::size_t>)
    return new Pool(threads, threads, waiting_connections);
  else if constexpr (std::is_constructible_v<Pool, std::size_t, std::size_t>)
    return new Pool(threads, waiting_connections);
  else
    return new Pool(threads);
}

}  // namespace

void install_service(httplib::Server& server, Committer& committer, ServiceSettings settings) {
  const auto service = std::make_shared<Service>(committer, std::move(settings));
  const auto with_body = [service](const auto& request, auto& response, const httplib::ContentReader& read) {
    service->handle(request, response, read);
  };
  server.Post(".*", with_body).Put(".*", with_body).Patch(".*", with_body).Delete(".*", with_body);
  const auto without = [service](const auto& request, auto& response) {
    service->handle_without_body(request, response);
  };
  server.Get(".*", without).Options(".*", without);
}

void configure_server(httplib::Server& server, std::size_t threads, int& socket) {
  server.new_task_queue = [threads] { return make_pool(threads); };
  server.set_keep_alive_max_count(10000);
  server.set_keep_alive_timeout(2);  // an idle connection holds a thread, and holds up the end
  server.set_read_timeout(5);
  server.set_write_timeout(5);
  server.set_tcp_nodelay(true);
  // httplib's default lets two servers share a port in silence.
  server.set_socket_options([&socket](auto opened) {
    const int yes = 1;
    ::setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    socket = opened;
  });
}

}  // namespace collector
