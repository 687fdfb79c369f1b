#pragma once
// SHA-256 (FIPS 180-4), implemented here because no program should need a TLS library just for a hash.

#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The digest as 64 lower case hexadecimal digits.
std::string sha256(std::string_view bytes);

/// `count` random bytes from the operating system as lower case hexadecimal; empty if none are available.
std::string random_hex(std::size_t count);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
