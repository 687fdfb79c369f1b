// docs/troubleshooting.md names what the sources say, to the letter, and all reasons for which a folder is refused.
#include <doctest/doctest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "programs.hpp"
#include "temporary_folder.hpp"

namespace {

/// All sources in a folder, with string literals that go on in the next line made one.
std::string sources_in(const std::string& folder) {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_file(folder)))
    if (entry.is_regular_file()) text += read_file(entry.path());
  return std::regex_replace(text, std::regex("\"\\s*\\n\\s*\""), "");
}

const std::string& sources() {
  static const std::string all = sources_in("include");
  return all;
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from), end = text.find(to, begin);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  return text.substr(begin, end - begin);
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
    const std::string part = between(sources(), from, to);
    for (std::sregex_iterator it(part.begin(), part.end(), literal), last; it != last; ++it, ++count) {
      const std::string message = (*it)[1];
      if (message != "an uploader was started at ") CHECK_MESSAGE(text.find(message) != std::string::npos, message);
    }
  }
  CHECK(count >= 14);
}

TEST_CASE("troubleshooting: each reason for which a try comes to nothing is in the document") {
  const std::string text = read_file(source_file("docs/troubleshooting.md"));
  const std::string parts = sources_in("include/usage_stats/detail/send/transport") +
                            between(sources(), "Socket Socket::connect(", "\n}\n") +
                            between(sources(), "UploadPass::prepare(", "UploadPass::requests_of(");
  // Whatever has a blank between its words is meant for people, but for these.
  const std::set<std::string> others{"EXIT CODES", "redirected to "};
  static const std::regex literal("\"((?:: )?[A-Za-z][^\"\\\\\n=]{7,})\"");
  std::size_t count = 0;
  for (std::sregex_iterator it(parts.begin(), parts.end(), literal), last; it != last; ++it) {
    const std::string reason = (*it)[1];
    if (reason.find(' ') >= reason.size() - 1 || others.count(reason) != 0) continue;
    CHECK_MESSAGE(text.find(reason) != std::string::npos, reason);
    ++count;
  }
  CHECK(count >= 35);
}
