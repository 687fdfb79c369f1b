#pragma once
// Sends what is in the usage folder (docs/design.md). Normally a separate process: the running program, started once
// more with USAGE_STATS_UPLOADER set, which never reaches its main.

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

#include "../../macros.hpp"
#include "../store/storage.hpp"
#include "transport/send.hpp"

USAGE_STATS_BEGIN_NAMESPACE

namespace detail {

/// The result of one attempt.
enum class Answer { delivered, again_later, refused, stopped, impossible };
Answer classify(const Response&, Protocol = Protocol::json);

/// How long to wait after the given number of failures in a row: 1 min doubling to 24 h, plus up to a quarter of jitter
/// taken from `seed`. A server's Retry-After is honoured exactly, from 1 s to 24 h, for the first five failures; after
/// that, only if it asks for more.
std::chrono::seconds backoff_delay(int failures, std::optional<std::chrono::seconds> retry_after,
                                   unsigned seed) noexcept;

struct UploadOptions {
  std::chrono::milliseconds stay{1000};              // after the last report, for further ones
  std::chrono::steady_clock::time_point deadline{};  // no new request after this
  bool awaited = false;                              // ... and none that lasts longer
  bool makes_lock =
      true;  // creates uploader.lock if missing; otherwise a folder without it is assumed to be under removal
  bool ignore_backoff = false;  // `usage-stats send`; a server that does not answer is not asked again by this call
  bool only_deletions = false;  // `usage-stats delete`, and `send` where reports must not be sent
  std::function<void(const Envelope&, const DeliveryRecord&)> progress{};  // called after each attempt
};

/// Sends what waits in the folder and prunes it. Returns false, having done nothing, if another uploader is at work,
/// or, with `error` set, if the folder cannot be used.
bool upload(const std::filesystem::path& usage_folder, const UploadOptions&, const Log&, std::error_code& error);
inline bool upload(const std::filesystem::path& usage_folder, const UploadOptions& options, const Log& log) {
  std::error_code error;
  return upload(usage_folder, options, log, error);
}

/// Whether at least one of the envelope's destinations is not in back-off.
bool may_be_asked(const Envelope&, const State&);

/// Whether a process started now would find something to do: a destination or a deletion that is due, or a
/// folder that needs pruning.
bool uploader_needed(const Storage&, const Envelope&, const State&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
