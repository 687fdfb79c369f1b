#pragma once
// The store: reports in, reports out, and figures that always say the same as the reports.

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../aggregate/cells.hpp"
#include "../aggregate/facts.hpp"
#include "../base/day.hpp"
#include "schema.hpp"
#include "terms.hpp"

namespace collector {

enum class Added {
  stored,
  known,    // this report, or a later one of its session, was here before
  deleted,  // its client asked to be forgotten
};

/// One for each process that changes the database; several processes may. Not for two threads at a time.
/// All that changes it needs a Change, and throws SqlError if the disk is full or fails.
class Store {
 public:
  /// Throws Problem.
  Store(const std::string& file, bool create);

  /// A transaction. Unless commit() has returned, nothing of it has happened. Several can follow each other in an
  /// object.
  class Change {
   public:
    explicit Change(Store& store) : store_(store) { store_.begin(); }
    ~Change() {
      if (!done_) store_.roll_back();
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    /// When this returns, it is on the disk.
    void commit() {
      store_.commit();
      done_ = true;
    }

   private:
    Store& store_;
    bool done_ = false;
  };

  /// Throws Refused where there are too many programs.
  Added add(const Report&, Day arrival);
  /// Forgets a client for good: returns how many of its reports are gone. `digits` as in reports.
  std::int64_t remove_client(std::string_view digits);
  /// Leaves the tombstone of an id that was deleted elsewhere: its SHA-256.
  void bury(const std::string& hash);
  /// Takes away what somebody forged: all of a program, of a version of it, of a day, or of both. Writes down that this
  /// is wanted; forget_some() does it, here or in another process, until it returns nothing.
  void forget(const std::string& app, const std::optional<std::string>& version, std::optional<Day> day);
  /// A piece of that, of up to so many runs, installations or cells. The figures are those of what is left after each.
  /// Returns the number of runs that they lose, of which some may have no report any more.
  std::optional<std::int64_t> forget_some(int most);

  /// Brings the figures up to date, which is cheaper for many reports at once.
  void write_figures();
  std::size_t unwritten_figures() const { return cells_.size(); }

  /// Brings the figures of days that are over to those of all days: looks at so many. False: that was the last.
  bool settle(int most) {
    write_figures();
    return cells_.settle(most);
  }

  /// Days before this one that still have raw reports.
  std::vector<Day> expired_days(Day first_kept);
  /// Removes up to so many raw reports from before this day. False: there is no more.
  bool expire_reports(Day first_kept, int most);
  /// The same for ids, up to so many after `after`; returns where to go on, or 0 at the end.
  Id expire_clients(Day first_kept, Id after, int most);

  /// Gives up to so many free pages back to the file system. False: there are none left. Not in a Change, like the
  /// next.
  bool shrink(int pages);
  /// Brings the write-ahead log into the database, unless another does.
  void checkpoint() {
    sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  /// Empties the log. False: somebody is reading from it; try again later.
  bool truncate_log();

  /// Makes the facts of up to so many reports after `after` anew; returns where to go on, or 0 at the end.
  Id rebuild(Id after, int most);

  Database& database() { return database_; }

 private:
  friend class Change;
  void begin();
  void commit();
  void roll_back() noexcept;
  void reload();
  void remember_deletions();

  std::vector<CountedFact> counted(Id app, const Report&);
  Leaf leaf_of(Id app, const Report&);
  Id client_of(const std::string& key);
  /// `touched`: gets the program and series of each fact.
  void remove_runs(const std::vector<Id>& runs, bool with_figures, std::set<std::pair<Id, Id>>* touched = nullptr);
  struct Place {
    Id run;
    std::int64_t sequence;
  };
  std::optional<Place> find(const std::string& session);
  /// What is being forgotten, and how far that is. Whoever begins anew finds less to do.
  struct Forged {
    Id id = 0;
    std::string app;
    std::optional<std::string> version;
    std::optional<Day> day;
    Id through = 0;  // runs that have come since are not meant
    std::set<Id> slices;
    enum class Step { runs, presences, cells } step = Step::runs;
    std::array<Id, 3> looked_at{};  // the last row, by the first columns of its table
  };
  bool next_forged();
  void begin_step(Forged::Step);
  std::int64_t forget_runs(int most);
  void forget_presences(int most);
  std::int64_t forget_cells(int most);
  std::int64_t forget_cell(Id slice, Statement& cell, const std::set<Day>& kept);
  void end_forgetting();
  void drop_unused_terms(const std::vector<std::pair<Id, Id>>& series_of_apps);

  Database database_;
  Terms terms_;
  Cells cells_;
  bool loaded_ = false;
  bool must_write_ = false;  // what was taken away cannot be made anew from the runs
  std::int64_t data_version_ = -1;
  Id last_run_ = 0, written_through_ = 0, first_part_ = 0;
  std::unordered_map<std::string, Id> unplaced_;  // sessions of the runs after written_through_
  Forged forged_;
};

/// What is left after a deletion beside the database, one SHA-256 a line: a restored backup meets it when it is opened.
std::string deletions_file(const std::string& database);

}  // namespace collector
