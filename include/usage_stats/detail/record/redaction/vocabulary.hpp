#pragma once
// The program's own words: what is in its read-only data and in that of the libraries it has loaded. A message is a
// template with values in it; the template is a literal, the values are not.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../os/memory.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// What hides a value; never looked into again.
inline constexpr std::string_view value_mark = "<value>";

/// A run of letters, digits and `_` in a text; or a value_mark.
struct Word {
  std::size_t begin, end;
  bool letters;  // not digits alone
  bool mark;
};

/// The words of a text that is valid UTF-8.
std::vector<Word> words_of(std::string_view text);

/// `name`: the program has this very identifier. `phrase`: it has it between the same neighbours: other words, or the
/// ends of a literal or of the part of it that stands between two values.
enum class Own : unsigned char { no, name, phrase };

/// For each byte of each text whether the program says so. Case counts; UTF-8 and UTF-16 literals do. One pass over
/// `memory` (read_only_memory()) for all texts. Nothing where it cannot be read, or not within 1.5 s (a busy machine).
std::optional<std::vector<std::vector<Own>>> find_own_text(const std::vector<std::string_view>& texts,
                                                           const std::vector<os::MemoryRange>& memory);

/// Which of the names (letters, digits, dashes) the program has as words: first looked for in the program alone, then,
/// if any is missing, in its `libraries`. With `endings` the end of a literal is enough. Nothing as above.
std::optional<std::vector<bool>> find_own_names(const std::vector<std::string_view>& names, bool libraries = true,
                                                bool endings = false);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
