#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <usage_stats.hpp>
#include <utility>
#include <vector>

#include "program_of_literals.hpp"

using namespace usage_stats::detail;

namespace {

using Strings = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string base64(const std::string& bytes) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned long group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) result += i + k > bytes.size() ? '=' : letters[(group >> (18 - 6 * k)) & 63U];
  }
  return result;
}

std::string percent_encoded(const std::string& bytes) {
  const std::string digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : bytes) result += {'%', digits[static_cast<unsigned char>(c) >> 4], digits[c & 15]};
  return result;
}

}  // namespace

TEST_CASE("redaction messages: a template stays, its values go") {
  const std::pair<std::string, std::pair<std::string, std::string>> cases[] = {
      {"patient %s not found", {"patient Jane Doe not found", "patient <value> not found"}},
      {"cannot open {}: {}", {"cannot open janes_diary: gone", "cannot open <value>"}},
      {"at %d of %5.2f metres", {"at 5 of 12345.67 metres", "at 5 of <value> metres"}},
      {"{} has expired", {"9182 has expired", "<value> has expired"}},
      {"user %1% refused", {"user jdoe refused", "user <value> refused"}},
      {"file %1 is full", {"file Janes is full", "file <value> is full"}},
      {"no such bucket", {"no such bucket", "no such bucket"}},
      {"at", {"at", "at"}},
      {"no route to [%s]:443", {"no route to [fe80::1]:443", "no route to [<value>]:443"}},
      {"key '%s' is not one of 'a b', 'c d'",
       {"key 'x y' is not one of 'a b', 'c d'", "key '<value>' is not one of 'a b', 'c d'"}},
      {"cannot read %s", {"cannot read https://u:p@host/a?b=c, or ~/x", "cannot read <value>"}},
      {"mail to %s bounced", {"mail to bob.smith@corp.example bounced", "mail to <value> bounced"}},
      {"peer %s is gone", {"peer 10.0.0.1 is gone", "peer <value> is gone"}},
      {"call %s failed at %s", {"call 01 70 12 34 failed at 12:34", "call <value> failed at <value>"}},
      {"it's in the users' files", {"it's in the users' files", "it's in the users' files"}},
      {"Пользователь %s не найден", {"Пользователь Иванов не найден", "Пользователь <value> не найден"}},
      {"index 1048577 out of bounds", {"index 1048577 out of bounds", "index 1048577 out of bounds"}},
      {"index %d out of bounds", {"index 1048577 out of bounds", "index <value> out of bounds"}},
      {"which is %d, of %d", {"which is 3, of 10", "which is 3, of 10"}},
  };
  for (const auto& [literal, message] : cases) {
    const Program program({literal});
    CHECK(program.scrub(message.first) == message.second);
    CHECK(program.scrub(message.second) == message.second);
  }
}

TEST_CASE(
    "redaction messages: of short numbers in somebody's own words none stays that could be a time, a date, a PIN") {
  const Program program({"born %s", "size %d", "size %d at %d", "level 12 of 34"});
  CHECK(program.scrub_text("12 34") == "<value>");
  CHECK(program.scrub_text("12:34") == "<value>");
  CHECK(program.scrub_text("born 1.2.64") == "born <value>");
  CHECK(program.scrub_text("1 2, 3 - 4") == "<value>");
  CHECK(program.scrub_text("size 12 at 3") == "size <value> at <value>");
  CHECK(program.scrub_text("size 12") == "size 12");
  CHECK(program.scrub_text("3.2") == "3.2");
  CHECK(program.scrub_text("level 12 of 34") == "level 12 of 34");  // the program's own
  for (const char* const text : {"12 34", "born 1.2.64", "size 12 at 3", "3.2"}) {
    const std::string once = program.scrub_text(text);
    CHECK(program.scrub_text(once) == once);
  }
}

TEST_CASE("redaction messages: pieces of a message may be literals of their own") {
  const Program program({"cannot read ", ": No such file", " after line ", "H5Fopen", "src/kernels.cu"});
  CHECK(program.scrub("cannot read Payslip: No such file after line 7") ==
        "cannot read <value>: No such file after line 7");
  CHECK(program.scrub("H5Fopen(x) in kernels.cu:142") == "H5Fopen(<value> kernels.cu:142");
}

TEST_CASE("redaction messages: a word of the program's among other neighbours is a value") {
  const Program program({"March", "Jane's report is due", "patient %s not found", "the boss is here"});
  CHECK(program.scrub("patient March not found") == "patient <value> not found");
  CHECK(program.scrub("patient Jane not found") == "patient <value> not found");
  CHECK(program.scrub("patient boss not found") == "patient <value> not found");
}

TEST_CASE("redaction messages: only whole words, in the case in which the program has them") {
  const Program program({"cannot open file now", "connection timeout"});
  CHECK(program.scrub("cannot open filename now") == "cannot open <value>");
  CHECK(program.scrub("cannot open FILE now") == "cannot open <value>");
  CHECK(program.scrub("connection timeout", sensitive_values({"tim"})) == "connection timeout");
}

TEST_CASE("redaction messages: UTF-16 literals are the program's text") {
  const std::u16string literal = u"?\u00E4rger: cannot open file %1 twice";
  std::string bytes(reinterpret_cast<const char*>(literal.data()), literal.size() * 2);
  for (const std::size_t shift : {0, 2}) {
    const Program program({std::string(1, '.') + std::string(shift, '\0') + bytes + '\0'});
    CHECK(program.scrub("cannot open file Jane twice") == "cannot open file <value> twice");
  }
}

TEST_CASE("redaction messages: wherever a literal is in memory, it is found") {
  for (const std::string literal : {"in %s", "for %s", "user %s", "{} full", "at {} end", "stoi", "map::at"})
    for (std::size_t shift = 0; shift < 8; ++shift) {
      const Program program({std::string(shift, 'x'), literal});
      std::string message = literal;
      for (const std::string place : {"%s", "{}"})
        if (contains(message, place)) message.replace(message.find(place), 2, "Jane");
      const std::string expected = Program({"", literal}).scrub(message);
      CHECK(program.scrub(message) == expected);
    }
}

TEST_CASE("redaction messages: values of the environment and the arguments") {
  const Program program({"port 8080 is in use", "cannot sync now", "unknown mode %s", "is_my_host", "X509_value_x"});
  CHECK(program.scrub("port 8080 is in use") == "port 8080 is in use");
  CHECK(program.scrub("port 8080 is in use", sensitive_values({"8080"})) == "<value> is in use");
  CHECK(program.scrub("cannot sync now", sensitive_values({"sync"})) == "cannot sync now");
  CHECK(program.scrub("X509_value_x") == "X509_value_x");
  CHECK(program.scrub("unknown mode X509_value_x", sensitive_values({"X509_value_xyz"})) == "unknown mode <value>");
  CHECK(program.scrub("unknown mode is_my_host", sensitive_values({"IS_MY_HOST"})) == "unknown mode <value>");
}

TEST_CASE("redaction messages: a value in other forms is no word of the program's either") {
  const Program program({"it says %s there"});
  for (const std::string form :
       {"MÜLLER", "Mu\xCC\x88ller", "müll", "janes", "diary", "hunter2secre", "HUNTER2SECRET", "Hunter2secret!"})
    CHECK(program.scrub("it says " + form + " there", sensitive_values({"Müller", "janes_diary", "hunter2secret"}))
              .substr(0, 15) == "it says <value>");
  for (const std::string secret : {"hunter", "correct horse", "bluebird"})
    for (const std::string& form : {base64(secret), percent_encoded(secret), "x" + secret, secret + "/y"})
      CHECK_FALSE(contains(program.scrub("it says " + form + " there"), form));
}

TEST_CASE("redaction messages: a program without a word for it says nothing") {
  const Program program({"x"});
  CHECK(program.scrub("patient Jane Doe, born 12 March 1984") == "<value>");
  CHECK(program.scrub("").empty());
  CHECK(program.scrub("...!") == "...!");
}

namespace {

/// What marks, quotes, separators, halves of characters and the words of the test program can be made of.
const Strings pieces{"hunter2",
                     "cannot open",
                     "port 8080 is in use",
                     "alice",
                     " ",
                     " ",
                     "\n",
                     "'",
                     "\"",
                     "`",
                     "/",
                     "\\",
                     ".",
                     ":",
                     "::",
                     "@",
                     "%41",
                     "=",
                     ",",
                     "<value>",
                     "<valu",
                     "ue>",
                     "<",
                     ">",
                     "\xFF",
                     "\xE2\x82",
                     "\xAC",
                     "\xC3\xBC",
                     "\xE2\x80\x99",
                     "\xE2\x80\x9C",
                     "\xC2\xAB",
                     "12",
                     "4567",
                     "1.2",
                     "fe80",
                     "https",
                     "ab",
                     "can't",
                     "word",
                     "not found",
                     "-",
                     "_",
                     "kernels.cu",
                     ":142",
                     "MiXeD",
                     "~",
                     "+",
                     "$",
                     "(",
                     ")",
                     "...",
                     "x",
                     std::string(1, '\0'),
                     "\xE2\x80\x8B",
                     "3"};

}  // namespace

TEST_CASE("redaction messages: scrubbing twice is scrubbing once, in valid UTF-8 within the limit") {
  const Program program({"cannot open %s", "port 8080 is in use", "%s not found", "the word 'ab' can't be",
                         "kernels.cu", "'12' or \"4567\": not found", "alice is in use"});
  std::mt19937 random(31337);
  const auto pick = [&] { return pieces[random() % pieces.size()]; };
  for (int round = 0; round < 20000; ++round) {
    SensitiveValues sensitive = sensitive_values({"hunter2", "alice"});
    for (auto i = random() % 3; i > 0; --i) sensitive.add(pick() + pick());
    std::string text;
    for (auto i = random() % 30; i > 0; --i) text += pick() + (random() % 2 == 0 ? " " : "");
    const std::size_t limit = random() % 3 == 0 ? 1024 : random() % 48;
    const std::string once = program.scrub(text, sensitive, limit);
    CAPTURE(text);
    REQUIRE(once.size() <= limit);
    REQUIRE(clip_utf8(once, limit) == once);
    REQUIRE(program.scrub(once, sensitive, limit) == once);
  }
}

TEST_CASE("redaction messages: a cut splits no value and no mark") {
  const Program program({"cannot parse: {}", "ab {}"});
  CHECK(program.scrub("cannot parse: " + std::string(1 << 20, 'a')) == "cannot parse: <value>");
  for (std::size_t limit = 0; limit < 24; ++limit) {
    const std::string scrubbed = program.scrub("cannot parse: /etc/passwd", {}, limit);
    CHECK(scrubbed.size() <= limit);
    CHECK((!contains(scrubbed, "<") || contains(scrubbed, "<value>")));
    if (limit >= 14) CHECK(scrubbed.substr(0, 14) == "cannot parse: ");
  }
}

TEST_CASE("redaction messages: hostile text takes no time") {
  const Program program({"cannot open %s", "aaaa", "' \"", std::string(1 << 16, 'a'), "1 1 1 1 1 1 1 1"});
  SensitiveValues sensitive;
  for (std::size_t i = 1; i < 100; ++i) sensitive.add(std::string(3 * i, 'a') + "1");
  for (const std::string piece :
       {"a",  "'",  "\"a", "a'b", "/",  "a/b c ", ":",    "1:", "a.", "<",  "<value>", "<value> ", "\xFF",
        "1 ", "1,", "%4",  "A",   "aB", "\n",     "' \"", "(",  "a@", "~ ", "\\'",     "`x "}) {
    std::string text;
    while (text.size() < 1 << 18) text += piece;
    const std::string once = program.scrub(text, sensitive);
    CAPTURE(piece);
    CHECK(program.scrub(once, sensitive) == once);
  }
}
