#pragma once
// Report -> requests, with a pure function for each protocol (docs/protocol.md).

#include <string>
#include <string_view>
#include <vector>

#include "../../../options.hpp"
#include "../transport/send.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The requests that send a report to an endpoint, to be sent in this order until one fails; none if the protocol has
/// no use for it (otlp: interim reports; amplitude: interim reports with nothing new). `json` is the local report, byte
/// for byte. `already`: how many of the session's events an amplitude endpoint has (Deliveries::events_at); the other
/// protocols ignore it. The mappings are in docs/protocol.md.
std::vector<Request> requests_for(const Endpoint&, std::string_view json, std::size_t already = 0);

/// Whether an answer with a success status permanently rejects what was sent: OTLP/HTTP, "Partial Success".
bool refused_in_body(Protocol, const Response&);

/// The request that asks an endpoint to delete everything of one client; nothing if the protocol has none.
std::optional<Request> deletion_request(const Endpoint&, std::string_view app, std::string_view version,
                                        std::string_view client_id);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
