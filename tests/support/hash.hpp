#pragma once
// A hash that is not the library's own, to compare with.

#include <string>

#include "process.hpp"

/// The SHA-256 of a text, in hexadecimal digits.
inline std::string sha256_of(const std::string& text) {
  Command command{USAGE_STATS_PYTHON,
                  {"-c", "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), end='')"}};
  command.input = text;
  return run(command).out;
}
