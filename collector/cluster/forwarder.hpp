#pragma once
// Sends what the database has acknowledged to the cluster: in blocks, and again after any failure, because the cluster
// keeps each row once. What is deleted here is deleted there, and what other collectors have deleted there is deleted
// here.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "../ingest/committer.hpp"
#include "../store/outbox.hpp"
#include "clickhouse.hpp"

namespace collector {

/// Has the committing thread change its store. False: it could not.
using Perform = std::function<bool(const std::function<void(Store&)>&)>;

/// One pass after the other. For one thread.
class Courier {
 public:
  /// `file` is read only; what is to be changed goes through `perform`. Throws Problem.
  Courier(const std::string& file, const std::string& url, Perform perform);

  /// Creates the tables, and sends the figures from before the cluster.
  void begin();
  /// Sends a block of what waits. False: nothing is left. Throws Problem; the same block then waits again.
  bool forward();
  /// Deletes here what was deleted at other collectors. Returns how many clients that were.
  std::size_t take_deletions();
  /// Whether something is being forgotten. Until that is done, runs wait here, also those that replace others: one that
  /// became a sum in the cluster would count beside what replaces it.
  bool is_forgetting();
  /// Not while something is being forgotten. Runs and presences of before this day become sums. More than two days at
  /// once are refused unless `any_number`: then the days are returned, and nothing has happened.
  std::int64_t retire(Day first_kept, bool any_number);

 private:
  void remove(const Outgoing&);
  void remove_rows(const std::vector<const char*>& tables, const char* column, const std::vector<std::string>& values);
  struct Lines {
    std::string witnesses, presences, runs;
  };
  Lines lines_of(const Outgoing&);
  void send_history();
  void send_history_of_installations(const std::string& origin);
  void retire_runs(Day kept);
  void retire_presences(Day kept);
  std::vector<Day> expired(const std::string& table, Day first_kept);
  Day kept_day(Day arrival) const;
  const NamedLeaf& leaf(Id slice);
  const Named& term(Id id);

  Database database_;
  ClickHouse server_;
  const Perform perform_;
  std::unordered_map<Id, NamedLeaf> leaves_;
  std::unordered_map<Id, Named> terms_;
  Day horizon_ = 0;
  std::string deletions_until_;  // the server's time; empty: none is known yet
};

/// A courier with its own thread, next to a committer.
class Forwarder {
 public:
  struct Settings {
    std::string file, url;
    std::int64_t keep_days = 60;
    std::function<void(const std::string&)> tell;
  };
  Forwarder(Committer&, Settings);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

 private:
  void work();
  void pass(std::optional<Courier>&);
  void night(Courier&);

  Committer& committer_;
  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ending_ = false;
  Day night_of_ = 0;
  std::chrono::steady_clock::time_point asked_at_{}, told_at_{};
  std::string told_;
  std::thread thread_;
};

}  // namespace collector
