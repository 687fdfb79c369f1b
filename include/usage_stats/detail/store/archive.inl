#pragma once

#include <algorithm>

#include "../base/json.inl"
#include "archive.hpp"
#include "layout.inl"
#include "state.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE Deliveries::Deliveries(std::string_view text) {
  if (auto json = parse_json(text)) json_ = std::move(*json);
}

USAGE_STATS_INLINE const Json* Deliveries::begin() const noexcept {
  const auto* const list = list_member(json_, "deliveries");
  return list == nullptr ? nullptr : list->data();
}

USAGE_STATS_INLINE const Json* Deliveries::end() const noexcept {
  const auto* const list = list_member(json_, "deliveries");
  return list == nullptr ? nullptr : list->data() + list->size();
}

USAGE_STATS_INLINE bool Deliveries::is_ours() const {
  return string_member(json_, "schema") == "usage-stats-delivery/1";
}
USAGE_STATS_INLINE bool Deliveries::is_newer() const { return storage_impl::is_newer(json_, "usage-stats-delivery"); }

USAGE_STATS_INLINE std::size_t Deliveries::events_at(std::string_view url, std::int64_t sequence) const {
  std::int64_t events = 0;
  for (const Json& line : *this)
    if (string_member(line, "endpoint") == url && integer_member(line, "sequence", sequence) < sequence)
      events = (std::max)(events, integer_member(line, "events"));
  return static_cast<std::size_t>(events);
}

USAGE_STATS_INLINE std::string with_delivery(const Deliveries& before, const DeliveryRecord& record) {
  std::vector<const Json*> lines;
  for (const Json& other : before) {
    const bool answered = string_member(other, "result") == under_way &&  // what was said when the try began
                          string_member(other, "endpoint") == record.url &&
                          integer_member(other, "sequence", 1) == record.sequence;
    if (before.is_ours() && !answered) lines.push_back(&other);
  }
  constexpr std::size_t most = 50;
  JsonWriter out(true);
  out.begin_object();
  out.key("schema").text("usage-stats-delivery/1");
  out.key("deliveries").begin_list();
  for (std::size_t i = lines.size() < most ? 0 : lines.size() + 1 - most; i < lines.size(); ++i)
    write_json(out, *lines[i]);
  out.begin_object();
  out.key("endpoint").text(record.url);
  out.key("sequence").integer(record.sequence);
  out.key("at").text(timestamp(std::chrono::system_clock::now()));
  out.key("http_status").integer(record.http_status);
  out.key("result").text(record.result);
  out.key("attempts").integer(record.attempts);
  put_text(out, "detail", record.detail);
  if (record.events > 0) out.key("events").positive(record.events);
  out.end_object();
  out.end_list();
  out.end_object();
  return out.take() + "\n";
}

USAGE_STATS_INLINE std::filesystem::path Archive::report_path(const std::string& client_id,
                                                              const std::string& session_id) const {
  return os::path_below(top_->path(), client_id, session_id, storage_impl::report_file);
}

USAGE_STATS_INLINE os::Folder Archive::client(const std::string& client_id, bool create, std::error_code& error) const {
  if (client_ && client_id_ == client_id) return error.clear(), client_;
  os::Folder opened = top_->folder(client_id, create, error);
  if (keeps_open_) client_ = opened, client_id_ = client_id;
  return opened;
}

USAGE_STATS_INLINE os::Folder Archive::session(const std::string& client_id, const std::string& session_id,
                                               std::error_code& error) const {
  const os::Folder its_client = client(client_id, error);
  return its_client ? its_client.folder(session_id, false, error) : os::Folder();
}

USAGE_STATS_INLINE os::Folder Archive::make_session(const std::string& client_id, const std::string& session_id,
                                                    std::error_code& error) {
  const os::Folder its_client = client(client_id, true, error);
  if (!its_client) return {};
  if (os::Folder made = its_client.make(session_id, error)) return made;
  return its_client.folder(session_id, true, error);
}

USAGE_STATS_INLINE std::error_code Archive::write_report(const std::string& client_id, const std::string& session_id,
                                                         std::string_view json, const std::function<bool()>& wanted) {
  std::error_code error;
  if (wanted && !wanted()) return std::make_error_code(std::errc::operation_canceled);
  const os::Folder folder = make_session(client_id, session_id, error);
  return folder ? folder.write(storage_impl::report_file, json, false, wanted) : error;
}

USAGE_STATS_INLINE Result<std::string> Archive::read_report(const std::string& client_id,
                                                            const std::string& session_id) const {
  std::error_code error;
  if (const os::Folder folder = session(client_id, session_id, error))
    if (auto text = folder.read(storage_impl::report_file, limits::file_bytes, error)) return std::move(*text);
  return error;
}

USAGE_STATS_INLINE Result<WrittenReport> Archive::written_report(const Envelope& envelope) const {
  auto text = read_report(envelope.client_id, envelope.session_id);
  if (!text) return text.error();
  const auto json = parse_json(*text);
  if (!json || string_member(*json, "session_id") != envelope.session_id) return Result<WrittenReport>::make_damaged();
  return WrittenReport{std::move(*text), std::max<std::int64_t>(integer_member(*json, "sequence", 1), 1),
                       boolean_member(*json, "final")};
}

USAGE_STATS_INLINE std::int64_t Archive::last_report(const Envelope& envelope) const {
  const auto written = written_report(envelope);
  return written && written->final ? written->sequence : 0;
}

USAGE_STATS_INLINE void Archive::remove_session(const std::string& client_id, const std::string& session_id) {
  std::error_code error;
  if (const os::Folder client = top_->folder(client_id, false, error)) client.remove_tree(session_id);
}

USAGE_STATS_INLINE std::error_code Archive::record_delivery(const Envelope& envelope, const DeliveryRecord& record) {
  std::error_code error;
  const os::Folder folder = session(envelope.client_id, envelope.session_id, error);
  if (!folder) return error;
  const auto before = folder.read(storage_impl::delivery_file, limits::file_bytes, error);
  if (!before && is_transient(error)) return error;  // it tells of other endpoints too
  const Deliveries so_far(before.value_or(""));
  if (so_far.is_newer()) return os::refused(os::Refusal::newer_version);
  const std::string text = with_delivery(so_far, record);
  if (before) return folder.replace(storage_impl::delivery_file, text);
  // Whoever has removed the report is removing its folder, and must find that empty.
  return folder.write(storage_impl::delivery_file, text, false,
                      [&] { return folder.exists(storage_impl::report_file); });
}

USAGE_STATS_INLINE std::string Archive::delivery_text(const std::string& client_id,
                                                      const std::string& session_id) const {
  std::error_code error;
  const os::Folder folder = session(client_id, session_id, error);
  return folder ? folder.read(storage_impl::delivery_file, limits::file_bytes, error).value_or("") : std::string();
}

USAGE_STATS_INLINE bool Archive::was_tried(const Envelope& envelope, const std::string& url) const {
  const Deliveries lines = deliveries(envelope);
  return std::any_of(lines.begin(), lines.end(), [&](const Json& line) {
    return string_member(line, "endpoint") == url && integer_member(line, "sequence", 1) >= envelope.sequence;
  });
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
