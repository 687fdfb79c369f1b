// Says in a file what of a program runs when the library starts the program once more: a line for each global object
// that is made, and one for main.
//
//   once FILE URL

#include <usage_stats.hpp>

#include <cstdlib>
#include <fstream>
#include <string>

namespace {

void say(const char* file, const char* line) {
  if (file != nullptr) std::ofstream(file, std::ios::app) << line << '\n';
}

struct Global {
  Global() { say(std::getenv("ONCE_FILE"), "global"); }
} global;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 99;
  say(argv[1], "main");
  usage_stats::Options options("reporter", "1.2.3", argv[2]);
  options.unattended = usage_stats::Unattended::on;
  const usage_stats::TelemetrySession session(options, argc, argv);
  return 0;
}
