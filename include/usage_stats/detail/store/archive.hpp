#pragma once
// The archive: CLIENT_ID/SESSION_ID/usage_stats.json, the reports, and delivery.json, what became of them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "../os/file.hpp"
#include "envelope.hpp"
#include "layout.hpp"
#include "result.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

constexpr const char* under_way = "under way";  // of an interim report: it may have been sent, there is no answer yet

/// One line of delivery.json.
struct DeliveryRecord {
  std::string url;
  std::int64_t sequence = 1;
  int http_status = 0;  // 0: no answer
  std::string result;   // "delivered", "again later", "refused", "stopped", "gave up", "under way"
  std::string detail;   // the transport's or the server's reason, at most 256 bytes
  int attempts = 0;
  std::size_t events = 0;  // amplitude: how many of the session's events the endpoint has now
};

/// delivery.json with one line more; of very many the oldest go.
std::string with_delivery(std::string_view before, const DeliveryRecord&);
/// How many of a session's events an amplitude endpoint has got with reports of a sequence below `sequence`, as the
/// text of the session's delivery.json tells; 0 if it does not.
std::size_t delivered_events(std::string_view delivery_json, std::string_view url, std::int64_t sequence);

/// A report that a run itself has written.
struct WrittenReport {
  std::string text;
  std::int64_t sequence = 1;
  bool final = false;
};

class Archive {
 public:
  explicit Archive(std::shared_ptr<const os::Folder> top) : top_(std::move(top)) {}

  std::filesystem::path report_path(const std::string& client_id, const std::string& session_id) const;
  /// std::errc::operation_canceled where it is not `wanted` at last.
  std::error_code write_report(const std::string& client_id, const std::string& session_id, std::string_view json,
                               const std::function<bool()>& wanted = {});
  /// Nothing for a report that is missing, not ours, or larger than any report.
  Result<std::string> read_report(const std::string& client_id, const std::string& session_id) const;
  /// The report of the envelope's run, as the run has written it; damaged if it is another's, or no report.
  Result<WrittenReport> written_report(const Envelope&) const;
  /// The sequence of the last report of an envelope's run, if that is there; else 0.
  std::int64_t last_report(const Envelope&) const;
  os::Folder client(const std::string& client_id, bool create, std::error_code&) const;
  /// From here on the folder of a client is opened once, as Outbox::keep_open().
  void keep_open() noexcept { keeps_open_ = true; }
  void remove_session(const std::string& client_id, const std::string& session_id);

  std::error_code record_delivery(const Envelope&, const DeliveryRecord&);
  /// delivery.json of the envelope's session; empty if there is none.
  std::string deliveries(const Envelope&) const;
  /// Whether delivery.json says that this sequence, or a later one, has been tried there.
  bool was_tried(const Envelope&, const std::string& url) const;

 private:
  os::Folder session(const std::string& client_id, const std::string& session_id, bool create, std::error_code&) const;

  std::shared_ptr<const os::Folder> top_;
  bool keeps_open_ = false;
  mutable os::Folder client_;  // of this id
  mutable std::string client_id_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
