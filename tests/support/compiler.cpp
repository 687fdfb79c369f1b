#include "compiler.hpp"

#include "temporary_folder.hpp"

Result compile(const std::string& source, std::vector<std::string> flags) {
  const TemporaryFolder folder;
  write_file(folder / "source.cpp", source);
  Command command{USAGE_STATS_CXX, std::move(flags)};
  for (const char* const flag : {"-std=c++17", "-I", USAGE_STATS_HEADERS, "source.cpp"})
    command.arguments.emplace_back(flag);
  command.inherit_environment = true;
  command.environment["LC_ALL"] = "C";
  command.folder = folder.path();
  return run(command);
}
