#pragma once
// Text that ends up in HTML or SVG. Nothing in a report can be trusted: all of it goes through escape().

#include <cstddef>
#include <string>
#include <string_view>

namespace collector {

/// The text for HTML, XML and their attribute values: valid UTF-8 in which nothing is markup, no control character is
/// left and no mark changes the direction of what follows it. What is not UTF-8 becomes U+FFFD.
std::string escape(std::string_view text);

/// At most `most` characters, the last one an ellipsis where something is missing; not escaped yet.
std::string shorten(std::string_view text, std::size_t most);

/// For one part of a path or a query (RFC 3986): every byte but the unreserved ones as %XX.
std::string percent_encode(std::string_view text);
/// The reverse; anything that is not %XX is kept.
std::string percent_decode(std::string_view text);

/// What a number counts, and so how it is written.
enum class Unit { count, share, seconds, number };

/// For people, three significant digits: 12,300 as "12.3k", a share of 0.123 as "12.3 %", seconds as "340 ms" or "2.5
/// min".
std::string legible(double value, Unit);
/// A count with separators: "1,234,567".
std::string grouped(double value);

}  // namespace collector
