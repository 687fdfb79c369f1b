// quickstart: counts the words or the lines of a file. A complete small tool with usage statistics, to copy from.
//
//   quickstart words README.md      quickstart lines --min-length=1 README.md      quickstart usage-stats status
#include <usage_stats.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

// Everything that the tool itself may report, described for the user; `quickstart usage-stats describe` prints it.
static const usage_stats::Field<std::int64_t> min_length{"min_length", "shorter words or lines are not counted"};
static const usage_stats::Field<double> megabytes{"megabytes", "size of the file, MB"};
static const usage_stats::Field<usage_stats::Choice> kind{"kind", "ending of the file's name", {".txt", ".md", ".csv"}};
static const usage_stats::Counter counted{"counted", "words or lines that were counted"};
static const usage_stats::Stage counting{"counting", "the file is read and its words or lines are counted"};
static const usage_stats::Event missing_file{"missing_file", "the file could not be opened"};

static std::int64_t count(std::ifstream& file, const std::filesystem::path& name, bool words, std::size_t least) {
  std::int64_t n = 0;
  std::string item;
  while (words ? bool(file >> item) : bool(std::getline(file, item))) {
    if (item.find('\0') != std::string::npos) throw std::runtime_error("\"" + name.string() + "\" is not a text file");
    if (item.size() >= least) ++n;
  }
  return n;
}

static int run(usage_stats::TelemetrySession& session, std::vector<std::string> arguments) {
  std::size_t least = 0;
  if (arguments.size() == 3 && arguments[1].rfind("--min-length=", 0) == 0) {
    least = std::stoul(arguments[1].substr(13));
    session.set(min_length, least);
    arguments.erase(arguments.begin() + 1);
  }
  if (arguments.size() != 2 || (arguments[0] != "words" && arguments[0] != "lines"))
    throw std::invalid_argument("usage: quickstart words|lines [--min-length=N] FILE");

  const std::filesystem::path name = arguments[1];
  session.set(kind, name.extension().string());
  std::ifstream file(name);
  if (!file) {
    session.record(missing_file);
    std::cerr << "quickstart: cannot open " << name << '\n';
    return 1;
  }
  session.set(megabytes, static_cast<double>(std::filesystem::file_size(name)) / 1e6);

  const auto stage = session.enter(counting);  // ends with its scope; if an exception leaves it, the stage has failed
  const std::int64_t n = count(file, name, arguments[0] == "words", least);
  session.add(counted, n);
  std::cout << n << '\n';
  return 0;
}

int main(int argc, char** argv) {
  usage_stats::Options options("quickstart", "1.0.0", "https://stats.example.org/v1/usage");
  options.purpose = "Shows us which commands are used, how fast they are and how they fail.";
  options.policy_url = "https://example.org/quickstart/privacy";
  options.contact = "privacy@example.org";
  options.subcommands = {"words", "lines"};

  usage_stats::TelemetrySession session(options, argc, argv);
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  try {
    return session.run([&] { return run(session, arguments); });
  } catch (const std::exception& error) {
    std::cerr << "quickstart: " << error.what() << '\n';
    return 2;
  }
}
