#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace fs = std::filesystem;
namespace us = usage_stats::detail;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

ino_t inode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

us::Storage opened(const Sandbox& sandbox) {
  std::error_code error;
  auto storage = us::Storage::open(sandbox.usage_folder(), "reporter", true, error);
  REQUIRE_MESSAGE(storage.has_value(), error.message());
  return std::move(*storage);
}

void upload_once(const Sandbox& sandbox) {
  us::UploadOptions options;
  options.stay = std::chrono::milliseconds(0);
  options.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  CHECK(us::upload(sandbox.usage_folder(), options, us::Log()));
}

/// So many envelopes that wait for an hour, the oldest first: "1000...", "1001...", each with that report.
void let_wait(us::Storage& storage, int count, const std::string& report) {
  us::Envelope envelope;
  envelope.app = "reporter";
  envelope.version = "1.2.3";
  envelope.client_id = std::string(32, 'c');
  envelope.destinations.push_back({usage_stats::Endpoint{"http://127.0.0.1:9/"}, 1, us::now_seconds() + 3600});
  std::error_code error;
  for (int i = 0; i < count; ++i) {
    envelope.session_id = std::to_string(1000 + i) + std::string(28, '0');
    envelope.created = us::now_seconds() - 1000 + i;
    CHECK(!storage.archive.write_report(envelope.client_id, envelope.session_id, report));
    const auto lock = storage.outbox.begin(envelope, error);
    CHECK(!storage.outbox.enqueue(envelope));
  }
}

}  // namespace

TEST_CASE("storage: the files are where the documentation says, for their owner alone, whatever the umask") {
  Server server(503);
  Sandbox sandbox;
  Command command = sandbox.command("reporter", sending_to(server.url()));
  command.arguments.insert(command.arguments.begin(), {"-c", "umask 0; exec \"$0\" \"$@\"", command.program.string()});
  command.program = "/bin/sh";
  CHECK(run(command).exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());

  const nlohmann::json report = sandbox.report();
  const std::string client = report["client_id"], session = report["session_id"];
  CHECK(names_in(sandbox.usage_folder()).size() == 5);
  CHECK(state_of(sandbox)["client_id"] == client);
  CHECK(names_in(sandbox.usage_folder() / client) == std::vector<std::string>{session});
  CHECK(names_in(sandbox.usage_folder() / client / session) ==
        std::vector<std::string>{"delivery.json", "usage_stats.json"});
  CHECK(names_in(sandbox.usage_folder() / "active").empty());
  CHECK(names_in(sandbox.usage_folder() / "pending") == std::vector<std::string>{session});
  CHECK(fs::exists(sandbox.usage_folder() / "uploader.lock"));
  CHECK(mode_of(sandbox.usage_folder()) == 0700);
  for (const auto& entry : fs::recursive_directory_iterator(sandbox.usage_folder())) {
    CAPTURE(entry.path());
    CHECK(mode_of(entry.path()) == (entry.is_directory() ? 0700U : 0600U));
  }
}

TEST_CASE("storage: an envelope moves from active to pending by a rename") {
  Server server;
  Sandbox sandbox;
  us::Storage storage = opened(sandbox);
  std::error_code error;
  us::os::LockedFile::Attempt outcome{};
  const auto lock = us::os::LockedFile::acquire(storage.folder(), "uploader.lock", true, outcome, error);
  Command command = sandbox.command("reporter", {"--url", server.url(), "--unattended", "on", "--wait-for-input"});
  command.open_input = true;
  Process process(command);
  process.wait_for_output("ready");
  const std::string session = sandbox.active().at(0);
  const ino_t before = inode_of(sandbox.usage_folder() / "active" / session);
  process.close_input();
  process.wait();

  CHECK(sandbox.active().empty());
  CHECK(sandbox.pending() == std::vector<std::string>{session});
  CHECK(inode_of(sandbox.usage_folder() / "pending" / session) == before);
}

TEST_CASE("storage: many processes and threads change state.json at once, and no change is lost") {
  Sandbox sandbox;
  us::Storage storage = opened(sandbox);
  constexpr int processes = 6, threads = 2, changes = 100;
  // How many changes were made; the others waited 200 ms for their turn in vain, which on a busy machine may be.
  const auto change_often = [&] {
    int made = 0;
    for (int i = 0; i < changes; ++i)
      if (!storage.update_state([](us::State& state) { ++state.sent; })) ++made;
    return made;
  };
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(change_often());
    children.push_back(child);
  }
  std::vector<std::thread> running;
  std::atomic<int> made{0};
  for (int i = 0; i < threads; ++i) running.emplace_back([&] { made += change_often(); });
  for (std::thread& thread : running) thread.join();
  for (const pid_t child : children) {
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    made += WEXITSTATUS(status);
  }
  CHECK(storage.state().sent == made);
  CHECK(made > (processes + threads) * changes / 2);
  CHECK(names_in(sandbox.usage_folder()) == std::vector<std::string>{"state.json"});
}

TEST_CASE("storage: who wants what another is writing waits for that, not for the lock") {
  Sandbox sandbox;
  us::Storage storage = opened(sandbox);
  storage.be_patient();
  std::error_code error;
  us::os::LockedFile::Attempt outcome{};
  const auto lock = us::os::LockedFile::acquire(storage.folder(), "state.json", true, outcome, error);
  REQUIRE(lock);
  int looks = 0;
  const auto enough = [&](const us::State& state) {
    us::State written;  // by the one with the lock
    written.app = "reporter";
    written.client_id = std::string(32, 'a');
    if (++looks == 2) write_file(sandbox.usage_folder() / "state.json", us::to_text(written));
    return !state.client_id.empty();
  };
  CHECK_FALSE(storage.update_state([](us::State&) { FAIL("somebody else holds the lock"); }, enough));
  CHECK(looks == 3);
  CHECK(storage.state().client_id == std::string(32, 'a'));
}

TEST_CASE("storage: many runs that are alive are not taken for many that have vanished") {
  Sandbox sandbox;
  us::Storage storage = opened(sandbox);
  std::error_code error;
  std::vector<us::os::LockedFile> alive;
  for (int i = 0; i < 40; ++i) {
    us::Envelope envelope;
    envelope.app = "reporter";
    envelope.session_id = std::to_string(1000 + i) + std::string(28, '0');
    alive.push_back(storage.outbox.begin(envelope, error));
    REQUIRE(alive.back());
  }
  CHECK_FALSE(us::has_abandoned_runs(storage));
  CHECK_FALSE(us::needs_pruning(storage, std::string(32, 'c')));
  alive.erase(alive.begin(), alive.begin() + 20);
  CHECK(us::has_abandoned_runs(storage));
}

TEST_CASE("storage: temporary files of processes that were killed go away after an hour") {
  Sandbox sandbox;
  opened(sandbox);
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const char* const folder : {"", "active", "pending"}) {
    write_file(sandbox.usage_folder() / folder / ".tmp-1-1", "half a fi");
    fs::last_write_time(sandbox.usage_folder() / folder / ".tmp-1-1", old);
    write_file(sandbox.usage_folder() / folder / ".tmp-1-2", "being written");
    fs::permissions(sandbox.usage_folder() / folder, fs::perms::owner_all);
  }
  upload_once(sandbox);
  for (const char* const folder : {"", "active", "pending"}) {
    CAPTURE(folder);
    CHECK_FALSE(fs::exists(sandbox.usage_folder() / folder / ".tmp-1-1"));
    CHECK(fs::exists(sandbox.usage_folder() / folder / ".tmp-1-2"));
  }
}

TEST_CASE("storage: a state.json that cannot be understood is replaced among our own reports") {
  for (const std::string& text :
       {std::string(), std::string("{\"client_id\": \"../../etc\""), std::string("[1, 2"), std::string("\0\xff\xfe", 3),
        std::string(100000, '['),
        std::string("{\"schema\":\"usage-stats-state/1\",\"client_id\":\"../../etc\",\"sent\":"
                    "\"many\",\"backoff\":[1],\"stopped\":7}")}) {
    CAPTURE(text.substr(0, 100));
    Server server;
    Sandbox sandbox;
    sandbox.run("reporter", {"--unattended", "local"});
    write_file(sandbox.usage_folder() / "state.json", text);
    fs::permissions(sandbox.usage_folder() / "state.json", fs::perms::owner_read | fs::perms::owner_write);
    CHECK(sandbox.run("reporter", sending_to(server.url())).exit_code == 0);
    CHECK(server.requests().size() == 1);
    CHECK(state_of(sandbox)["client_id"].get<std::string>().size() == 32);
    CHECK(state_of(sandbox)["sent"] == 1);
  }
}

TEST_CASE("storage: no more than 1,000 reports wait, and the oldest go first") {
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  let_wait(storage, 1003, "{\"final\": true}");
  upload_once(sandbox);
  CHECK(sandbox.pending().size() == 1000);
  CHECK(sandbox.pending().front() == "1003" + std::string(28, '0'));
  CHECK(storage.state().dropped == 3);
}

TEST_CASE("storage: no more than 5 MB wait, and the oldest go first") {
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  const std::string report = "{\"final\": true, \"padding\": \"" + std::string(60000, 'x') + "\"}";
  const std::size_t most = std::size_t{5 * 1024 * 1024} / report.size();
  REQUIRE(most < 90);
  let_wait(storage, 90, report);
  upload_once(sandbox);
  CHECK(sandbox.pending().size() == most);
  CHECK(sandbox.pending().front() == std::to_string(1000 + 90 - most) + std::string(28, '0'));
  CHECK(storage.state().dropped == static_cast<std::int64_t>(90 - most));
}

TEST_CASE("storage: of reports that are done with, the last 50 stay") {
  Server server;
  Sandbox sandbox;
  for (int i = 0; i < 53; ++i) sandbox.run("reporter", {"--unattended", "local"});
  CHECK(sandbox.report_files().size() == 53);  // the host never prunes
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.report_files().size() == 50);
}

TEST_CASE("storage: of the ends in an envelope, the last one counts, but the run's own last report comes first") {
  const auto line = [](const std::string& text) { return text + "\n"; };
  const std::string id(32, 'a'),
      envelope =
          line(R"({"schema":"usage-stats-label/1","client_id":"local","session_id":")" + id + R"("})") + line("{}");
  const std::string request = line(R"({"signal":"SIGINT","duration_ms":10})"), broken = line(R"({"sig)");
  const std::string crash = line(R"({"signal":"SIGSEGV","duration_ms":20})"), word = line(R"({"last_report":"{}"})");
  const auto survived = us::parse_envelope(envelope + request + broken + request + crash);
  REQUIRE(survived);
  CHECK(survived->signal == "SIGSEGV");
  CHECK((survived->duration && survived->duration->count() == 20));
  const auto ended = us::parse_envelope(envelope + request + word + crash);
  REQUIRE(ended);
  CHECK(ended->last_report == "{}");
}

TEST_CASE("storage: of a report's tries the last fifty, however many there were") {
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  us::Envelope envelope;
  envelope.session_id = envelope.client_id = std::string(32, 'a');
  CHECK(!storage.archive.write_report(envelope.client_id, envelope.session_id, "{}"));
  us::DeliveryRecord record;
  record.url = "https://stats.example/";
  for (record.attempts = 1; record.attempts <= 60; ++record.attempts)
    CHECK(!storage.archive.record_delivery(envelope, record));
  const nlohmann::json deliveries =
      nlohmann::json::parse(storage.archive.delivery_text(envelope.client_id, envelope.session_id))["deliveries"];
  REQUIRE(deliveries.size() == 50);
  CHECK(deliveries[0]["attempts"] == 11);
  CHECK(deliveries[49]["attempts"] == 60);
}
