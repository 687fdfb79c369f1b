#include "collector.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>

#include <signal.h>
#include <sys/socket.h>

#include <cctype>
#include <stdexcept>

#include "temporary_folder.hpp"

namespace {

std::string digits(std::size_t number) {
  const std::string text = std::to_string(number);
  return std::string(32 - text.size(), '0') + text;
}

Reply reply_of(const httplib::Result& result) {
  Reply reply;
  if (!result) return reply;
  reply.status = result->status;
  reply.text = result->body;
  reply.body = nlohmann::json::parse(result->body, nullptr, false);
  for (const auto& [name, value] : result->headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    reply.headers[lower] = value;
  }
  return reply;
}

Reply request(int port, const std::string& method, const std::string& target, const std::string& body,
              const std::map<std::string, std::string>& headers) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(30);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.body = body;
  request.headers = {headers.begin(), headers.end()};
  return reply_of(client.send(request));
}

}  // namespace

std::string client_number(std::size_t client) { return digits(client); }

nlohmann::ordered_json random_report(std::mt19937& random, std::size_t sessions, std::size_t clients) {
  const auto one_of = [&](std::initializer_list<const char*> words) {
    return *(words.begin() + random() % words.size());
  };
  const std::size_t session = random() % sessions;
  nlohmann::ordered_json report = report_number(session, session % clients);
  report["sequence"] = 1 + random() % 3;
  report["app"]["version"] = one_of({"1.0", "1.10", "2.0-rc1"});
  report["system"]["os"] = one_of({"linux", "macos"});
  report["system"]["ci"] = random() % 5 == 0;
  if (random() % 4 == 0)
    report["command"].erase("name");
  else
    report["command"]["name"] = one_of({"cp", "sync"});
  report["duration_s"] = static_cast<double>(random() % 1000) / 7;
  report["fields"]["format"] = one_of({"cool", "hic"});
  report["counters"]["cache_hits"] = static_cast<std::int64_t>(random() % 3 == 0 ? random() << 20 : random() % 5);
  switch (random() % 3) {
    case 0:
      report["outcome"] = {{"status", "failed"}, {"exit_code", 1}, {"error", {{"type", "E"}, {"message", "m"}}}};
      break;
    case 1:
      report["outcome"] = {{"status", "running"}};
      report["final"] = false;
      report.erase("ended_at");
      break;
    default:
      break;
  }
  return report;
}

nlohmann::ordered_json report_number(std::size_t number, std::size_t client) {
  auto report = nlohmann::ordered_json::parse(R"({
  "schema": "usage-stats/1", "client_id": "", "session_id": "", "sequence": 1, "final": true,
  "app": {"name": "mytool", "version": "1.4.2"},
  "build": {"compiler": "GCC 12.2.0", "cxx_standard": 17, "type": "release"},
  "system": {"os": "linux", "os_version": "Debian GNU/Linux 12", "arch": "x86_64", "cpus": 8, "memory_gb": 16,
             "ci": false, "container": false, "interactive": true},
  "command": {"name": "cp", "arguments": ["--threads=<int>", "<path>", "--threads=<int>", "-v"]},
  "started_at": "2026-11-22T08:00:00.123Z", "ended_at": "2026-11-22T08:00:12.468Z", "duration_s": 12.345,
  "outcome": {"status": "ok", "exit_code": 0},
  "fields": {"verified": true, "throughput_gbps": 3.2, "files": 7, "format": "cool"},
  "counters": {"cache_hits": 41},
  "events": [{"name": "connected", "at_s": 1.2, "fields": {}}, {"name": "connected", "at_s": 6.5, "fields": {}}],
  "stages": [{"name": "align", "at_s": 0.5, "duration_s": 3.0, "status": "ok", "fields": {}}],
  "delivery": {"sent": 1, "failed": 0, "dropped": 0}})");
  report["client_id"] = client_number(client);
  report["session_id"] = digits(number);
  return report;
}

Result run_collector(const std::filesystem::path& folder, const std::vector<std::string>& words,
                     const std::string& input) {
  Command command{USAGE_STATS_COLLECTOR, words};
  command.folder = folder;
  command.input = input;
  command.inherit_environment = true;
  return run(command);
}

int connected_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  return socket;
}

CollectorProcess::CollectorProcess(const std::filesystem::path& folder, const std::vector<std::string>& options,
                                   std::vector<std::pair<int, rlim_t>> limits)
    : database(folder / "usage.db"), log_(folder / "collector.log") {
  std::filesystem::remove(log_);
  Command command{"/bin/sh",
                  {"-c", "log=$1; shift; exec \"$0\" serve --port 0 --pages-port 0 \"$@\" >\"$log\" 2>&1",
                   USAGE_STATS_COLLECTOR, log_.string()}};
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  command.folder = folder;
  command.limits = std::move(limits);
  command.inherit_environment = true;
  command.time_limit = std::chrono::minutes(4);
  process_ = std::make_unique<Process>(command);
  const std::string sign = "reports are received at ", pages_sign = "pages are at http://127.0.0.1:";
  if (!wait_until([&] { return said().find(pages_sign) != std::string::npos || !process_->running(); }) ||
      said().find(pages_sign) == std::string::npos)
    throw std::runtime_error("the collector does not serve: " + said());
  const std::string text = said();
  const std::size_t begin = text.find(sign) + sign.size();
  url = text.substr(begin, text.find('\n', begin) - begin);
  port = std::stoi(url.substr(url.find(':', 7) + 1));
  pages_port = std::stoi(text.substr(text.find(pages_sign) + pages_sign.size()));
}

CollectorProcess::~CollectorProcess() {
  if (process_ != nullptr) process_->signal(SIGKILL);
}

std::string CollectorProcess::said() const { return std::filesystem::exists(log_) ? read_file(log_) : ""; }

Reply CollectorProcess::ask(const std::string& method, const std::string& target, const std::string& body,
                            const std::map<std::string, std::string>& headers) const {
  return request(port, method, target, body, headers);
}
Reply CollectorProcess::post(const std::string& text) const {
  return ask("POST", "/v1/usage", text, {{"Content-Type", "application/json"}});
}
Reply CollectorProcess::remove(const std::string& client_id) const {
  return ask("DELETE", "/v1/usage?client_id=" + client_id);
}
Reply CollectorProcess::page(const std::string& target) const { return request(pages_port, "GET", target, "", {}); }

void CollectorProcess::kill() {
  process_->signal(SIGKILL);
  process_->wait();
}

int CollectorProcess::stop() {
  process_->signal(SIGTERM);
  return process_->wait().exit_code;
}
