#pragma once
// SHA-256 (FIPS 180-4): ours, because no program shall need a TLS library for the sake of a hash.

#include <string>
#include <string_view>

#include "../../macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The digest as 64 lower case hexadecimal digits.
std::string sha256(std::string_view bytes);

/// `count` random bytes from the operating system as lower case hexadecimal; empty if it has none to give.
std::string random_hex(std::size_t count);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
