#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "process.hpp"
#include "sandbox.hpp"

// Real messages with private values in them, thrown by programs that hold the templates, and never the values.

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json all_messages() {
  json messages = json::array();
  for (const char* const name : {"messages.json", "libraries.json"})
    for (auto& message : json::parse(std::ifstream(fs::path(USAGE_STATS_SOURCE_FOLDER) / "tests/redaction" / name)))
      messages.push_back(message);
  return messages;
}

/// What the reports of a program say of each message.
std::vector<std::string> reported(const std::string& program, const json& messages) {
  Sandbox sandbox;
  const fs::path values = sandbox.root() / "values";
  std::ofstream file(values);
  for (const json& message : messages) file << message["values"] << "\n";
  file.close();
  const Result result = sandbox.run(program, {values.string()});
  REQUIRE(result.exit_code == 0);
  std::vector<std::string> said;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) said.push_back(json::parse(line).get<std::string>());
  return said;
}

bool holds(const std::string& text, const json& part) {
  return text.find(part.get<std::string>()) != std::string::npos;
}

/// One or two digits tell nothing: (which is 3).
bool is_private(const json& value) {
  const auto text = value.get<std::string>();
  return text.size() > 2 || text.find_first_not_of("0123456789") != std::string::npos;
}

bool has_program(const std::string& name) { return fs::exists(fs::path(USAGE_STATS_TEST_PROGRAMS) / name); }

}  // namespace

TEST_CASE("redaction corpus: values go, the program's words stay") {
  const json messages = all_messages();
  const std::vector<std::string> said = reported("throw_each_plain", messages);
  REQUIRE(said.size() == messages.size());
  std::size_t leaks = 0, words = 0, kept = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    bool leak = false;
    for (const json& value : messages[i]["values"]) leak = leak || (is_private(value) && holds(said[i], value));
    for (const json& word : messages[i]["must_stay"]) {
      ++words;
      kept += holds(said[i], word);
      if (!holds(said[i], word)) MESSAGE("lost: " << word << " of: " << said[i]);
    }
    if (leak) MESSAGE("a value has left: " << said[i]);
    leaks += leak;
  }
  CHECK(leaks == 0);
  CHECK(kept * 100 >= words * 99);
}

TEST_CASE("redaction corpus: however a program was built, the same leaves") {
  const json messages = all_messages();
  const std::vector<std::string> plain = reported("throw_each_plain", messages);
  for (const std::string form : {"optimized", "one_segment", "fixed", "lto", "header", "static"}) {
    if (!has_program("throw_each_" + form)) {
      MESSAGE("not built here: throw_each_" << form);
      continue;
    }
    const std::vector<std::string> said = reported("throw_each_" + form, messages);
    REQUIRE(said.size() == plain.size());
    // The header-only forms have other literals beside the program's own, which make a word or two more common.
    std::size_t others = 0;
    for (std::size_t i = 0; i < said.size(); ++i) others += said[i] == plain[i] ? 0 : 1;
    CHECK_MESSAGE(others <= (form == "header" || form == "static" ? 2U : 0U), form);
  }
}
