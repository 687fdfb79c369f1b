#include "metrics.hpp"

#include <httplib.h>

#include <filesystem>

#include "../store/outbox.hpp"

namespace collector {
namespace {

class Text {
 public:
  void add(const std::string& name, const char* type, const char* help, std::uint64_t value) {
    text_ += "# HELP " + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n' + name + ' ' +
             std::to_string(value) + '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::uint64_t size_of(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

}  // namespace

void install_metrics(httplib::Server& server, const Committer& committer, const std::string& database) {
  server.Get("/metrics", [&committer, database](const httplib::Request&, httplib::Response& response) {
    const Numbers& numbers = committer.numbers();
    const std::string prefix = "usage_stats_collector_";
    Text text;
    const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
      text.add(prefix + name, "counter", help, value);
    };
    counter("reports_stored_total", "reports that are new", numbers.stored);
    counter("reports_known_total", "reports that were already known", numbers.known);
    counter("reports_dropped_total", "reports of clients that were deleted, and deletions", numbers.deleted);
    counter("reports_refused_total", "reports that are not valid", numbers.refused);
    counter("reports_failed_total", "reports that could not be kept and were answered 503", numbers.failed);
    counter("commits_total", "transactions", numbers.commits);
    counter("deletions_total", "clients that asked to be forgotten", numbers.deletions);
    text.add(prefix + "queue", "gauge", "reports that wait for the disk", numbers.queued);
    try {
      Database store = open_for_reading(database);
      if (is_forwarding(store))
        text.add(prefix + "forward_queue", "gauge", "reports that wait for the cluster",
                 static_cast<std::uint64_t>(unforwarded(store)));
    } catch (const std::exception&) {  // the sizes below tell of it
    }
    text.add(prefix + "database_bytes", "gauge", "size of the database file", size_of(database));
    text.add(prefix + "log_bytes", "gauge", "size of its write-ahead log", size_of(database + "-wal"));
    std::error_code error;
    const auto space = std::filesystem::space(std::filesystem::absolute(database).parent_path(), error);
    if (!error) text.add(prefix + "disk_free_bytes", "gauge", "free space on its disk", space.available);
    response.set_content(text.take(), "text/plain; version=0.0.4");
  });
}

}  // namespace collector
