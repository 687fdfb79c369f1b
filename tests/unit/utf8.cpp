#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <usage_stats.hpp>
#include <utility>

using usage_stats::detail::clip_utf8;

namespace {

const std::string replacement = "\xEF\xBF\xBD";

/// Written from the definition of UTF-8, not from the decoder under test.
bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[k])); };
    const std::size_t length = byte(i) < 0x80 ? 1 : byte(i) < 0xC0 ? 0 : byte(i) < 0xE0 ? 2 : byte(i) < 0xF0 ? 3 : 4;
    if (length == 0 || byte(i) > 0xF7 || i + length > text.size()) return false;
    std::uint32_t code = length == 1 ? byte(i) : byte(i) & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80) return false;
      code = code << 6 | (byte(i + k) & 0x3FU);
    }
    const std::uint32_t smallest = length == 1 ? 0 : length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

}  // namespace

TEST_CASE("utf8: what is valid stays as it is") {
  for (const std::string& text : {std::string(), std::string("plain"), std::string("a\0b", 3),
                                  std::string("M\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x98\x80"),
                                  std::string("\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF"),
                                  std::string("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF")})
    CHECK(clip_utf8(text, 100) == text);
}

TEST_CASE("utf8: every maximal subpart of what is not valid becomes one U+FFFD") {
  const std::pair<std::string, int> cases[] = {
      {"\x80", 1},
      {"\xFF", 1},
      {"\xC0\xAF", 2},  // overlong
      {"\xC1\xBF", 2},
      {"\xE0\x80\xAF", 3},
      {"\xF0\x80\x80\xAF", 4},
      {"\xED\xA0\x80", 3},  // a surrogate
      {"\xED\xBF\xBF", 3},
      {"\xF4\x90\x80\x80", 4},  // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 4},
      {"\xE2\x82", 1},  // cut short
      {"\xF0\x9F\x98", 1},
      {"\xF0\x9F", 1},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF", 4},  // table 3-11 of the standard
      {"\xC3", 1},
  };
  for (const auto& [bytes, count] : cases) {
    std::string expected = "a";
    for (int i = 0; i < count; ++i) expected += replacement;
    CHECK(clip_utf8("a" + bytes + "b", 100) == expected + "b");
    CHECK(clip_utf8("a" + bytes, 100) == expected);
  }
}

TEST_CASE("utf8: the cut never splits a character") {
  const std::string text = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z";
  const std::size_t lengths[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t limit = 0; limit < 13; ++limit) CHECK(clip_utf8(text, limit) == text.substr(0, lengths[limit]));
  CHECK(clip_utf8("\xFF\xFF", 5) == replacement);
  CHECK(clip_utf8("\xFF", 2).empty());
  CHECK(clip_utf8("\xE2\x82\xAC"
                  "a",
                  2)
            .empty());  // nothing is skipped to fill the room
}

TEST_CASE("utf8: any bytes become valid UTF-8 within the limit, and stay the same from then on") {
  std::mt19937 random(20240229);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (auto i = random() % 24; i > 0; --i) {
      const char picks[] = {'a', '\x80', '\xBF', '\xC2', '\xE0', '\xED', '\xEF', '\xF0', '\xF4', '\xA0'};
      text += random() % 4 == 0 ? static_cast<char>(random() & 0xFF) : picks[random() % sizeof picks];
    }
    const std::size_t limit = random() % 40;
    const std::string clipped = clip_utf8(text, limit);
    REQUIRE(clipped.size() <= limit);
    REQUIRE(is_utf8(clipped));
    REQUIRE(clip_utf8(clipped, limit) == clipped);
    REQUIRE(clip_utf8(text, 1000).substr(0, clipped.size()) == clipped);
  }
}
