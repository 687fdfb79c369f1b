#pragma once
// Making text safe to send (valid UTF-8) or to show on a terminal.

#include <cstddef>
#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The text as valid UTF-8 of at most `limit` bytes: invalid bytes become U+FFFD, and characters are never cut.
std::string clip_utf8(std::string_view text, std::size_t limit);

/// Text for a terminal: escape sequences and control characters are removed, white space becomes one blank, valid
/// UTF-8.
std::string plain_text(std::string_view text);

/// The text with the letters A to Z small; the locale has no say.
std::string lower(std::string_view text);
/// Whether they are the same but for A to Z.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace detail
USAGE_STATS_END_NAMESPACE
