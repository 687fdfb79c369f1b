#include "strace.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>

bool can_trace() {
#ifdef USAGE_STATS_SANITIZED
  MESSAGE("skipped: a sanitizer makes system calls of its own");
  return false;
#else
  Command command{"sh", {"-c", "strace -o /dev/null true"}};
  command.inherit_environment = true;
  if (run(command).exit_code == 0) return true;
  MESSAGE("skipped: there is no strace here, or it may not trace");
  return false;
#endif
}

Command under_strace(Command command, std::vector<std::string> options) {
  options.push_back(command.program.string());
  command.arguments.insert(command.arguments.begin(), options.begin(), options.end());
  command.program = "strace";
  return command;
}

std::vector<SystemCall> system_calls_of(const Sandbox& sandbox, const Command& command, bool marked) {
  const auto file = sandbox.root() / "calls";
  run(under_strace(command, {"-e", "signal=none", "-o", file.string()}));
  std::vector<SystemCall> calls;
  std::map<std::string, int> counts;
  bool inside = !marked;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find('('));
    if (name == line) continue;
    ++counts[name];
    if (line.find("/usage_stats/ends") != line.npos) inside = false;
    // Of a futex that fails for no reason that a kernel has, glibc makes an abort.
    const bool never = name == "rt_sigreturn" || name == "futex" || name.compare(0, 3, "get") == 0;
    const bool can_fail = !never || name == "getdents64" || name == "getrandom";
    if (inside && can_fail) calls.push_back({name, counts[name]});
    if (line.find("/usage_stats/begins") != line.npos) inside = true;
  }
  return calls;
}

Command with_fault(const Command& command, const SystemCall& call, const std::string& fault) {
  return under_strace(command, {"-qq", "-o", "/dev/null", "-e",
                                "inject=" + call.name + ":" + fault + ":when=" + std::to_string(call.number)});
}
