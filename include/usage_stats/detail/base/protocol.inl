#pragma once

#include "protocol.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE const char* protocol_name(Protocol protocol) noexcept {
  return protocol == Protocol::otlp ? "otlp" : protocol == Protocol::amplitude ? "amplitude" : "json";
}

USAGE_STATS_INLINE Protocol protocol_of(std::string_view name) noexcept {
  for (const Protocol protocol : {Protocol::otlp, Protocol::amplitude})
    if (name == protocol_name(protocol)) return protocol;
  return Protocol::json;
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
