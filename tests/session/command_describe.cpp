// `usage-stats describe`: the data dictionary.
#include <doctest/doctest.h>

#include <set>

#include "sandbox.hpp"

namespace {

std::string describe(const Sandbox& sandbox, std::vector<std::string> words) {
  words.insert(words.begin(), {"--as", "usage-stats", "describe"});
  const Result result = sandbox.run("reporter", words);
  CHECK(result.exit_code == 0);
  CHECK(result.err == "");
  return result.out;
}

/// The keys of the schema that are values: what the built-in part must describe. Lists and free names count as one.
void keys_of_schema(const nlohmann::json& schema, nlohmann::json part, const std::string& path,
                    std::set<std::string>& keys) {
  while (part.contains("$ref")) part = schema["$defs"][part["$ref"].get<std::string>().substr(8)];
  const bool free_names = !part.contains("properties");
  if (part.value("type", "") != "object" || free_names) {
    keys.insert(path);
    return;
  }
  for (const auto& item : part["properties"].items())
    keys_of_schema(schema, item.value(), path + (path.empty() ? "" : ".") + item.key(), keys);
}

}  // namespace

TEST_CASE("command describe: every declared field, and every key of a report") {
  Sandbox sandbox;
  const auto json = nlohmann::json::parse(describe(sandbox, {"--json"}));
  CHECK(nlohmann::json::parse(describe(sandbox, {"--format", "json"})) == json);
  std::set<std::string> declared, built_in, schema_keys;
  for (const auto& entry : json["declared"]) {
    declared.insert(entry["name"]);
    CHECK_FALSE(entry["description"].get<std::string>().empty());
  }
  CHECK(declared == std::set<std::string>{"align", "cache_hits", "input_format", "model_size", "note", "project",
                                          "records", "send_model", "throughput_gbps", "verified"});
  for (const auto& entry : json["built_in"]) built_in.insert(entry["key"]);
  const auto schema = nlohmann::json::parse(read_file(source_file("docs/report.schema.json")));
  keys_of_schema(schema, schema, "", schema_keys);
  CHECK(built_in == schema_keys);
}

TEST_CASE("command describe: text in 80 columns, and Markdown") {
  Sandbox sandbox;
  const std::string text = describe(sandbox, {});
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    CHECK(end - begin <= 80);
    begin = end + 1;
  }
  CHECK(text.find("throughput_gbps (number)\n      average transfer speed, Gbit/s") != std::string::npos);
  const std::string markdown = describe(sandbox, {"--format=markdown"});
  CHECK(markdown.find("| `input_format` | choice | format of the input file: cool, mcool, hic, other |") !=
        std::string::npos);
}

TEST_CASE("command describe: docs/dictionary.md is what the quickstart prints") {
  Command command{std::filesystem::path(USAGE_STATS_TEST_PROGRAMS) / ".." / ".." / "examples" / "quickstart",
                  {"usage-stats", "describe", "--format", "markdown"}};
  if (!std::filesystem::exists(command.program)) {
    MESSAGE("the examples are not built");
    return;
  }
  const Result result = run(command);
  CHECK(result.exit_code == 0);
  CHECK_MESSAGE(result.out == read_file(source_file("docs/dictionary.md")),
                "make it anew: quickstart usage-stats describe --format markdown > docs/dictionary.md");
}
