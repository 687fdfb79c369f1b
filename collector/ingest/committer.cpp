#include "committer.hpp"

#include <algorithm>
#include <utility>

namespace collector {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t most_in_a_commit = 512;
constexpr milliseconds figures_every{500};
constexpr std::size_t most_unwritten = 150000;  // cells
constexpr int figures_share = 9;                // under load, a tenth of the time goes into
                                                // figures: they come later, not reports
constexpr milliseconds between_pieces{10};
constexpr int pages_until_checkpoint = 1000, most_pages_of_log = 8000, few_pages = 100;
constexpr Day most_days_at_once = 2;

}  // namespace

Committer::Committer(Store& store, Settings settings)
    : store_(store), settings_(std::move(settings)), checkpointer_(store.database().file()) {
  // In place of SQLite's own way, which lets the commit that fills the log wait
  // for all that is in it.
  const auto count = [](void* pages, sqlite3*, const char*, int in_log) {
    *static_cast<int*>(pages) = in_log;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(store.database().handle(), count, &log_pages_);
  thread_ = std::thread([this] { work(); });
}

Committer::~Committer() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    ending_ = true;
  }
  arrived_.notify_one();
  thread_.join();
  sqlite3_wal_autocheckpoint(store_.database().handle(),
                             pages_until_checkpoint);  // takes the place of the hook
}

Answer Committer::add(Report report) { return wait_for({std::move(report), {}}); }
Answer Committer::remove(std::string client_digits) { return wait_for({std::move(client_digits), {}}); }

Answer Committer::wait_for(Ticket ticket) {
  std::future<Answer> answer = ticket.answer.get_future();
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (ending_ || queue_.size() >= settings_.queue) {
      ++numbers_.failed;
      return {Verdict::failed, "the queue is full", 0};
    }
    queue_.push_back(std::move(ticket));
    numbers_.queued = queue_.size();
  }
  arrived_.notify_one();
  if (answer.wait_for(seconds(10)) != std::future_status::ready) return {Verdict::failed, "the disk is too slow", 0};
  return answer.get();
}

bool Committer::perform(const std::function<void(Store&)>& change) {
  std::future<Answer> answer;
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (ending_) return false;
    queue_.push_back({change, {}});
    answer = queue_.back().answer.get_future();
  }
  arrived_.notify_one();
  return answer.get().verdict == Verdict::performed;
}

Committer::Tickets Committer::take() {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto limit = night_ != Night::done            ? milliseconds(5)
                     : store_.unwritten_figures() > 0 ? figures_every
                                                      : milliseconds(1000);
  arrived_.wait_for(lock, limit, [this] { return ending_ || !queue_.empty(); });
  Tickets tickets;
  while (!queue_.empty() && tickets.size() < most_in_a_commit) {
    tickets.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  finished_ = ending_ && tickets.empty();
  numbers_.queued = queue_.size();
  return tickets;
}

void Committer::work() {
  for (;;) {
    Tickets tickets = take();
    if (finished_) break;
    if (!tickets.empty()) serve(tickets);
    maintain();
    look_after_log();
  }
  guarded([this] { write_figures(); });
}

/// All together; one by one where one of them is to blame.
void Committer::serve(Tickets& tickets) {
  std::vector<Answer> answers(tickets.size());
  if (!commit(tickets, 0, tickets.size(), answers) && tickets.size() > 1 && !disk_failed_)
    for (std::size_t i = 0; i < tickets.size(); ++i) commit(tickets, i, i + 1, answers);
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    count(answers[i]);
    tickets[i].answer.set_value(std::move(answers[i]));
  }
}

bool Committer::commit(Tickets& tickets, std::size_t begin, std::size_t end, std::vector<Answer>& answers) {
  const bool good = guarded([&] {
    Store::Change change(store_);
    for (std::size_t i = begin; i < end; ++i) answers[i] = perform(tickets[i]);
    if (figures_are_due()) write_figures_now();
    change.commit();
    ++numbers_.commits;
  });
  if (!good)
    for (std::size_t i = begin; i < end; ++i) answers[i] = {Verdict::failed, "cannot keep it now", 0};
  return good;
}

Answer Committer::perform(Ticket& ticket) try {
  if (const auto* client = std::get_if<std::string>(&ticket.job)) {
    const std::int64_t removed = store_.remove_client(*client);
    if (night_ == Night::done) night_ = Night::pages;  // nothing of it stays in free pages or in the log
    ++numbers_.deletions;
    return {Verdict::deleted, {}, removed};
  }
  if (const auto* change = std::get_if<std::function<void(Store&)>>(&ticket.job)) {
    (*change)(store_);
    return {Verdict::performed, {}, 0};
  }
  switch (store_.add(std::get<Report>(ticket.job), today())) {
    case Added::stored:
      return {Verdict::stored, {}, 0};
    case Added::known:
      return {Verdict::known, {}, 0};
    default:
      return {Verdict::deleted, {}, 0};
  }
} catch (const Refused& refused) {
  return {Verdict::refused, refused.what(), 0};
}

void Committer::count(const Answer& answer) {
  if (answer.verdict == Verdict::performed) return;
  std::atomic<std::uint64_t>* const numbers[] = {&numbers_.stored, &numbers_.known, &numbers_.deleted,
                                                 &numbers_.refused, &numbers_.failed};
  ++*numbers[static_cast<int>(answer.verdict)];
}

bool Committer::figures_are_due() const {
  const auto pause = std::max<steady_clock::duration>(figures_every, figures_share * writing_took_);
  return store_.unwritten_figures() > most_unwritten || steady_clock::now() - written_at_ >= pause;
}

void Committer::write_figures_now() {
  const auto began = steady_clock::now();
  store_.write_figures();
  written_at_ = steady_clock::now();
  writing_took_ = written_at_ - began;
}

void Committer::write_figures() {
  Store::Change change(store_);
  write_figures_now();
  change.commit();
}

/// Runs it; if it fails, says so in one line, but not again and again.
bool Committer::guarded(const std::function<void()>& body) try {
  body();
  disk_failed_ = false;
  return true;
} catch (const std::exception& error) {
  const auto* sql = dynamic_cast<const SqlError*>(&error);
  disk_failed_ = sql != nullptr && sql->code != SQLITE_CONSTRAINT && sql->code != SQLITE_ERROR;
  const auto now = steady_clock::now();
  if (error.what() != told_ || now - told_at_ > seconds(60))
    settings_.tell(std::string("cannot write: ") + error.what());
  told_ = error.what();
  told_at_ = now;
  return false;
}

void Committer::maintain() {
  guarded([this] {
    if (store_.unwritten_figures() > 0 && figures_are_due()) write_figures();
    if (night_of_ != today()) begin_night(today());
    if (night_ != Night::done && !checkpointer_.busy() && steady_clock::now() - night_at_ >= between_pieces) {
      night_piece();
      night_at_ = steady_clock::now();
    }
  });
}

/// It begins anew with the first commit that finds all of it in the database.
/// While this thread writes on, the other one may never get there: then it is
/// left in peace until it is done, and the rest is done here.
void Committer::look_after_log() {
  if (log_pages_ < woken_at_) woken_at_ = 0;
  if (log_pages_ >= most_pages_of_log) {
    if (!checkpointer_.busy()) store_.checkpoint();
  } else if (log_pages_ - woken_at_ >= pages_until_checkpoint) {
    woken_at_ = log_pages_;
    checkpointer_.wake();
  }
}

void Committer::begin_night(Day day) {
  night_of_ = day;
  first_kept_ = day - settings_.keep_days;
  client_ = 0;
  const std::vector<Day> expired = store_.expired_days(first_kept_);
  refused_to_expire_ = expired.size() > most_days_at_once;
  night_ = Night::fresh;
  if (refused_to_expire_)
    settings_.tell(
        "reports of " + std::to_string(expired.size()) + " days (" + text_of(expired.front()) + " to " +
        text_of(expired.back()) + ") are older than " + std::to_string(settings_.keep_days) +
        " days; that is more than one night's worth, so the clock may be wrong and nothing was removed. If it "
        "is right: usage-stats-collector expire --yes");
}

/// A piece of the night's work, so short that whoever waits for it has waited less than 100 ms.
void Committer::night_piece() {
  if (night_ == Night::log) {
    // Emptying it keeps all others out: most of it is brought over before.
    if (log_pages_ - woken_at_ > few_pages) {
      woken_at_ = log_pages_;
      checkpointer_.wake();
    } else if (store_.truncate_log()) {
      night_ = Night::done;
    }
    return;
  }
  Pace& pace = night_ == Night::fresh     ? fresh_
               : night_ == Night::forged  ? forged_
               : night_ == Night::reports ? reports_
               : night_ == Night::clients ? clients_
                                          : pages_;
  const auto began = steady_clock::now();
  if (night_ != Night::pages) {
    change_in_the_night(pace.size());
  } else if (!store_.shrink(pace.size())) {
    night_ = Night::log;
    woken_at_ = log_pages_;
    checkpointer_.wake();
  }
  pace.took(steady_clock::now() - began);
}

void Committer::change_in_the_night(int most) {
  Night next = night_;
  Store::Change change(store_);
  if (night_ == Night::fresh) {
    if (!store_.settle(most)) next = Night::forged;
  } else if (night_ == Night::forged) {  // that somebody began
    if (!store_.forget_some(most)) next = refused_to_expire_ ? Night::clients : Night::reports;
  } else if (night_ == Night::reports) {
    if (!store_.expire_reports(first_kept_, most)) next = Night::clients;
  } else {
    client_ = store_.expire_clients(refused_to_expire_ ? INT64_MIN : first_kept_, client_, most);
    if (client_ == 0) next = Night::pages;
  }
  change.commit();
  night_ = next;
}

}  // namespace collector
