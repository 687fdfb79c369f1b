// What parse_json() reads is what nlohmann/json's own parser reads, and no more deeply nested than it may be.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <usage_stats.hpp>
#include <vector>

using nlohmann::json;
using usage_stats::detail::json_text;
using usage_stats::detail::parse_json;

namespace {

/// What both make of a text: the same value, or that it is no JSON.
void check_same(const std::string& text) {
  CAPTURE(text);
  const json theirs = json::parse(text, nullptr, false);
  const auto ours = parse_json(text);
  REQUIRE(ours.has_value() == !theirs.is_discarded());
  if (ours) REQUIRE(json::parse(json_text(*ours)) == theirs);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("json reader: values of every kind, and texts that are none") {
  for (const char* const text : {"null",
                                 "true",
                                 "0",
                                 "-0",
                                 "-1",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "-9223372036854775808",
                                 "-9223372036854775809",
                                 "1e400",
                                 "1.5e-7",
                                 "0.1",
                                 "\"\"",
                                 "\"\\u00fc\\ud83d\\ude00\\n\"",
                                 "[]",
                                 "{}",
                                 " [1, [2, {}]] ",
                                 R"({"b": 1, "a": {"c": [null]}, "b": 2})",
                                 R"({"": ""})",
                                 "",
                                 " ",
                                 "nul",
                                 "[1,]",
                                 "{\"a\" 1}",
                                 "01",
                                 "+1",
                                 "\"\\ud83d\"",
                                 "\"\xFF\"",
                                 "\"\n\"",
                                 "1 2",
                                 "[1] x",
                                 "{\"a\":1",
                                 "NaN",
                                 "// no\n1",
                                 "\xEF\xBB\xBF[1]"})
    check_same(text);
  check_same(std::string("[1]\0", 4));
}

TEST_CASE("json reader: of members with one name the last counts, wherever they are") {
  const auto value = parse_json(R"({"a": 1, "b": {"x": 1, "x": [2], "x": 3}, "a": "last", "a2": 0})");
  REQUIRE(value.has_value());
  CHECK(json_text(*value) == R"({"a":"last","a2":0,"b":{"x":3}})");
}

TEST_CASE("json reader: members are in order of their names, be they few or many") {
  for (const std::size_t count : {2, 3, 17, 32, 33, 200}) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      text += (i == 0 ? "{\"" : ",\"") + std::to_string(i * 7919 % 101) + "\":" + std::to_string(i);
    text += "}";
    const auto value = parse_json(text);
    REQUIRE(value.has_value());
    CHECK(json_text(*value) == json::parse(text).dump());
  }
}

TEST_CASE("json reader: 64 levels are read, 65 are not") {
  CHECK(parse_json(nested(64)).has_value());
  CHECK_FALSE(parse_json(nested(65)).has_value());
  CHECK_FALSE(parse_json(nested(1000000)).has_value());
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  CHECK_FALSE(parse_json(objects + "1" + std::string(65, '}')).has_value());
}

TEST_CASE("json reader: random texts, whole and damaged") {
  static const std::vector<std::string> pieces{"{",       "}",  "[",  "]",    ",",    ":",    "\"a\"", "\"b\"",
                                               "\"\\n\"", "1",  "-2", "3.5",  "1e3",  "true", "false", "null",
                                               " ",       "\"", "\\", "\xC3", "\xA9", "e",    "0"};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) text += pieces[random() % pieces.size()];
    check_same(text);
    json tree = json::object();
    for (auto n = random() % 5; n > 0; --n)
      tree[pieces[random() % pieces.size()]] = random() % 2 == 0 ? json(random()) : json::array({round, "x", nullptr});
    std::string whole = tree.dump(-1, ' ', false, json::error_handler_t::replace);
    check_same(whole);
    if (!whole.empty()) whole[random() % whole.size()] = static_cast<char>(random() % 256);
    check_same(whole);
  }
}
