#pragma once
// What all subcommands share: the call, ways to answer, and the current state.

#include <cerrno>
#include <cstdio>

#include "../store/client_id.hpp"
#include "../../command.hpp"
#include "../consent/command_line.hpp"
#include "../consent/rules.hpp"
#include "../consent/notice.hpp"
#include "../consent/plan.hpp"
#include "../send/upload_pass.inl"
#include "../os/platform.hpp"
#include "../store/recovery.hpp"
#include "../store/retention.hpp"
#include "../store/storage.hpp"
#include "../base/json.inl"
#include "../consent/notice.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

enum ExitCode { done = 0, failed = 1, usage_error = 2 };

constexpr std::chrono::seconds time_for_another_uploader{15};

/// `mytool usage-stats NAME ...`, parsed.
struct Call {
  const Options& options;
  std::string name;
  bool json = false, wire = false;
  std::string format;                    // of `describe`; empty: not given
  std::optional<std::size_t> count{};    // of `show`
  std::optional<std::string> message{};  // of `preview`
  Log log;
  std::string typed = typed_command(options);  // "mytool usage-stats"
};

/// The first error of standard output; 0: none.
USAGE_STATS_INLINE int& output_error() noexcept {
  static int error = 0;
  return error;
}

/// A failed write is reported at the end of the command, and not tried again: half a text is worse than none.
USAGE_STATS_INLINE void print(std::string_view text) {
  if (output_error() != 0) return;
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) output_error() = errno != 0 ? errno : EIO;
}

USAGE_STATS_INLINE void print_json(JsonWriter& json) { print(json.take() + "\n"); }

/// An error or a remark, for standard error.
USAGE_STATS_INLINE void remark(const Call& call, const std::string& text) {
  os::write_to_standard_error(call.typed + ": " + plain_text(text) + "\n");
}

USAGE_STATS_INLINE int fail(const Call& call, const std::string& text) {
  remark(call, text);
  if (!call.json) return failed;
  JsonWriter json(true);
  json.begin_object();
  json.key("error").text(plain_text(text));
  json.end_object();
  print_json(json);
  return failed;
}

/// The text, with each `command` and its subcommand kept in one piece for copying.
USAGE_STATS_INLINE std::string with_whole_commands(std::string text, const std::string& command) {
  for (std::size_t at = 0; !command.empty() && (at = text.find(command + " ", at)) != std::string::npos;) {
    const std::size_t end = (std::min)(text.find_first_of(" ,", at + command.size() + 1), text.size());
    text.replace(at, end - at, notice_impl::whole(text.substr(at, end - at)));
    at = end;
  }
  return text;
}

/// "  label        text", the text wrapped into 80 columns; nothing for an empty text. `command`: what its advice may
/// begin with.
USAGE_STATS_INLINE std::string row(const std::string& label, const std::string& text, const std::string& command = {}) {
  constexpr int indent = 16;
  std::string rows;
  if (text.empty()) return rows;
  for (const std::string& line : notice_impl::wrap(with_whole_commands(plain_text(text), command), 80 - indent)) {
    std::string head = rows.empty() ? "  " + label : "";
    head.resize(static_cast<std::size_t>((std::max)(indent, static_cast<int>(head.size()) + 1)), ' ');
    rows += head + line + "\n";
  }
  return rows;
}

/// Whether the file system says that it has no locks.
USAGE_STATS_INLINE bool has_no_locks(std::error_code error) noexcept {
  return error == std::errc::no_lock_available || error == std::errc::function_not_supported ||
         error == std::errc::operation_not_supported || error == std::errc::not_supported;
}

/// "1 report", "2 reports".
USAGE_STATS_INLINE std::string counted(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

USAGE_STATS_INLINE std::string time_text(Seconds seconds) {
  const std::string text = timestamp(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
  return text.substr(0, 19) + "Z";  // whole seconds
}

/// Why the process that is sending from this folder makes no progress; empty: it does, or there is none.
USAGE_STATS_INLINE std::string sender_stopped(const Storage& storage) {
  const std::int64_t process = os::LockedFile::stopped_holder(storage.folder(), uploader_impl::lock_file);
  if (process == 0) return {};
  const std::string id = std::to_string(process);
  return "process " + id + ", which sends reports from here, has been stopped or frozen (`kill -CONT " + id +
         "` lets a stopped one go on)";
}

/// The endpoint of an address that a report was sent to: a current one, or one that the program names; otherwise it had
/// replaced the program's first, with that one's protocol.
USAGE_STATS_INLINE Endpoint endpoint_at(const Options& options, const Plan& plan, const std::string& url) {
  for (const std::vector<Endpoint>* const list : {&plan.endpoints, &options.endpoints})
    for (const Endpoint& endpoint : *list)
      if (endpoint.url == url) return endpoint;
  Endpoint then{url};
  if (!options.endpoints.empty()) then.protocol = options.endpoints.front().protocol;
  return then;
}

/// A session with files in the archive.
struct KnownSession {
  std::string client, session;
  std::string text;  // the report, byte for byte
  Json report;
  Deliveries deliveries;
};

/// The client folders' names; an error: there may be more.
USAGE_STATS_INLINE std::vector<std::string> client_folders(const Storage& storage, std::error_code& error) {
  std::vector<std::string> names;
  for (const auto& entry : storage.folder().list(storage_impl::most_entries, storage_impl::is_client, error))
    if (entry.folder) names.push_back(entry.name);
  return names;
}

USAGE_STATS_INLINE std::optional<KnownSession> read_session(const Storage& storage, const std::string& client,
                                                            const std::string& name) {
  auto text = storage.archive.read_report(client, name);
  auto json = text ? parse_json(*text) : std::nullopt;
  if (!json || !json->is_object()) return std::nullopt;
  return KnownSession{client, name, std::move(*text), std::move(*json), storage.archive.deliveries(client, name)};
}

/// The newest reports that can be read, newest first; an error: there may be others. A report's folder is never older
/// than the report, so if there are very many, most need not be read.
USAGE_STATS_INLINE std::vector<KnownSession> newest_sessions(const Storage& storage, std::size_t most,
                                                             std::error_code& error) {
  constexpr std::chrono::seconds coarse_clock{2};
  struct Found {
    std::chrono::system_clock::time_point modified;
    std::size_t client;
    std::string name;
    bool operator<(const Found& other) const noexcept { return modified < other.modified; }
  };
  const std::vector<std::string> clients = client_folders(storage, error);
  std::vector<Found> found;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    std::error_code problem;
    if (const os::Folder folder = storage.folder().folder(clients[i], false, problem))
      for (const auto& entry : folder.list(storage_impl::most_entries, is_id, problem))
        if (entry.folder) found.push_back({entry.modified, i, entry.name});
    if (!error && problem != std::errc::no_such_file_or_directory) error = problem;
  }
  std::make_heap(found.begin(), found.end());
  std::vector<KnownSession> sessions;
  const auto started = [](const KnownSession& session) { return string_member(session.report, "started_at"); };
  for (; !found.empty(); found.pop_back()) {
    std::pop_heap(found.begin(), found.end());
    const Found& next = found.back();
    if (sessions.size() == most && timestamp(next.modified + coarse_clock) < started(sessions.back())) break;
    auto session = read_session(storage, clients[next.client], next.name);
    if (!session) continue;
    const std::string time = started(*session);
    auto place = sessions.begin();
    while (place != sessions.end() && started(*place) >= time) ++place;
    sessions.insert(place, std::move(*session));
    if (sessions.size() > most) sessions.pop_back();
  }
  return sessions;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
