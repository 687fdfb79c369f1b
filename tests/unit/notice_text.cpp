// The notice's text, whatever an author puts into it.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "own_environment.hpp"
#include "temporary_folder.hpp"

namespace us = usage_stats;

TEST_CASE("notice text: 8 lines also for a long name, a long purpose, many servers and a long command") {
  us::Options options("a" + std::string(23, 'x'), "1.0");
  for (int i = 0; i < 8; ++i)
    options.endpoints.push_back({"https://stats" + std::to_string(i) + ".example.org/v1/usage"});
  options.policy_url = "https://example.org/" + std::string(40, 'p');
  options.directory = "/home/somebody/.local/state/" + options.app + "/usage";
  options.command = std::string(20, 'c') + " usage-stats";
  const TemporaryFolder bin;
  std::filesystem::create_symlink(std::filesystem::canonical("/proc/self/exe"), bin / options.app);
  const OwnEnvironment installed({{"PATH", bin.path().string()}});
  for (const bool answered : {false, true}) {
    const char* const argv[] = {options.app.c_str(), nullptr};  // which PATH leads to
    if (answered) CHECK_FALSE(us::handle_command(options, 1, argv));
    for (std::size_t words : {0U, 3U, 30U, 3000U}) {
      options.purpose.clear();
      for (std::size_t i = 0; i < words; ++i) options.purpose += "word ";
      for (const std::string& text : {us::detail::notice_text(options, options.endpoints, false, 80),
                                      us::detail::question_text(options, options.endpoints, 80)}) {
        std::size_t lines = 0;
        for (std::size_t begin = 0; begin < text.size();) {
          const std::size_t end = std::min(text.find('\n', begin), text.size());
          lines += (end - begin + 79) / 80;  // a terminal breaks what is longer
          begin = end + 1;
        }
        CHECK_MESSAGE(lines <= 8, text);
        CHECK((text.find("usage-stats disable") != std::string::npos) == answered);
      }
    }
  }
}

TEST_CASE("notice text: 8 lines for new data that no command describes") {
  const us::Options options("undescribed", "1.0");
  std::string description;
  for (int i = 0; i < 500; ++i) description += "word ";
  std::vector<us::detail::NewData> fields;
  for (const std::string name : {"one", "two", "three"}) fields.push_back({name, name + ": " + description, {}});
  const std::string text = us::detail::new_data_text(options, fields, 13, 80);
  CHECK(std::count(text.begin(), text.end(), '\n') <= 8);
  CHECK(text.find("- one: word word") != std::string::npos);
  CHECK(text.find(" ...\n") != std::string::npos);
  CHECK(text.find("usage-stats ") == std::string::npos);
  CHECK(fields.size() == 1);
}
