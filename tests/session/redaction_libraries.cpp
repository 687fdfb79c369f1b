#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "process.hpp"
#include "sandbox.hpp"

// Libraries put their messages together from pieces; what leaves of them is what they really throw, not what a list
// says.

TEST_CASE("redaction libraries: what they say stays, but for the values") {
  const std::map<std::string, std::vector<std::string>> must_stay = {
      {"json type", {"[json.exception.type_error.302] type must be string, but is"}},
      {"json key", {"[json.exception.out_of_range.403]", "'<value>' not found"}},
      {"json index", {"[json.exception.out_of_range.401] array index 7 is out of range"}},
      {"json parse", {"[json.exception.parse_error.101] parse error at line 1, column 13: syntax error while parsing"}},
      {"json end", {"[json.exception.parse_error.101] parse error at line 1, column 6:", "unexpected end of input"}},
      {"cli11 range", {"not in range"}},
      {"cli11 extra", {"The following argument was not expected: <value>"}},
      {"cli11 file", {"File does not exist: <value>"}},
      {"cxxopts type", {"failed to parse"}},
      {"cxxopts name", {"does not exist"}},
      {"file size", {"filesystem error: cannot get file size: No such file or directory"}},
      {"regex", {"regular expression"}},
      {"system", {"cannot open <value>: No such file or directory"}},
      {"vector", {"__n (which is 7) >= this->size() (which is 3)"}},
      {"string", {"basic_string::substr: __pos (which is 9) > this->size() (which is 3)"}},
      {"sqlite table", {"no such table: <value>"}},
      {"sqlite syntax", {"near \"<value>\": syntax error"}}};
  Sandbox sandbox;
  const auto file = sandbox.root() / "value";
  std::ofstream(file) << "mueller\n";
  const Result result = sandbox.run("library_errors", {file.string()});
  REQUIRE(result.exit_code == 0);
  std::istringstream lines(result.out);
  std::size_t seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) {
    const auto said = nlohmann::json::parse(line).get<std::vector<std::string>>();
    CAPTURE(said[1]);
    CAPTURE(said[2]);
    CHECK(said[2].find("mueller") == std::string::npos);
    for (const std::string& part : must_stay.at(said[0])) CHECK_MESSAGE(said[2].find(part) != std::string::npos, part);
  }
  CHECK(seen >= must_stay.size() - 2);
  if (seen < must_stay.size()) MESSAGE("built without SQLite, whose errors were not looked at");
}
