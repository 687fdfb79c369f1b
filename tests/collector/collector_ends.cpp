// What the collector has acknowledged is there, whatever happens to it.
#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collector.hpp"
#include "collector/aggregate/figures.hpp"
#include "collector/aggregate/sqlite_source.hpp"
#include "collector/ingest/committer.hpp"
#include "collector/store/store.hpp"
#include "temporary_folder.hpp"

namespace {

/// Sessions by how often the export has them.
std::map<std::string, int> sessions_in(const std::filesystem::path& folder) {
  const Result result = run_collector(folder, {"export"});
  REQUIRE(result.exit_code == 0);
  std::map<std::string, int> sessions;
  for (std::size_t begin = 0, end; (end = result.out.find('\n', begin)) != std::string::npos; begin = end + 1)
    ++sessions[nlohmann::json::parse(result.out.substr(begin, end - begin))["session_id"].get<std::string>()];
  return sessions;
}

/// Senders that go on until the collector is gone; what was acknowledged to them.
class Senders {
 public:
  Senders(const CollectorProcess& collector, std::size_t first) {
    for (std::size_t thread = 0; thread < 8; ++thread)
      threads_.emplace_back([this, &collector, next = first + thread * 100000]() mutable {
        for (;; ++next) {
          const nlohmann::ordered_json report = report_number(next, next % 50);
          const int status = collector.post(report).status;
          if (status == 0) return;
          if (status != 201 && status != 200) continue;
          const std::lock_guard<std::mutex> guard(mutex_);
          acknowledged_.insert(report["session_id"].get<std::string>());
        }
      });
  }
  ~Senders() { wait(); }
  void wait() {
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::set<std::string> acknowledged() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return acknowledged_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> acknowledged_;
  std::vector<std::thread> threads_;
};

std::int64_t counted_runs(const std::filesystem::path& folder) {
  collector::Store store(folder / "usage.db", false);
  {
    collector::Store::Change change(store);  // takes what has not reached the figures yet
    store.write_figures();
    change.commit();
  }
  const collector::Day day = collector::today();
  collector::SqliteSource source(store.database());
  return collector::Reader(source, {"mytool", day - 1, day, {}, {}, {}, collector::Ci::both})
      .sum(collector::Metric::runs);
}

}  // namespace

TEST_CASE("collector ends: kill -9 at any moment loses nothing that was acknowledged, and counts nothing twice") {
  TemporaryFolder folder;
  std::set<std::string> acknowledged;
  std::mt19937 random(11);
  for (std::size_t round = 0; round < 6; ++round) {
    CollectorProcess collector(folder.path());
    Senders senders(collector, round * 10000000);
    const std::size_t enough = 5 + random() % 60;  // any moment
    REQUIRE(wait_until([&] { return senders.acknowledged().size() >= enough; }));
    collector.kill();
    senders.wait();
    const auto more = senders.acknowledged();
    acknowledged.insert(more.begin(), more.end());
  }
  const std::map<std::string, int> kept = sessions_in(folder.path());
  for (const std::string& session : acknowledged) CHECK(kept.count(session) == 1);
  for (const auto& [session, times] : kept) CHECK(times == 1);
  CHECK(kept.size() >= acknowledged.size());
  CHECK(counted_runs(folder.path()) == static_cast<std::int64_t>(kept.size()));
}

TEST_CASE("collector ends: SIGTERM while many send loses nothing either") {
  TemporaryFolder folder;
  CollectorProcess collector(folder.path());
  Senders senders(collector, 0);
  REQUIRE(wait_until([&] { return senders.acknowledged().size() >= 50; }));
  CHECK(collector.stop() == 0);
  senders.wait();
  const std::map<std::string, int> kept = sessions_in(folder.path());
  for (const std::string& session : senders.acknowledged()) CHECK(kept.count(session) == 1);
  CHECK(counted_runs(folder.path()) == static_cast<std::int64_t>(kept.size()));
}

TEST_CASE("collector ends: a full disk is a 503 with Retry-After, one line, and nothing half stored") {
  TemporaryFolder folder;
  std::set<std::string> acknowledged;
  std::size_t refused = 0;
  {
    // No file may grow beyond this: the database's log is the first that cannot.
    CollectorProcess collector(folder.path(), {}, {{RLIMIT_FSIZE, 3 * 1024 * 1024}});
    for (std::size_t number = 0; number < 4000 && refused < 5; ++number) {
      const nlohmann::ordered_json report = report_number(number, number);
      const Reply reply = collector.post(report);
      if (reply.status == 201) acknowledged.insert(report["session_id"].get<std::string>());
      if (reply.status == 201) continue;
      ++refused;
      CHECK(reply.status == 503);
      CHECK(std::stoi("0" + reply.headers.at("retry-after")) > 0);
    }
    CHECK(refused == 5);
    const std::string said = collector.said();
    const std::size_t line = said.find("cannot write: ");
    CHECK(line != std::string::npos);
    CHECK(said.find("cannot write: ", line + 1) == std::string::npos);  // not once for each of them
    CHECK(collector.stop() == 0);
  }
  CHECK(acknowledged.size() > 50);
  const std::map<std::string, int> kept = sessions_in(folder.path());
  for (const std::string& session : acknowledged) CHECK(kept.count(session) == 1);
  CHECK(kept.size() == acknowledged.size());
  CollectorProcess again(folder.path());  // there is room again
  CHECK(again.post(report_number(999999)).status == 201);
  CHECK(again.stop() == 0);
  CHECK(counted_runs(folder.path()) == static_cast<std::int64_t>(acknowledged.size() + 1));
}

TEST_CASE("collector ends: while another process holds the database, reports wait for it or come again") {
  TemporaryFolder folder;
  CollectorProcess collector(folder.path());
  CHECK(collector.post(report_number(1)).status == 201);
  Reply reply;
  std::thread sender;
  {
    collector::Store store(folder / "usage.db", false);
    collector::Store::Change change(store);  // never committed
    sender = std::thread([&] { reply = collector.post(report_number(2)); });
    REQUIRE(wait_until([&] { return collector.page("/metrics").status == 200; }));  // readers are not held up
  }
  sender.join();
  CHECK(reply.status == 201);
}

TEST_CASE("collector ends: a full queue is reported at once, and the other reports are kept") {
  TemporaryFolder folder;
  collector::Store store(folder / "usage.db", true);
  collector::Committer::Settings settings;
  settings.queue = 1;
  settings.tell = [](const std::string&) {};
  collector::Committer committer(store, settings);
  std::atomic<int> full{0}, stored{0};
  std::vector<std::thread> senders;
  {
    collector::Store other(folder / "usage.db", false);
    collector::Store::Change change(other);  // never committed: one report waits for it, another in the queue
    for (std::size_t i = 0; i < 5; ++i)
      senders.emplace_back([&, i] {
        const collector::Answer answer = committer.add(collector::report_of(report_number(i, i)));
        if (answer.reason == "the queue is full") ++full;
        if (answer.verdict == collector::Verdict::stored) ++stored;
      });
    REQUIRE(wait_until([&] { return full >= 3; }));
  }
  for (std::thread& sender : senders) sender.join();
  CHECK(full + stored == 5);
  CHECK(stored >= 1);
  CHECK(committer.numbers().failed == static_cast<std::uint64_t>(full));
}

TEST_CASE("collector ends: connections that send nothing leave the pages alone") {
  TemporaryFolder folder;
  CollectorProcess collector(folder.path());
  std::vector<int> silent;
  for (int i = 0; i < 90; ++i) silent.push_back(connected_to(collector.port));  // more than there are threads
  const auto began = std::chrono::steady_clock::now();
  CHECK(collector.page("/metrics").status == 200);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
  for (const int socket : silent) ::close(socket);
}
