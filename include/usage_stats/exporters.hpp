#pragma once
// Report -> requests, a pure function for each protocol (section 9 of the design).

#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "transport.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The requests that bring a report to an endpoint; none if the protocol has no use for it (OTLP: interim reports).
/// `json` is the local report, byte for byte.
std::vector<Request> requests_for(const Endpoint&, std::string_view json);

/// The request that asks an endpoint to delete everything of one client; nothing if the protocol has none.
std::optional<Request> deletion_request(const Endpoint&, std::string_view app, std::string_view version,
                                        std::string_view client_id);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
