#pragma once
// The archive: CLIENT_ID/SESSION_ID/usage_stats.json, the reports, and delivery.json, what became of them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "../base/json.hpp"
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

/// What a delivery.json says: its lines, an object for each try. None of a text that is no such file.
class Deliveries {
 public:
  explicit Deliveries(std::string_view text);

  const Json* begin() const noexcept;
  const Json* end() const noexcept;
  bool empty() const noexcept { return begin() == end(); }
  /// Whether its format is ours; that of another version of this library is_newer().
  bool is_ours() const;
  bool is_newer() const;
  /// How many of the session's events an amplitude endpoint has got with reports of a sequence below `sequence`; 0 if
  /// that is not told.
  std::size_t events_at(std::string_view url, std::int64_t sequence) const;

 private:
  Json json_;
};

/// delivery.json with one line more; of very many the oldest go.
std::string with_delivery(const Deliveries& before, const DeliveryRecord&);

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
  os::Folder client(const std::string& client_id, std::error_code& error) const {
    return client(client_id, false, error);
  }
  /// From here on the folder of a client is opened once, as Outbox::keep_open().
  void keep_open() noexcept { keeps_open_ = true; }
  void remove_session(const std::string& client_id, const std::string& session_id);

  std::error_code record_delivery(const Envelope&, const DeliveryRecord&);
  /// delivery.json of a session; empty if there is none.
  std::string delivery_text(const std::string& client_id, const std::string& session_id) const;
  Deliveries deliveries(const std::string& client_id, const std::string& session_id) const {
    return Deliveries(delivery_text(client_id, session_id));
  }
  Deliveries deliveries(const Envelope& envelope) const { return deliveries(envelope.client_id, envelope.session_id); }
  /// Whether delivery.json says that this sequence, or a later one, has been tried there.
  bool was_tried(const Envelope&, const std::string& url) const;

 private:
  os::Folder client(const std::string& client_id, bool create, std::error_code&) const;
  os::Folder session(const std::string& client_id, const std::string& session_id, std::error_code&) const;
  os::Folder make_session(const std::string& client_id, const std::string& session_id, std::error_code&);

  std::shared_ptr<const os::Folder> top_;
  bool keeps_open_ = false;
  mutable os::Folder client_;  // of this id
  mutable std::string client_id_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
