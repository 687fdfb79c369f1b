// What one call of the uploader's does with a folder, moment by moment.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace us = usage_stats::detail;

namespace {

us::Envelope envelope_for(const std::string& session, const std::string& url, us::Seconds not_before = 0) {
  us::Envelope envelope;
  envelope.app = "reporter";
  envelope.version = "1.2.3";
  envelope.client_id = std::string(32, 'c');
  envelope.session_id = session + std::string(32 - session.size(), '0');
  envelope.created = us::now_seconds();
  envelope.config_file = envelope.policy_file = "/nonexistent/usage_stats.json";  // says neither yes nor no
  envelope.destinations.push_back({usage_stats::Endpoint{url}, 0, not_before});
  return envelope;
}

/// A session's end, as far as the folder sees it.
void end_session(us::Storage& storage, const us::Envelope& envelope) {
  std::error_code error;
  CHECK(!storage.archive.write_report(
      envelope.client_id, envelope.session_id,
      "{\"app\": {\"name\": \"reporter\", \"version\": \"1.2.3\"}, \"session_id\": \"" + envelope.session_id + "\"}"));
  const auto lock = storage.outbox.begin(envelope, error);
  CHECK(!storage.outbox.enqueue(envelope));
}

us::UploadOptions without_staying() {
  us::UploadOptions options;
  options.stay = std::chrono::milliseconds(0);
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);  // a machine may be busy
  return options;
}

us::Storage opened(const Sandbox& sandbox) {
  std::error_code error;
  auto storage = us::Storage::open(sandbox.usage_folder(), "reporter", true, error);
  REQUIRE(storage.has_value());
  return std::move(*storage);
}

}  // namespace

TEST_CASE("upload passes: while one is at work, another one leaves without having done anything") {
  Server server;
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  end_session(storage, envelope_for("a", server.url()));
  std::error_code error;
  us::os::LockedFile::Attempt outcome{};
  const auto lock = us::os::LockedFile::acquire(storage.folder(), "uploader.lock", true, outcome, error);
  CHECK_FALSE(us::upload(sandbox.usage_folder(), without_staying(), us::Log()));
  CHECK(run(sandbox.uploader("reporter")).exit_code == 0);
  CHECK(server.requests().empty());
  CHECK(sandbox.pending().size() == 1);
}

TEST_CASE("upload passes: a run that ends while a report is on its way is sent too") {
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  bool first = true;
  Server* self = nullptr;
  Server server([&](const ReceivedRequest&) {
    if (std::exchange(first, false)) end_session(storage, envelope_for("b", self->url()));
    return Answer{};
  });
  self = &server;
  end_session(storage, envelope_for("a", server.url()));
  CHECK(us::upload(sandbox.usage_folder(), without_staying(), us::Log()));
  CHECK(server.requests().size() == 2);
  CHECK(sandbox.pending().empty());
}

TEST_CASE("upload passes: a run that ends when the uploader has had its last look is sent too") {
  Server server;
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  // One too many waits, and is dropped behind the last look; the line that tells of it is our moment.
  for (std::size_t i = 0; i <= us::limits::waiting_reports; ++i)
    end_session(storage, envelope_for(std::to_string(1000 + i), server.url(), us::now_seconds() + 3600));
  bool arrived = false;
  ::setenv("USAGE_STATS_DEBUG", "1", 1);
  const us::Log log([&](std::string_view line) {
    if (line.find("waited too long") == line.npos || std::exchange(arrived, true)) return;
    end_session(storage, envelope_for("b", server.url()));
  });
  ::unsetenv("USAGE_STATS_DEBUG");
  CHECK(us::upload(sandbox.usage_folder(), without_staying(), log));
  CHECK(arrived);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("upload passes: what it cannot remember to have sent it does not send, nor what comes after it") {
  Server server;
  Sandbox sandbox;
  sandbox.collect = false;
  us::Storage storage = opened(sandbox);
  for (const char* const session : {"a", "b"}) end_session(storage, envelope_for(session, server.url()));
  {
    us::os::LockedFile::Attempt outcome{};
    std::error_code error;
    const auto lock = us::os::LockedFile::acquire(storage.folder(), "state.json", true, outcome, error);
    REQUIRE(lock);
    us::upload(sandbox.usage_folder(), without_staying(), us::Log(nullptr));
  }
  CHECK(server.requests().empty());
  const std::vector<us::Envelope> waiting = storage.outbox.waiting();
  CHECK(waiting.size() == 2);
  for (const us::Envelope& envelope : waiting) CHECK(envelope.destinations.at(0).attempts == 0);

  us::upload(sandbox.usage_folder(), without_staying(), us::Log(nullptr));
  CHECK(server.requests().size() == 2);
  CHECK(storage.state().sent_ids == std::vector<std::string>{std::string(32, 'c')});
}

TEST_CASE("upload passes: after its last report an uploader stays for a second") {
  CHECK(us::UploadOptions().stay == std::chrono::seconds(1));
}
