// docs/troubleshooting.md names what the sources say, to the letter, and all reasons for which a folder is refused.
#include <doctest/doctest.h>

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "programs.hpp"
#include "temporary_folder.hpp"

namespace {

/// All sources, with string literals that go on in the next line made one.
const std::string& sources() {
  static const std::string all = [] {
    std::string text;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_file("include")))
      if (entry.is_regular_file()) text += read_file(entry.path());
    return std::regex_replace(text, std::regex("\"\\s*\\n\\s*\""), "");
  }();
  return all;
}

std::vector<std::string> documented() {
  static const std::regex code("`([^`]+)`");
  std::vector<std::string> messages;
  std::istringstream lines(read_file(source_file("docs/troubleshooting.md")));
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 3, "| `") != 0) continue;
    const std::string first = line.substr(0, line.find(" | ", 2) + 1);
    for (std::sregex_iterator it(first.begin(), first.end(), code), end; it != end; ++it) messages.push_back((*it)[1]);
  }
  return messages;
}

}  // namespace

TEST_CASE("troubleshooting: each message of the document is one of the library's") {
  const std::vector<std::string> messages = documented();
  CHECK(messages.size() > 60);
  for (const std::string& message : messages) CHECK_MESSAGE(sources().find(message) != std::string::npos, message);
}

TEST_CASE(
    "troubleshooting: each reason for which a folder is refused, and for which a report waits, is in the document") {
  const std::string text = read_file(source_file("docs/troubleshooting.md"));
  static const std::regex literal("\"([^\"\\n]{12,})\"");
  std::size_t count = 0;
  for (const auto& [from, to] :
       {std::pair{"* words_of(Refusal", "it is not used"}, {"std::string not_taken_up(", "\n  }"}}) {
    const std::size_t begin = sources().find(from), end = sources().find(to, begin);
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const std::string part = sources().substr(begin, end - begin);
    for (std::sregex_iterator it(part.begin(), part.end(), literal), last; it != last; ++it, ++count) {
      const std::string message = (*it)[1];
      if (message != "an uploader was started at ") CHECK_MESSAGE(text.find(message) != std::string::npos, message);
    }
  }
  CHECK(count >= 14);
}
