#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <usage_stats.hpp>
#include <utility>
#include <vector>

using namespace usage_stats::detail;

namespace {

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

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
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      result += c;
    else
      result += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return result;
}

/// Words that no sieve takes on its own must go by taint; the others by either.
std::string random_secret(std::mt19937& random, std::size_t shortest) {
  const std::vector<std::string> alphabets[] = {
      {"a", "b", "c", "d", "e", "k", "o", "t", "u", "z"},
      {"0", "1", "2", "7", "9", "a", "c", "e", "f"},
      {"A", "b", "C", "9", "x", "Y", "3"},
      {"red", "horse", " ", "fox", "blue", " "},
      {"\xC3\xA9", "\xE6\xBC\xA2", "a", "n", "\xF0\x9F\x98\x80"},
      {"p", "$", "!", "#", "w", "&", "*", "'", "q"},
      {"Q", "v", "M", "g"},
      {"1", "2", "3", "4", " ", "-"},
  };
  const auto& alphabet = alphabets[random() % 8];
  const std::size_t length = shortest + random() % 14;
  std::string secret;
  while (secret.size() < length) secret += alphabet[random() % alphabet.size()];
  const std::size_t first = secret.find_first_not_of(' ');
  if (first == std::string::npos) return random_secret(random, shortest);
  secret = secret.substr(first, secret.find_last_not_of(' ') + 1 - first);
  return secret.size() < shortest ? random_secret(random, shortest) : secret;
}

}  // namespace

TEST_CASE("messages: ordinary sentences stay as they are") {
  for (const std::string text : {"cannot open file: No such file or directory",
                                 "Input/output error",
                                 "can't open it, don't try (really)",
                                 "the users' files aren't John's",
                                 "don't touch the users' files",
                                 "Impossible d'ouvrir l'option",
                                 "basic_string::_M_construct null not valid",
                                 "vector::_M_range_check: __n (which is 10) >= this->size() (which is 3)",
                                 "std::bad_alloc",
                                 "map::at",
                                 "stoi",
                                 "exit code: 17, errno=2",
                                 "expected 3.5, got 7 of 1024 (50%)",
                                 "wait... what?!",
                                 "at 12:34",
                                 "line 5:12:",
                                 "PostgreSQL and JavaScript",
                                 "GNU C++17 on x86_64",
                                 "[warning] <none>",
                                 "it\xE2\x80\x99s not possible",
                                 "Datei oder Verzeichnis nicht gefunden: gr\xC3\xB6\xC3\x9F"
                                 "er",
                                 "",
                                 " ",
                                 "\n",
                                 "5' long, 3\" wide"})
    CHECK(replace_shapes(text) == text);
}

TEST_CASE("messages: shapes are replaced") {
  const std::pair<std::string, std::string> cases[] = {
      {"cannot open 'my file' now", "cannot open <quoted> now"},
      {"key \"a 'b' c\", `d e`", "key <quoted>, <quoted>"},
      {"\xE2\x80\x9Eu b\xE2\x80\x9C and \xC2\xAB c d \xC2\xBB", "<quoted> and <quoted>"},
      {"\xE2\x80\x98it\xE2\x80\x99s me\xE2\x80\x99 said", "<quoted> said"},
      {"open'two words' failed, path\"two words\"", "open<quoted> failed, path<quoted>"},
      {"say \\\"two words\\\" no", "say <path>"},
      {"empty '' and \"\"", "empty <quoted> and <quoted>"},
      {"an 'unclosed quote hides all\nthat follows", "an <quoted>"},
      {"x \"abc\ny \"secret words\" z", "x <quoted> z"},
      {"cannot open /etc/passwd: denied", "cannot open <path>: denied"},
      {"open(/etc/passwd) dir=/home/x", "open(<path>) dir=<path>"},
      {"no a/b, ~bob, .bashrc, ../up or ~/x", "no <path>, <path>, <path>, <path> or <path>"},
      {"C:\\Documents and Settings\\Bob Smith\\x.txt is bad", "<path> is bad"},
      {"\\\\server\\share missing", "<path> missing"},
      {"/data/My Secret File.txt: gone", "<path>: gone"},
      {"filesystem error: no file [/home/x y/my plan] [/b c d]", "filesystem error: no file [<path>] [<path>]"},
      {"patients.csv:12:5: error", "<path>: error"},
      {"see (https://u:p@host/a?b=c).", "see (<url>)."},
      {"foo.internal.example.com:443 is down", "<path> is down"},
      {"scp server:/data", "scp <path>"},
      {"mail bob.smith@corp.example.com!", "mail <email>!"},
      {"connect 10.0.0.1:80, addr:10.0.0.1", "connect <ip>, <ip>"},
      {"::1 fe80::1%eth0 ::ffff:10.0.0.1 2001:db8::", "<ip> <ip> <ip> <ip>"},
      {"aa:bb:cc:dd:ee:ff and aa-bb-cc-dd-ee-ff", "<ip> and <token>"},
      {"id 123e4567-e89b-12d3-a456-426614174000", "id <token>"},
      {"deadbeef Bad0c0ffee user1234 key=ab1-cd2-ef3", "<token> <token> <token> key=<token>"},
      {"aGVsbG8gd29ybGQ aHVudGVy hunter%20words", "<token> <token> <token>"},
      {"Basic QWxhZGRpbg== key=T3BlblNlc28=", "Basic <token>== key=<token>="},
      {"usage: mode= and colour=", "usage: mode= and colour="},
      {"12345, 1,234,567, 1.5e-10 123456ms", "<number>, <number>, <number> <number>"},
      {"card 4111 1111 1111 1111, call 555-1234", "card <number>, call <number>"},
      {"a%2fb", "<token>"},
      {"card 4111:1111:1111", "card <number>:<number>:<number>"},
      {"pa$$w!rd abcdefghijklmnopqrstuvwxyz", "<token> <token>"},
      {"user1234's file", "<token>'s file"},
      {"<path>/more and <user>@<host>", "<path> and <email>"},
      {"<arg>2ab but <arg>ing", "<token> but <arg>ing"},
  };
  for (const auto& [text, expected] : cases) {
    CHECK(replace_shapes(text) == expected);
    CHECK(replace_shapes(expected) == expected);
  }
}

TEST_CASE("messages: what the process knows is replaced wherever it occurs") {
  Taint taint;
  taint.add("hunter", "<arg>", 3);
  taint.add("hunter two", "<env>", 6);
  taint.add("Alice", "<user>", 2);
  taint.add("ab", "<arg>", 3);
  taint.add("bo", "<user>", 2);
  CHECK(taint.apply("hunter xhunterx HUNTER") == "<arg> x<arg>x <arg>");
  CHECK(taint.apply("a hunter two b") == "a <env> b");
  CHECK(taint.apply("alice and ALICEs") == "<user> and <user>s");
  CHECK(taint.apply("abc bob bo") == "abc bob <user>");
}

TEST_CASE("messages: values that overlap leave no rest") {
  Taint taint;
  taint.add("abcdef", "<arg>", 3);
  taint.add("defghijk", "<env>", 6);
  CHECK(taint.apply("abcdefghijk") == "<env>");
  CHECK(taint.apply("abcdef defghijk") == "<arg> <env>");
  taint.add(std::string(5000, 'x') + "end", "<env>", 6);
  CHECK(taint.apply("<" + std::string(5000, 'x') + "end>") == "<<env>>");
}

TEST_CASE("messages: marks are left alone") {
  Taint taint;
  for (const char* value : {"path>", "<path", "path", "<arg>", "token", "arg", "<path>", "oke", "quoted"})
    taint.add(value, "<arg>", 3);
  const std::string marks = "<arg> <env> <user> <host> <home> <path> <url> <ip> <email> <token> <number> <quoted>";
  CHECK(taint.apply(marks) == marks);
  CHECK(scrub(marks, taint, 1024) == marks);
  Taint partial;
  partial.add("is <pa", "<arg>", 3);
  partial.add("th> wa", "<env>", 3);
  CHECK(partial.apply("is <path> x") == "<arg> x");
  CHECK(partial.apply("x <path> was") == "x <env>s");
  CHECK(scrub("the path", taint, 1024) == "the <arg>");
  taint.add("my<path>word", "<arg>", 3);
  CHECK(scrub("is my<path>word ok", taint, 1024) == "is <arg> ok");
}

TEST_CASE("messages: folders and their parts") {
  Taint taint;
  taint.add_path("/srv/app/customer x", "<path>", 3);
  taint.add_path("/", "<path>", 3);
  CHECK(taint.apply("in /srv/app/customer x: customer x, app, append / or") ==
        "in <path>: <path>, <path>, append / or");
}

TEST_CASE("messages: what is taken back is no secret, unless it was added twice") {
  Taint taint, gone;
  taint.add("one two", "<arg>", 3);
  taint.add("three", "<arg>", 3);
  taint.add("three", "<arg>", 3);
  taint.add("four", "<env>", 3);
  for (const char* value : {"one two", "three", "four"}) gone.add(value, "<arg>", 3);
  taint.subtract(gone);
  CHECK(taint.apply("one two three four") == "one two <arg> <env>");
}

TEST_CASE("messages: the arguments, taken apart as programs do") {
  const Taint taint = ambient_taint({"--token=zebrafish", "-pquokka", "--opt", "key=wombatly,x=numbatly", "--my_secret",
                                     "https://bilbyly@okapi.example/dingo", "/srv/kiwis/weka.bam", "--", "--moa"});
  for (const std::string secret : {"zebrafish", "quokka", "wombatly", "numbatly", "my_secret", "bilbyly", "okapi",
                                   "dingo", "kiwis", "weka", "--moa"})
    CHECK_MESSAGE(scrub("say " + secret + " please", taint, 1024).find(secret) == std::string::npos, secret);
  CHECK(scrub("unknown value zebrafish!", taint, 1024) == "unknown value <arg>!");
}

TEST_CASE("messages: encoded values are found") {
  for (const std::string secret : {"hunter", "correct horse", "bluebird"}) {
    Taint taint;
    taint.add(secret, "<arg>", 3);
    for (const std::string prefix : {"", "u", "us", "user:"}) {
      const std::string encoded = base64(prefix + secret + "!");
      CHECK_FALSE(contains(scrub("sent " + encoded + " to it", taint, 1024), encoded.substr(4, 4)));
    }
    for (const std::string where : {"sent %", "GET https://host/%?q=1", "q=%&r=2"}) {
      std::string text = where;
      text.replace(text.find('%'), 1, percent_encoded(secret));
      CHECK_FALSE(contains(scrub(text, taint, 1024), secret.substr(0, 5)));
    }
  }
}

TEST_CASE("messages: base64 without digits could pass for a word, so it is searched") {
  int tried = 0;
  for (const std::string secret : {"bananas", "tokens", "mypass", "parrot", "zanzibar", "chestnut", "mandarin"}) {
    Taint taint;
    taint.add(secret, "<arg>", 3);
    for (const std::string prefix : {"", "i", "id", "id:", "a b "}) {
      const std::string encoded = base64(prefix + secret);
      if (encoded.find_first_of("0123456789") != std::string::npos) continue;
      ++tried;
      CHECK_MESSAGE(contains(taint.apply(encoded), "<arg>"), encoded);
    }
  }
  CHECK(tried > 3);
}

TEST_CASE("messages: no canary survives") {
  const std::string forms[] = {"cannot open 'X' here",
                               "X: not found",
                               "pathX",
                               "bad value \"X\"",
                               "https://host/a?b=X&c=d",
                               "say X, twice X",
                               "(X)",
                               "key=X;",
                               "[X]X",
                               "aXb",
                               "`X",
                               "can't use X and 'X",
                               "\nX\n",
                               "user@X",
                               "X.txt",
                               "<X>",
                               "<path>X<arg>",
                               "/srv/X/y",
                               "\\X\\",
                               "unclosed \"X",
                               "X\tX"};
  std::mt19937 random(4711);
  for (int round = 0; round < 20000; ++round) {
    Taint taint;
    std::vector<std::string> secrets;
    for (int i = 0; i < 3; ++i) {
      const bool folder = random() % 5 == 0, argument = random() % 2 == 0;
      const std::size_t shortest = argument && !folder ? 3 : 6;  // short folders count as whole words only
      secrets.push_back(random_secret(random, shortest));
      if (folder)
        taint.add_path("/srv/" + secrets.back(), "<path>", 3);
      else
        taint.add(secrets.back(), argument ? "<arg>" : "<env>", shortest);
    }
    if (random() % 2 == 0) secrets.resize(1);
    std::string text;
    for (auto i = 1 + random() % 3; i > 0; --i) {
      std::string form = forms[random() % (sizeof forms / sizeof *forms)];
      const std::string& secret = secrets[random() % secrets.size()];
      for (std::size_t at = 0; (at = form.find('X', at)) != std::string::npos; at += secret.size())
        form.replace(at, 1, secret);
      text += form + (random() % 2 == 0 ? " " : "");
    }
    // In the marks themselves a part of a word ("tok") may well be found.
    std::string scrubbed = scrub(text, taint, 1024);
    for (const char* mark : {"<arg>", "<env>", "<path>", "<url>", "<token>", "<quoted>", "<number>", "<email>", "<ip>"})
      for (std::size_t at = 0; (at = scrubbed.find(mark, at)) != std::string::npos;)
        scrubbed.replace(at, std::string(mark).size(), "\x01");
    for (const std::string& secret : secrets) {
      CAPTURE(text);
      CAPTURE(secret);
      REQUIRE_FALSE(contains(lower_case(scrubbed), lower_case(secret)));
    }
  }
}

TEST_CASE("messages: scrubbing twice is scrubbing once, in valid UTF-8 within the limit") {
  const std::vector<std::string> pieces = {"hunter2",
                                           "secret",
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
                                           "<path>",
                                           "<arg>",
                                           "<pat",
                                           "th>",
                                           "<",
                                           ">",
                                           "<token>",
                                           "<quoted>",
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
                                           "-",
                                           "_",
                                           "aVeryVeryLongWordIndeed",
                                           "MiXeD",
                                           "~",
                                           "+",
                                           "$",
                                           "(",
                                           ")",
                                           "...",
                                           "x",
                                           std::string(1, '\0'),
                                           "\xE2\x80\x8B"};
  std::mt19937 random(31337);
  const auto pick = [&] { return pieces[random() % pieces.size()]; };
  for (int round = 0; round < 40000; ++round) {
    Taint taint;
    taint.add("hunter2", "<arg>", 3);
    taint.add("alice", "<user>", 2);
    for (auto i = random() % 3; i > 0; --i) taint.add(pick() + pick(), "<env>", 2);
    std::string text;
    for (auto i = random() % 30; i > 0; --i) text += pick();
    const std::size_t limit = random() % 3 == 0 ? 1024 : random() % 48;
    const std::string once = scrub(text, taint, limit);
    CAPTURE(text);
    REQUIRE(once.size() <= limit);
    REQUIRE(clip_utf8(once, limit) == once);
    REQUIRE(scrub(once, taint, limit) == once);
    const std::string shaped = replace_shapes(text);
    REQUIRE(replace_shapes(shaped) == shaped);
  }
}

TEST_CASE("messages: a cut splits no secret and no mark") {
  Taint taint;
  const std::string secret = "correct horse battery staple", before(16 * 1024, 'z');
  taint.add(secret, "<env>", 6);
  for (std::size_t shift = 0; shift <= 40; ++shift) {
    const std::string quoted = before.substr(shift);
    for (const std::string& rest : {secret, std::string("hunter2secret"), std::string("/srv/My private Plans/x.txt"),
                                    std::string("4111 1111 1111 1111"), std::string("bob@example.org")}) {
      const std::string scrubbed = scrub("'" + quoted + "' " + rest + " " + std::string(5000, 'z'), taint, 1024);
      for (const char* part : {"corr", "horse", "hunter", "private", "411", "bob", "srv"})
        CHECK_FALSE(contains(scrubbed, part));
    }
  }
  CHECK(scrub("cannot parse: " + std::string(1 << 20, 'a'), taint, 1024) == "cannot parse: <token>");
  for (std::size_t limit = 0; limit < 16; ++limit) {
    const std::string scrubbed = scrub("ab /etc/passwd", taint, limit);
    CHECK(scrubbed == (limit < 9 ? std::string("ab ").substr(0, limit) : "ab <path>"));
  }
}

TEST_CASE("messages: hostile text takes no time") {
  Taint taint;
  for (std::size_t i = 1; i < 100; ++i) {
    taint.add(std::string(3 * i, 'a') + "b", "<env>", 6);
    taint.add(std::string(i, 'a'), "<arg>", 3);
  }
  const std::size_t size = 1 << 18;
  for (const std::string piece :
       {"a",    "'",  "\"a", "a'b", "/", "a/b c ", ":",  "1:",   "a.", "<",  "<path>", "<path> ",
        "\xFF", "1 ", "1,",  "%4",  "A", "aB",     "\n", "' \"", "(",  "a@", "~ ",     "\\'"}) {
    std::string text;
    while (text.size() < size) text += piece;
    const std::string once = scrub(text, taint, 1024);
    const std::string shapes = replace_shapes(std::string_view(text).substr(0, size / 2));
    CAPTURE(piece);
    // Linear, this is some 0.01 s; a square would be minutes, and end at the test's time limit.
    CHECK(scrub(once, taint, 1024) == once);
    CHECK(shapes.size() <= 4 * size);
  }
}
