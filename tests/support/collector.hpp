#pragma once
// A usage-stats-collector that serves, and reports for it.

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"

struct Reply {
  int status = 0;  // 0: no answer
  nlohmann::json body;
  std::string text;
  std::map<std::string, std::string> headers{};  // names in lower case
};

/// Small but complete; each number another session, of the installation `client`.
nlohmann::ordered_json report_number(std::size_t number, std::size_t client = 0);
std::string client_number(std::size_t client);
/// One of so many sessions and installations, at any point of its run and with any end.
nlohmann::ordered_json random_report(std::mt19937&, std::size_t sessions, std::size_t clients);

/// `usage-stats-collector WORD...`, with `folder` as working folder, to its end.
Result run_collector(const std::filesystem::path& folder, const std::vector<std::string>& words,
                     const std::string& input = "");

/// A socket that is connected to this port of 127.0.0.1.
int connected_to(int port);

/// Serves on two free ports, with folder/usage.db as its database.
class CollectorProcess {
 public:
  explicit CollectorProcess(const std::filesystem::path& folder, const std::vector<std::string>& options = {},
                            std::vector<std::pair<int, rlim_t>> limits = {});
  ~CollectorProcess();
  CollectorProcess(const CollectorProcess&) = delete;
  CollectorProcess& operator=(const CollectorProcess&) = delete;

  /// A request to the port of reports, on a connection of its own.
  Reply ask(const std::string& method, const std::string& target, const std::string& body = "",
            const std::map<std::string, std::string>& headers = {}) const;
  Reply post(const std::string& text) const;
  Reply post(const nlohmann::ordered_json& report) const { return post(report.dump()); }
  Reply remove(const std::string& client_id) const;
  Reply page(const std::string& target) const;

  /// All that it has printed so far.
  std::string said() const;
  Process& process() { return *process_; }
  /// kill -9, and gone when this returns.
  void kill();
  /// SIGTERM; its exit code.
  int stop();

  std::string url;  // where reports go
  int port = 0, pages_port = 0;
  const std::filesystem::path database;

 private:
  std::filesystem::path log_;
  std::unique_ptr<Process> process_;
};
