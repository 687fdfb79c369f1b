#pragma once
// Text as it may be shown or sent: valid UTF-8, and what a terminal may see.

#include <cstddef>
#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The text as valid UTF-8 of at most `limit` bytes: what is not UTF-8 becomes U+FFFD, a character is never cut.
std::string clip_utf8(std::string_view text, std::size_t limit);

/// Text for a terminal: escape sequences and control characters are gone, white space is one blank, valid UTF-8.
std::string plain_text(std::string_view text);

/// The text with the letters A to Z small; the locale has no say.
std::string lower(std::string_view text);
/// Whether they are the same but for A to Z.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace detail
USAGE_STATS_END_NAMESPACE
