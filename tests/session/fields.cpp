#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "compiler.hpp"
#include "hash.hpp"
#include "own_home.hpp"
#include "server.hpp"

namespace us = usage_stats;
using nlohmann::json;
using Session = us::TelemetrySession;

namespace {

const us::Field<bool> flag{"fields.flag", "a bool"};
const us::Field<std::int64_t> integer{"fields.integer", "an integer"};
const us::Field<double> number{"fields.number", "a number"};
const us::Field<us::Choice> choice{"fields.choice", "a choice", {"cool", "mcool", "hic"}};
const us::Field<us::Hashed> hashed{"fields.hashed", "a hash"};
const us::Field<us::Text> text{"fields.text", "a text"};

template <class... Set>
json fields_of(Set... set) {
  return OwnHome().report_of([&](Session& session) { (set(session), ...); })["fields"];
}

const json left_out = "<left out>";

/// What becomes of one value.
template <class F, class V>
json kept(const F& field, const V& value) {
  const json fields = fields_of([&](Session& session) { session.set(field, value); });
  return fields.contains(field.name()) ? fields[field.name()] : left_out;
}

// ---- what the language refuses
template <class F, class V>
using SetWith = decltype(std::declval<Session&>().set(std::declval<F>(), std::declval<V>()));
template <class Void, class F, class V>
struct CanSet : std::false_type {};
template <class F, class V>
struct CanSet<std::void_t<SetWith<F, V>>, F, V> : std::true_type {};

static_assert(CanSet<void, const us::Field<double>&, double>::value);
static_assert(!CanSet<void, const char*, double>::value, "no value without a declaration");
static_assert(!CanSet<void, std::string, double>::value, "no value without a declaration");
static_assert(!CanSet<void, const us::Counter&, int>::value, "counters are added to");
static_assert(!CanSet<void, const us::Event&, int>::value, "events are recorded");
static_assert(!std::is_constructible_v<us::Field<double>, const char*>, "no field without a description");
static_assert(!std::is_constructible_v<us::Counter, const char*>, "no counter without a description");
static_assert(!std::is_constructible_v<us::Event, const char*>, "no event without a description");
static_assert(!std::is_constructible_v<us::Stage, const char*>, "no stage without a description");
static_assert(!std::is_constructible_v<us::Field<us::Choice>, const char*, const char*>, "no choice without choices");
static_assert(!std::is_copy_constructible_v<us::Field<double>> && !std::is_copy_assignable_v<us::Field<double>>);
static_assert(!std::is_copy_constructible_v<us::Counter> && !std::is_move_constructible_v<us::Counter>);
static_assert(!std::is_copy_constructible_v<Session> && !std::is_move_constructible_v<Session>);
static_assert(!std::is_copy_assignable_v<Session> && !std::is_move_assignable_v<Session>);
static_assert(noexcept(std::declval<Session&>().set(integer, 1)));
static_assert(noexcept(std::declval<Session&>().record(std::declval<const us::Event&>(), {{integer, 1}})));
static_assert(std::is_nothrow_constructible_v<us::Field<double>, const char*, const char*>);

}  // namespace

TEST_CASE("fields: each type keeps its value") {
  CHECK(kept(flag, true) == json(true));
  CHECK(kept(flag, false) == json(false));
  CHECK(kept(integer, -7) == json(-7));
  CHECK(kept(number, 3.25) == json(3.25));
  CHECK(kept(number, 3) == json(3.0));
  CHECK(kept(choice, "mcool") == json("mcool"));
  CHECK(kept(text, "a few plain words") == json("a few plain words"));
}

TEST_CASE("fields: text comes as it is at hand") {
  CHECK(kept(choice, std::string("hic")) == json("hic"));
  CHECK(kept(choice, std::string_view("hic, and more").substr(0, 3)) == json("hic"));
  const char* const pointer = "cool";
  CHECK(kept(choice, pointer) == json("cool"));
  const char* const nothing = nullptr;
  CHECK(kept(text, nothing) == json(""));
}

TEST_CASE("fields: the largest and the smallest integers") {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
  CHECK(kept(integer, largest) == json(largest));
  CHECK(kept(integer, smallest) == json(smallest));
  CHECK(kept(integer, std::uint8_t{200}) == json(200));
  CHECK(kept(integer, std::uint32_t{4000000000U}) == json(4000000000));
  CHECK(kept(integer, static_cast<std::uint64_t>(largest)) == json(largest));
  CHECK(kept(integer, static_cast<std::uint64_t>(largest) + 1) == json(largest));
  CHECK(kept(integer, std::numeric_limits<std::uint64_t>::max()) == json(largest));
}

TEST_CASE("fields: what is no number is left out") {
  CHECK(kept(number, std::numeric_limits<double>::quiet_NaN()) == left_out);
  CHECK(kept(number, std::numeric_limits<double>::infinity()) == left_out);
  CHECK(kept(number, -std::numeric_limits<float>::infinity()) == left_out);
  CHECK(kept(number, std::numeric_limits<double>::max()) == json(std::numeric_limits<double>::max()));
}

TEST_CASE("fields: a choice that was not declared is \"other\"") {
  CHECK(kept(choice, "bam") == json("other"));
  CHECK(kept(choice, "") == json("other"));
  CHECK(kept(choice, "MCOOL") == json("other"));
  CHECK(kept(choice, std::string("cool\0more", 9)) == json("other"));
}

TEST_CASE("fields: of a text the words stay that the program has") {
  // Backwards, lest this test contains what it must not.
  for (const std::string value : {"x7q.7qatad/ehtnax7q/", "tset.7qproc@ehtnax"})
    CHECK(kept(text, "the bytes were read from " + std::string(value.rbegin(), value.rend())) ==
          json("the bytes were read from <value>"));
}

TEST_CASE("fields: a hash does not reveal its value, not even to somebody who hashes all values") {
  const std::string value = "secret project";
  const json first = kept(hashed, value);
  REQUIRE(first.is_string());
  CHECK(first.get<std::string>().size() == 64);
  CHECK(first != json(sha256_of(value)));
  CHECK(first != kept(hashed, value));  // without a client id no two runs can be told to be the same one's
  const json both = OwnHome().report_of([&](Session& session) {
    session.set(hashed, value);
    const us::Event seen{"fields.seen", "a value was seen"};
    session.record(seen, {{hashed, value}});
  });
  CHECK(both["fields"]["fields.hashed"] == both["events"][0]["fields"]["fields.hashed"]);
}

TEST_CASE("fields: a hash is salted with the client id") {
  Server server;
  Sandbox sandbox;
  for (int i = 0; i < 2; ++i)
    sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "wait", "--field"});
  const auto reports = sandbox.reports();
  REQUIRE(reports.size() == 2);
  const std::string id = reports[0]["client_id"];
  CHECK(reports[0]["fields"]["project"] == sha256_of(id + "secret project"));
  CHECK(reports[1]["fields"]["project"] == reports[0]["fields"]["project"]);
}

TEST_CASE("fields: where only the client id's hash is reported, the salt never leaves") {
  Server server;
  Sandbox sandbox;
  for (int i = 0; i < 2; ++i)
    sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--delivery", "wait", "--hash-client-id",
                             "yes", "--field"});
  const auto reports = sandbox.reports();
  REQUIRE(reports.size() == 2);
  const std::string id = json::parse(read_file(sandbox.usage_folder() / "state.json"))["client_id"];
  CHECK(reports[0]["client_id"] == sha256_of(id));
  CHECK(reports[0]["fields"]["project"] == sha256_of(id + "secret project"));
  CHECK(reports[1]["fields"]["project"] == reports[0]["fields"]["project"]);
  for (const ReceivedRequest& request : server.requests()) CHECK(request.body.find(id) == std::string::npos);
}

TEST_CASE("fields: the last value holds") {
  CHECK(fields_of([](Session& s) { s.set(integer, 1); }, [](Session& s) { s.set(flag, true); },
                  [](Session& s) { s.set(integer, 2); }) == json{{"fields.integer", 2}, {"fields.flag", true}});
  // What is no value changes nothing.
  CHECK(fields_of([](Session& s) { s.set(number, 1.5); },
                  [](Session& s) { s.set(number, std::numeric_limits<double>::quiet_NaN()); }) ==
        json{{"fields.number", 1.5}});
}

TEST_CASE("fields: values of the wrong type do not compile, and the compiler says why") {
  const std::string head =
      "#include <usage_stats.hpp>\n"
      "using namespace usage_stats;\n"
      "static const Field<bool> flag{\"flag\", \"a bool\"};\n"
      "static const Field<std::int64_t> integer{\"integer\", \"an integer\"};\n"
      "static const Field<double> number{\"number\", \"a number\"};\n"
      "static const Field<Text> text{\"text\", \"a text\"};\n"
      "void use(TelemetrySession& session) {\n";
  const auto errors = [&](const std::string& line) {
    return compile(head + line + "\n}\n", {"-fsyntax-only", "-DUSAGE_STATS_COMPILED"});
  };
  const Result good =
      errors("session.set(flag, true); session.set(integer, 1); session.set(number, 1); session.set(text, \"a\");");
  INFO(good.err);
  CHECK(good.exit_code == 0);

  const std::string lines =
      "session.set(flag, 1);\nsession.set(flag, \"yes\");\nsession.set(integer, true);\n"
      "session.set(integer, 1.5);\nsession.set(number, \"1\");\nsession.set(text, 1);\n"
      "static const Field<float> other{\"other\", \"another type\"};";
  const Result bad = errors(lines);
  CHECK(bad.exit_code != 0);
  for (int line = 8; line <= 14; ++line) {
    const std::string place = "source.cpp:" + std::to_string(line) + ":";
    INFO(place);
    CHECK(bad.err.find(place) != std::string::npos);
  }
  for (const char* const reason :
       {"a Field<bool> takes a bool", "a Field<std::int64_t> takes an integer", "a Field<double> takes a number",
        "this field takes text", "T is bool, std::int64_t, double, Choice, Hashed or Text"})
    CHECK(bad.err.find(reason) != std::string::npos);
}
