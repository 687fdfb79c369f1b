// Very many arguments, variables and accounts. (What they cost: unit/many_arguments.cpp.)
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sandbox.hpp"

namespace {

std::vector<std::string> words(std::size_t count) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i < count; ++i) many.push_back("sample" + std::to_string(i * 7919) + "/reads.bam");
  return many;
}

}  // namespace

TEST_CASE("large input: ten thousand variables, and arguments, and the run ends as ever with its report") {
  Sandbox sandbox;
  for (int i = 0; i < 10000; ++i)
    sandbox.environment["VARIABLE_" + std::to_string(i)] = "value number " + std::to_string(i);
  std::vector<std::string> arguments{"--unattended", "local", "--throw", "cannot open value 4711", "--as"};
  const std::vector<std::string> many = words(10000);
  arguments.insert(arguments.end(), many.begin(), many.end());
  const Result result = sandbox.run("reporter", arguments);
  CHECK(result.exit_code == 70);
  const nlohmann::json report = sandbox.report();
  CHECK(report["command"]["arguments"].size() == 64);
  CHECK(report["truncated"]["arguments"] == 10000 - 64);
  CHECK(report["outcome"]["error"]["message"].get<std::string>().find("4711") == std::string::npos);
}

TEST_CASE("large input: a passwd of ten thousand accounts costs next to nothing, and the right one is found") {
  Sandbox sandbox;
  std::string accounts;
  for (int i = 1; i <= 10000; ++i) {
    const std::string name = "account" + std::to_string(i);
    accounts += name + ":x:" + std::to_string(100000 + i) + ":100:" + name + " of all:0:/home/" + name + ":/bin/sh\n";
  }
  accounts += "quizzical:x:0:0:Quentin Izzical:/root:/bin/sh\n";
  write_file(sandbox.root() / "passwd", accounts);
  Command command = sandbox.command("reporter", {"--unattended", "local", "--throw", "cannot open quizzical Izzical"});
  const std::string program = command.program.string();
  command.program = "unshare";
  command.arguments.insert(command.arguments.begin(), {"--mount", "--map-root-user", "sh", "-c",
                                                       "mount --bind '" + (sandbox.root() / "passwd").string() +
                                                           "' /etc/passwd || exit 77; exec \"$0\" \"$@\"",
                                                       program});
  const Result result = run(command);
  if (result.exit_code == 77 || result.err.find("unshare") == 0) {
    MESSAGE("skipped: this machine allows no mounts of one's own");
    return;
  }
  CHECK(result.exit_code == 70);
  const std::string message = sandbox.report()["outcome"]["error"]["message"];
  CHECK(message.find("zzical") == std::string::npos);
}
