#pragma once
// The protocols by name, as files and commands have them.

#include <string_view>

#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// "json", "otlp" or "amplitude".
const char* protocol_name(Protocol) noexcept;
/// The protocol of that name; json for any other name.
Protocol protocol_of(std::string_view name) noexcept;

}  // namespace detail
USAGE_STATS_END_NAMESPACE
