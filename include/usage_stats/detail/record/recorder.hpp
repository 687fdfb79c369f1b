#pragma once
// What a running program records, from any thread, until its report is written.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "disclosure.hpp"
#include "parsed.hpp"
#include "report.hpp"
#include "../../fields.hpp"
#include "../os/platform.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// All that a running program says: fields, counters, events, stages, its command, its arguments and how it ended,
/// within their limits, from any thread. One mutex guards it; a call that cannot get that in time does nothing.
class Recorder {
 public:
  using Clock = std::chrono::steady_clock;

  /// `salt` is for Hashed fields. Nothing that is withheld is recorded.
  Recorder(std::string salt, Withheld withheld);

  void set(const FieldValue&);
  void add(const Counter&, std::int64_t n);
  /// The same, if this recorder has met the counter before: one atomic addition, no lock, safe in a signal handler.
  /// False: nothing was done.
  bool add_to_known(const Counter& counter, std::int64_t n) noexcept {
    const std::uint64_t place = counter.place_.load(std::memory_order_relaxed);
    if (place >> 8 != serial_ || closed_.load(std::memory_order_relaxed) || n < 0) return false;
    count(place & 0xFF, n);
    return true;
  }
  void record(const Event&, const FieldValue* values, std::size_t count);
  /// The number of the stage, for the calls below; nothing if it is over the limit.
  std::optional<std::size_t> enter(const Stage&);
  void set(std::size_t stage, const FieldValue&);
  void leave(std::size_t stage, bool failed);
  void command(std::string name);
  /// `options`: those that say what a report may hold of arguments.
  void argument(const Options& options, std::string_view name, std::string_view value, ArgumentSource);
  /// An empty `error` leaves the former one.
  void fail(RunStatus, std::vector<ErrorLink> error);
  void exit_code(int code);
  /// Nothing is recorded after this. False where a call that cannot go on is in the middle of recording.
  bool close(const End&);
  /// Increases with each call that changes what an interim report says: a different number means a different report.
  std::uint64_t changes() const noexcept;

  /// Adds what was recorded so far to the report; stages still open get no duration. The outcome is told after close().
  /// `ambient` as in ParsedArguments::replace_in(). False, and nothing is added, where another such call cannot go on.
  [[nodiscard]] bool add_to(Report&, const SensitiveValues& ambient) const;
  double seconds() const;  // since construction

 private:
  std::optional<Value> value_of(const FieldValue&) const;
  void put(Values&, const FieldValue&, std::size_t limit);
  bool withheld(const char* name) const;
  /// Whether a choice of the field has been disclosed.
  bool disclosed(const char* name, const char* choice) const;
  /// The lock under which something may be recorded; without it: after close(), or in a fork's child, whose copy of
  /// the mutex may be locked for ever.
  std::unique_lock<std::mutex> open();
  /// The same for what an interim report says, too.
  std::unique_lock<std::mutex> open_to_change();
  /// Where a counter is counted, under the lock: the first free place for a new one.
  std::size_t place_of(const Counter&);
  void count(std::size_t place, std::int64_t n) noexcept;

  static constexpr std::size_t no_place = limits::counters, nowhere = 0xFF;  // over the limit, withheld
  struct Count {
    std::atomic<std::int64_t> value{0};  // negative: it has gone beyond the largest
    char apart[56] = {};                 // of two threads' counters each has a cache line
  };

  const std::string salt_;
  Withheld withheld_;  // the fields sorted
  const std::uint64_t serial_;
  const Clock::time_point start_ = Clock::now();
  const unsigned forks_ = os::forks();
  std::atomic<std::uint64_t> changes_{0};
  mutable std::mutex mutex_;
  std::atomic<bool> closed_{false};
  Values fields_;
  std::array<Count, limits::counters + 1> counts_;  // the last is of those that have no place
  std::vector<std::string> counters_;               // the names of the first ones
  std::vector<EventRecord> events_;
  std::vector<StageRecord> stages_;
  std::map<std::string, std::size_t> truncated_;
  std::string command_;
  ParsedArguments arguments_;
  Outcome outcome_;
};

}  // namespace detail
USAGE_STATS_END_NAMESPACE
