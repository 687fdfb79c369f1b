// A canary of ordinary words: planted in messages of this very program, whose libraries have words for everything.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <usage_stats.hpp>
#include <vector>

using namespace usage_stats::detail;

namespace {

using Strings = std::vector<std::string>;

Strings word_list() {
  std::ifstream file(USAGE_STATS_SOURCE_FOLDER "/tests/redaction/words.txt");
  Strings words;
  for (std::string word; file >> word;) words.push_back(word);
  REQUIRE(words.size() > 300);
  return words;
}

/// Values of `count` words each in messages of some templates, and what leaves of them.
struct Planted {
  std::vector<Strings> values;
  Strings messages, scrubbed;
};

Planted plant(const Strings& words, std::size_t count, std::size_t rounds) {
  const Strings templates = {"canary: the bucket %s is unknown", "canary: row %s, which is bad", "canary: who is %s?",
                             "%s: no such bird", "%s"};
  std::mt19937 random(static_cast<unsigned>(count));
  Planted planted;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::string message = templates[random() % (count > 1 ? templates.size() : templates.size() - 1)], value;
    if (count == 1 && random() % 4 == 0) message = "%s";
    Strings value_words;
    for (std::size_t i = 0; i < count; ++i) {
      value_words.push_back(words[random() % words.size()]);
      value += (i == 0 ? "" : " ") + value_words.back();
    }
    planted.messages.push_back(message.replace(message.find("%s"), 2, value));
    planted.values.push_back(value_words);
  }
  for (std::size_t at = 0; at < rounds; at += 64) {  // as many at once as a report may have
    const auto first = planted.messages.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t size = std::min<std::size_t>(64, rounds - at);
    const auto clean =
        scrub({first, first + static_cast<std::ptrdiff_t>(size)}, SensitiveValues(), 1024, os::read_only_memory(true));
    REQUIRE(clean);
    planted.scrubbed.insert(planted.scrubbed.end(), clean->begin(), clean->end());
  }
  return planted;
}

std::size_t count_of(const std::string& text, const std::string& wanted) {
  std::size_t count = 0;
  for (const Word& word : words_of(text))
    count += std::string_view(text).substr(word.begin, word.end - word.begin) == wanted ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("redaction words: of ordinary words in the place of a value none leaves, alone, in pairs or in sentences") {
  const Strings words = word_list();
  const auto own = find_own_names({words.begin(), words.end()}, true);
  REQUIRE(own);
  const auto is_own = [&](const std::string& word) {
    return (*own)[static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin())];
  };
  CHECK_FALSE(is_own(words.front()));
  for (const std::size_t count : {1, 2, 3, 5, 8}) {
    const Planted planted = plant(words, count, 1024);
    std::size_t leaks = 0, of_program = 0;
    for (std::size_t i = 0; i < planted.values.size(); ++i)
      for (const std::string& word : planted.values[i]) {
        const Strings of_templates = {"the", "is", "no"};
        if (std::find(of_templates.begin(), of_templates.end(), word) != of_templates.end()) continue;
        if (count_of(planted.scrubbed[i], word) == 0) continue;
        if (!is_own(word)) MESSAGE(planted.messages[i] << " -> " << planted.scrubbed[i]);
        (is_own(word) ? of_program : leaks) += 1;
      }
    CAPTURE(count);
    CHECK(leaks == 0);
    // What the documents say cannot be told: a word with which one of this program's many messages begins or ends.
    CHECK(of_program * 10 <= planted.values.size() * count);
    MESSAGE(count << " words: " << of_program << " of the program's own stayed in " << planted.values.size());
  }
}
