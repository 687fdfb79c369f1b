#pragma once
// Programs under strace: what they ask of the kernel, and what they do when it refuses, or ends them there.

#include <string>
#include <vector>

#include "process.hpp"
#include "sandbox.hpp"

/// Whether strace may trace here, and what it sees is not a sanitizer's; says so if not.
bool can_trace();

/// The command under strace: under_strace(command, {"-f", "-o", file})
Command under_strace(Command command, std::vector<std::string> options);

/// The number-th call of a name, counted from the program's start.
struct SystemCall {
  std::string name;
  int number = 0;
};
/// The calls that can fail, of the program's first process; of `marked` ones those between
/// access("/usage_stats/begins") and access("/usage_stats/ends").
std::vector<SystemCall> system_calls_of(const Sandbox&, const Command&, bool marked = false);

/// The command, with what strace calls a fault at one system call: "error=EIO", "signal=KILL".
Command with_fault(const Command&, const SystemCall&, const std::string& fault);
