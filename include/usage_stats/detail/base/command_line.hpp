#pragma once
// The parts of a program's command line that belong to this library: the words of Options::command, and
// --disable-usage-stats. The disabled form needs them too.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

inline constexpr std::string_view disable_flag = "--disable-usage-stats";

/// How many arguments after the program's name are the words of Options::command, if they come first, complete and in
/// order; otherwise 0.
inline std::size_t command_words(const Options& options, int argc, const char* const* argv) noexcept {
  const std::string_view command = options.command;
  std::size_t words = 0, begin = 0;
  for (;;) {
    begin = command.find_first_not_of(' ', begin);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(command.find(' ', begin), command.size());
    const std::size_t at = words + 1;
    if (argv == nullptr || argc < 0 || at >= static_cast<std::size_t>(argc) || argv[at] == nullptr ||
        command.substr(begin, end - begin) != argv[at])
      return 0;
    words = at;
    begin = end;
  }
}

/// Removes every --disable-usage-stats from argc and argv, which still ends with a null pointer; true if there was one.
/// Anything after a `--` is kept: it is an operand, or meant for a program that this one starts.
inline bool take_out_disable_flag(int& argc, char** argv) noexcept {
  if (argv == nullptr) return false;
  int kept = 1, at = 1;
  for (bool operands = false; at < argc && argv[at] != nullptr; ++at) {
    operands = operands || std::string_view(argv[at]) == "--";
    if (operands || argv[at] != disable_flag) argv[kept++] = argv[at];
  }
  if (kept == at) return false;
  argv[kept] = nullptr;
  argc = kept;
  return true;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
