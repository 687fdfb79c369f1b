// The tests watch that nobody's folders are changed by them: the modes and owners of "/", HOME and /tmp stay as they
// are, and nothing new lies in "/".
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sandbox.hpp"

namespace {

struct Watched {
  std::string folder;
  mode_t mode = 0;
  uid_t owner = 0;
};

std::vector<Watched> look() {
  std::vector<Watched> all;
  const char* const home = std::getenv("HOME");
  for (const std::string folder : {"/", home == nullptr ? "/" : home, "/tmp"}) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) == 0) all.push_back({folder, status.st_mode, status.st_uid});
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Watched> before = look();
  const std::vector<std::string> names = names_in("/");
  doctest::Context context(argc, argv);
  int result = context.run();
  const std::vector<Watched> after = look();
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i].mode == after[i].mode && before[i].owner == after[i].owner) continue;
    std::fprintf(stderr, "%s had mode %o before the tests, and has %o now\n", before[i].folder.c_str(), before[i].mode,
                 after[i].mode);
    result = EXIT_FAILURE;
  }
  if (names_in("/") != names || before.size() != after.size()) {
    std::fprintf(stderr, "the tests have put something into \"/\", or have removed a folder\n");
    result = EXIT_FAILURE;
  }
  return result;
}
