// Makes real libraries throw, with a value that a file has, and prints what each run's report says of it: a JSON array
// of its name, its message and what leaves of that, one line each.

#include <usage_stats.hpp>

#include <CLI/CLI.hpp>
#include <cxxopts.hpp>
#include <nlohmann/json.hpp>
#if defined(WITH_SQLITE)
#include <sqlite3.h>
#endif

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using nlohmann::json;

void report(const char* name, const std::function<void()>& fail) {
  usage_stats::TelemetrySession session(usage_stats::Options("library_errors", "1.0"));
  std::string message;
  try {
    session.run([&]() -> int { return fail(), 0; });
  } catch (const std::exception& error) {
    message = error.what();
  }
  session.finish();
  std::ifstream file(session.report_path());
  const json outcome = json::parse(file)["outcome"];
  std::puts(json{name, message, outcome["error"].value("message", "")}
                .dump(-1, ' ', false, json::error_handler_t::replace)
                .c_str());
}

void parse_with_cli11(const std::string& arguments) {
  CLI::App app("library_errors");
  int threads = 0;
  std::string input;
  app.add_option("--threads", threads)->check(CLI::Range(1, 64));
  app.add_option("--input", input)->check(CLI::ExistingFile);
  app.parse(arguments);
}

void parse_with_cxxopts(std::vector<std::string> arguments) {
  cxxopts::Options options("library_errors");
  options.add_options()("count", "how many", cxxopts::value<int>());
  std::vector<const char*> argv{"library_errors"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  options.parse(static_cast<int>(argv.size()), argv.data());
}

#if defined(WITH_SQLITE)
void query(const std::string& sql) {
  sqlite3* database = nullptr;
  sqlite3_open(":memory:", &database);
  sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  const std::string message = sqlite3_errmsg(database);
  sqlite3_close(database);
  throw std::runtime_error(message);
}
#endif

}  // namespace

int main(int, char** argv) {
  std::ifstream file(argv[1]);
  std::string value;
  std::getline(file, value);
  json parsed;
  report("json type", [] { static_cast<void>(json(5).get<std::string>()); });
  report("json key", [&] { static_cast<void>(json::object().at(value)); });
  report("json index", [] { static_cast<void>(json::array().at(7)); });
  report("json parse", [&] { parsed = json::parse("{\"" + value + "\": x}"); });
  report("json end", [&] { parsed = json::parse("[1, 2"); });
  report("cli11 range", [&] { parse_with_cli11("--threads " + value); });
  report("cli11 extra", [&] { parse_with_cli11("--" + value); });
  report("cli11 file", [&] { parse_with_cli11("--input " + value); });
  report("cxxopts type", [&] { parse_with_cxxopts({"--count", value}); });
  report("cxxopts name", [&] { parse_with_cxxopts({"--" + value}); });
  report("file size", [&] { static_cast<void>(std::filesystem::file_size("/nonexistent/" + value)); });
  report("regex", [&] { std::regex expression("(" + value); });
  report("system", [&] { throw std::system_error(2, std::generic_category(), "cannot open " + value); });
  report("vector", [] { static_cast<void>(std::vector<int>(3).at(7)); });
  report("string", [] { static_cast<void>(std::string("abc").substr(9)); });
#if defined(WITH_SQLITE)
  report("sqlite table", [&] { query("select * from " + value); });
  report("sqlite syntax", [&] { query("selec " + value); });
#endif
}
