// Holds the templates of tests/redaction/*.json and throws each of them, filled with the values that a file has: one
// JSON array a line. Prints what each run's report says of it, as JSON, one line each.

#include <usage_stats.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

extern const char* const message_templates[];

int main(int, char** argv) {
  std::ifstream file(argv[1]);
  std::string line;
  for (std::size_t i = 0; std::getline(file, line); ++i) {
    const auto values = nlohmann::json::parse(line);
    std::string message = message_templates[i];
    for (std::size_t k = 0; k < values.size(); ++k) {
      std::string place("{");
      place += std::to_string(k) + "}";
      const auto value = values[k].get<std::string>();
      for (std::size_t at = 0; (at = message.find(place, at)) != std::string::npos; at += value.size())
        message.replace(at, place.size(), value);
    }
    usage_stats::TelemetrySession session(usage_stats::Options("throw_each", "1.0"));
    try {
      session.run([&]() -> int { throw std::runtime_error(message); });
    } catch (const std::exception&) {  // is what is looked for
    }
    session.finish();
    std::ifstream report(session.report_path());
    const auto outcome = nlohmann::json::parse(report)["outcome"];
    std::puts(nlohmann::json(outcome["error"].value("message", "")).dump().c_str());
  }
}
