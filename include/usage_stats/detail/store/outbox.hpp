#pragma once
// The outbox: envelopes of runs that are alive (active/), and of runs whose reports wait to be sent (pending/).

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../os/file.hpp"
#include "../os/lock.hpp"
#include "archive.hpp"
#include "envelope.hpp"
#include "layout.hpp"
#include "result.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

class Outbox {
 public:
  Outbox(std::shared_ptr<const os::Folder> top, std::string app) : top_(std::move(top)), app_(std::move(app)) {}

  /// active/SESSION_ID, locked for as long as this process lives.
  os::LockedFile begin(const Envelope&, std::error_code&);
  /// active/SESSION_ID -> pending/SESSION_ID, or removes it if it has nowhere to go.
  std::error_code enqueue(const Envelope&);
  /// Writes pending/SESSION_ID: for a deletion, and for a run that ends after an uploader has taken it for lost.
  /// `durable` also waits for the disk.
  std::error_code add(const Envelope&, bool durable = false);

  std::vector<Envelope> waiting() const { return list_waiting().envelopes; }  // oldest first
  struct Waiting {
    std::vector<Envelope> envelopes;     // oldest first
    std::vector<std::string> damaged{};  // the names of files that can be read and say nothing
    bool incomplete = false;             // some could not be read
  };
  Waiting list_waiting() const;
  bool is_waiting(const std::string& session_id) const;  // also if that is unknown
  /// Envelopes of live sessions that have written an interim report, with its sequence.
  std::vector<Envelope> interims(const Archive&) const;
  /// Changes a waiting envelope; without destinations, removes it. Does nothing if it is gone: an envelope that
  /// `usage-stats disable` or `delete` has removed must not come back.
  std::error_code update(const std::string& session_id, const std::function<void(Envelope&)>& change);
  std::error_code remove(const std::string& session_id);  // from what waits

  /// What is in active/ and pending/ and cannot be sent from here now.
  struct LeftAlone {
    std::size_t vanished = 0;   // their runs are gone; the next uploader reports them
    std::size_t elsewhere = 0;  // runs of other machines, which may be alive
    std::size_t newer = 0;      // envelopes of a newer version, which knows what they say
    bool incomplete = false;    // there may be more
  };
  LeftAlone left_alone() const;

  os::Folder active(std::error_code& error) const { return folder(storage_impl::active_folder, active_, false, error); }
  os::Folder pending(std::error_code& error) const {
    return folder(storage_impl::pending_folder, pending_, false, error);
  }
  std::filesystem::path pending_path() const { return top_->path() / storage_impl::pending_folder; }
  /// From here on active/ and pending/ are opened only once; for callers that are done before anybody could remove
  /// them.
  void keep_open() noexcept { keeps_open_ = true; }
  /// Reads an envelope of the app that the folder belongs to. Refusal::newer_version: another version of this library
  /// wrote it.
  Result<Envelope> read(const os::Folder&, const std::string& name) const;

 private:
  os::Folder make_active(std::error_code& error) { return folder(storage_impl::active_folder, active_, true, error); }
  os::Folder make_pending(std::error_code& error) {
    return folder(storage_impl::pending_folder, pending_, true, error);
  }
  os::Folder folder(const char* name, os::Folder& kept, bool create, std::error_code& error) const {
    if (kept) return error.clear(), kept;
    os::Folder opened = top_->folder(name, create, error);
    if (keeps_open_) kept = opened;
    return opened;
  }

  std::shared_ptr<const os::Folder> top_;
  std::string app_;
  bool keeps_open_ = false;
  mutable os::Folder active_, pending_;
};

namespace storage_impl {

constexpr Seconds left_to_its_host = 24 * 3600;  // an envelope in active/

/// Whether an envelope is another machine's, whose locks may not be visible here.
bool is_elsewhere(const Envelope&, const std::string& here);
/// ... and in active/: it may be alive there.
bool is_left_to_its_host(const Envelope&, const std::string& here);
/// Whether an envelope that could not be parsed is a newer version's.
bool is_newer(const Result<Envelope>&) noexcept;

}  // namespace storage_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
