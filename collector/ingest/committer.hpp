#pragma once
// The one thread that writes. It takes what has queued up, commits it together and then answers all; between times it
// brings figures up to date and does the nightly work, in pieces that keep nobody waiting.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "../base/pace.hpp"
#include "../store/checkpointer.hpp"
#include "../store/store.hpp"

namespace collector {

/// What became of a report: stored, known or deleted; refused, with the reason; or it cannot be kept now.
enum class Verdict { stored, known, deleted, refused, failed, performed };
struct Answer {
  Verdict verdict = Verdict::failed;
  std::string reason;
  std::int64_t removed = 0;  // of a deletion
};

struct Numbers {  // since the start, for /metrics
  std::atomic<std::uint64_t> stored{0}, known{0}, deleted{0}, refused{0}, failed{0}, commits{0}, deletions{0};
  std::atomic<std::uint64_t> queued{0};
};

class Committer {
 public:
  struct Settings {
    std::int64_t keep_days = 60;
    // Reports; what is more is answered 503. Fewer than the server's threads, so that some are left to say so.
    std::size_t queue = 72;
    std::function<void(const std::string&)> tell;
  };

  Committer(Store& store, Settings settings);
  /// Commits what is queued.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Waits for the commit, 10 s at most; after that, or with a full queue, it has failed (and may yet be stored: the
  /// sender comes again and is told that it is known).
  Answer add(Report report);
  Answer remove(std::string client_digits);
  /// Another change, committed when this returns true; waits for it as long as it takes.
  bool perform(const std::function<void(Store&)>& change);
  const Numbers& numbers() const { return numbers_; }

 private:
  struct Ticket {
    // A report, the digits of a client to remove, or another change.
    std::variant<Report, std::string, std::function<void(Store&)>> job;
    std::promise<Answer> answer;
  };
  using Tickets = std::deque<Ticket>;

  Answer wait_for(Ticket ticket);
  void work();
  Tickets take();
  void serve(Tickets& tickets);
  bool commit(Tickets& tickets, std::size_t begin, std::size_t end, std::vector<Answer>& answers);
  Answer perform(Ticket& ticket);
  void count(const Answer& answer);
  bool figures_are_due() const;
  void write_figures_now();
  void write_figures();
  bool guarded(const std::function<void()>& body);
  void maintain();
  void look_after_log();
  void begin_night(Day day);
  void night_piece();
  void change_in_the_night(int most);

  Store& store_;
  const Settings settings_;
  Numbers numbers_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  Tickets queue_;
  bool ending_ = false;

  // Of the writing thread alone.
  bool finished_ = false, disk_failed_ = false, refused_to_expire_ = false;
  std::chrono::steady_clock::time_point written_at_{}, told_at_{}, night_at_{};
  std::chrono::steady_clock::duration writing_took_{};
  std::string told_;
  enum class Night { done, fresh, forged, reports, clients, pages, log } night_ = Night::done;
  Pace fresh_{200, 20000}, forged_{25, 1000}, reports_{25, 2000}, clients_{50, 5000}, pages_{20, 1000};
  Day night_of_ = 0, first_kept_ = 0;
  Id client_ = 0;
  int log_pages_ = 0, woken_at_ = 0;  // pages in the log after the last commit, and when the other thread was woken
  Checkpointer checkpointer_;
  std::thread thread_;  // the last: it uses all the others
};

}  // namespace collector
