// Each limit of report v1: exactly reached nothing is missing, one beyond it one is, and `truncated` says so.
#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "own_home.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Event event{"limits.event", "something happened"};
const us::Stage stage{"limits.stage", "some work"};
const us::Field<us::Text> text{"limits.text", "a text"};
const us::Field<std::int64_t> number{"limits.number", "a number"};
constexpr std::size_t report_bytes = 64 * 1024;

/// Declarations of which a program has as many as a test wants.
template <class Declaration>
class Many {
 public:
  explicit Many(int count) {
    for (int i = 0; i < count; ++i) {
      names_.push_back("limits.many" + std::to_string(i));
      all_.emplace_back(names_.back().c_str(), "one of many");
    }
  }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

 private:
  std::deque<std::string> names_{};
  std::deque<Declaration> all_{};
};

json truncated(const json& report) { return report.value("truncated", json::object()); }

#define TEN_TIMES(text) text text text text text text text text text text

/// What these tests say, so that it is the program's own.
const char* const volatile own_texts[] = {TEN_TIMES(TEN_TIMES(TEN_TIMES("plain "))), TEN_TIMES(TEN_TIMES("\xC3\xA4 ")),
                                          TEN_TIMES(TEN_TIMES("aa")) TEN_TIMES("aaaaa") "aaaaaa"};

/// Words of the program's.
std::string plain_words(std::size_t size) {
  std::string words;
  while (words.size() < size) words += "plain ";
  words.resize(size);
  if (words.back() == ' ') words.back() = 's';
  return words;
}

template <class Body>
json report_of(Body body, const us::Options& options = OwnHome::options()) {
  return OwnHome().report_of(body, options);
}

std::size_t message_bytes(std::size_t size) {
  const json report = report_of([&](Session& session) { session.fail(std::runtime_error(plain_words(size))); });
  return report["outcome"]["error"]["message"].get<std::string>().size();
}

}  // namespace

TEST_CASE("report limits: 64 fields") {
  const Many<us::Field<std::int64_t>> fields(66);
  const auto with = [&](int count) {
    return report_of([&](Session& session) {
      for (const auto& field : fields)
        if (count-- > 0) session.set(field, 1);
      session.set(*fields.begin(), 2);  // no further one
    });
  };
  CHECK(with(64)["fields"].size() == 64);
  CHECK(truncated(with(64)) == json::object());
  CHECK(with(66)["fields"].size() == 64);
  CHECK(truncated(with(66)) == json{{"fields", 2}});
  CHECK(with(66)["fields"]["limits.many0"] == 2);
}

TEST_CASE("report limits: 64 fields of an event, and of a stage") {
  const Many<us::Field<std::int64_t>> fields(65);
  const json report = report_of([&](Session& session) {
    us::StageScope scope = session.enter(stage);
    for (const auto& field : fields) scope.set(field, 1);
  });
  CHECK(report["stages"][0]["fields"].size() == 64);
  CHECK(truncated(report) == json{{"fields", 1}});
}

TEST_CASE("report limits: 64 counters") {
  const Many<us::Counter> counters(65);
  const auto with = [&](int count) {
    return report_of([&](Session& session) {
      for (const auto& counter : counters)
        if (count-- > 0) session.add(counter);
    });
  };
  CHECK(with(64)["counters"].size() == 64);
  CHECK(truncated(with(64)) == json::object());
  CHECK(with(65)["counters"].size() == 64);
  CHECK(truncated(with(65)) == json{{"counters", 1}});
}

TEST_CASE("report limits: 1,000 events") {
  const auto with = [](int count) {
    return report_of([&](Session& session) {
      for (int i = 0; i < count; ++i) session.record(event);
    });
  };
  CHECK(with(1000)["events"].size() == 1000);
  CHECK(truncated(with(1000)) == json::object());
  CHECK(with(1017)["events"].size() == 1000);
  CHECK(truncated(with(1017)) == json{{"events", 17}});
}

TEST_CASE("report limits: 256 stages") {
  const auto with = [](int count) {
    return report_of([&](Session& session) {
      for (int i = 0; i < count; ++i) {
        us::StageScope scope = session.enter(stage);
        scope.set(number, i);
      }
    });
  };
  CHECK(with(256)["stages"].size() == 256);
  CHECK(truncated(with(256)) == json::object());
  CHECK(with(257)["stages"].size() == 256);
  CHECK(with(257)["stages"][255]["fields"]["limits.number"] == 255);
  CHECK(truncated(with(257)) == json{{"stages", 1}});
}

TEST_CASE("report limits: 64 arguments") {
  const auto with = [](std::size_t count) {
    const OwnHome home;
    { const Session session(OwnHome::options(), std::vector<std::string>(count, "--option")); }
    return home.report();
  };
  CHECK(with(64)["command"]["arguments"].size() == 64);
  CHECK(truncated(with(64)) == json::object());
  CHECK(with(66)["command"]["arguments"].size() == 64);
  CHECK(truncated(with(66)) == json{{"arguments", 2}});
}

TEST_CASE("report limits: 256 bytes a string") {
  const auto kept = [](const std::string& value) {
    return report_of([&](Session& session) { session.set(text, value); })["fields"]["limits.text"].get<std::string>();
  };
  CHECK(kept(plain_words(251)) == plain_words(251));
  for (const std::size_t size : {257, 263, 100000}) {  // no word is cut
    CHECK(kept(plain_words(size)).size() <= 256);
    CHECK(kept(plain_words(size)).size() > 240);
  }

  const auto command = [](const std::string& name) {
    return report_of([&](Session& session) { session.command(name); })["command"]["name"].get<std::string>();
  };
  CHECK(command(std::string(256, 'a')) == std::string(256, 'a'));
  CHECK(command(std::string(257, 'a')) == std::string(256, 'a'));

  us::Options options = OwnHome::options();
  options.dependencies = {{std::string(300, 'd'), std::string(300, '1')}};
  const json dependencies = report_of([](Session&) {}, options)["build"]["dependencies"];
  CHECK(dependencies == json{{std::string(256, 'd'), std::string(256, '1')}});
}

TEST_CASE("report limits: a string is cut between two characters") {
  // 256 is no multiple of 3: the 86th character would be cut in two.
  std::string umlauts;
  while (umlauts.size() < 300) umlauts += "\xC3\xA4 ";
  const json report = report_of([&](Session& session) { session.set(text, umlauts); });
  CHECK(report["fields"]["limits.text"] == umlauts.substr(0, 255));
}

TEST_CASE("report limits: 1,024 bytes a message") {
  CHECK(message_bytes(1019) == 1019);
  for (const std::size_t size : {1025, 1031, 100000}) {  // no word is cut
    CHECK(message_bytes(size) <= 1024);
    CHECK(message_bytes(size) > 1010);
  }
}

TEST_CASE("report limits: a report is readable as long as there is room, and never over 64 KiB") {
  for (const int count : {1, 500, 1000}) {
    CAPTURE(count);
    const OwnHome home;
    home.report_of([&](Session& session) {
      session.add(us::Counter("limits.kept", "stays"));
      for (int i = 0; i < count; ++i) session.record(event, {{text, plain_words(200)}, {number, i}});
      for (int i = 0; i < count; ++i) session.enter(stage).set(text, plain_words(200));
    });
    const std::string file = read_file(home.sandbox.report_files().at(0));
    const json report = json::parse(file);
    CHECK(file.size() <= report_bytes);
    if (count == 1) CHECK(file.compare(0, 6, "{\n  \"s") == 0);
    if (count > 1) CHECK(file.size() > report_bytes / 2);
    // The oldest stay, and all that is missing is counted.
    const json gone = truncated(report);
    const auto all = [&](const char* part) { return report[part].size() + gone.value(part, std::size_t{0}); };
    CHECK(all("events") == static_cast<std::size_t>(count));
    CHECK(all("stages") == static_cast<std::size_t>(count));
    CHECK(report["counters"] == json{{"limits.kept", 1}});
    std::int64_t next = 0;
    for (const json& one : report["events"]) CHECK(one["fields"]["limits.number"] == next++);
  }
}

TEST_CASE("report limits: texts beyond 64 KiB are not looked at, and counted") {
  const json report = report_of([&](Session& session) {
    for (int i = 0; i < 300; ++i) session.record(event, {{text, std::string(400, 'x')}});
  });
  std::size_t kept = 0;
  for (const json& one : report["events"]) kept += one["fields"].size();
  CHECK(kept > 100);
  CHECK(kept < 300);
  CHECK(truncated(report) == json{{"fields", 300 - kept}});
}

TEST_CASE("report limits: what grows when it is written does not break the 64 KiB") {
  // A control character takes six bytes in JSON.
  us::Options options = OwnHome::options();
  options.arguments = us::ArgumentDetail::values;
  for (char c = 0; c < 64; ++c)
    options.dependencies[std::string(255, '\x01') + static_cast<char>('0' + c)] = std::string(256, '\x02');
  const OwnHome home;
  const Many<us::Field<us::Text>> fields(64);
  home.report_of(
      [&](Session& session) {
        for (const auto& field : fields) session.set(field, std::string(256, '\x03'));
        session.fail(std::runtime_error(std::string(1024, '\x04')));
      },
      options);
  const std::string file = read_file(home.sandbox.report_files().at(0));
  CHECK(file.size() <= report_bytes);
  const json report = json::parse(file);
  CHECK(report["build"]["dependencies"].size() + truncated(report).value("dependencies", std::size_t{0}) == 64);
  CHECK(report["fields"].size() + truncated(report).value("fields", std::size_t{0}) == 64);
}
