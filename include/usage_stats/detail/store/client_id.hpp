#pragma once
// The random id under which a server sees an installation, a month or a run. Made from nothing that is known of the
// user or the machine.

#include <string>

#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct State;

/// The id that a report of now carries: 32 hexadecimal digits, or 64 with Options::hash_client_id. For
/// ClientId::session a new one with each call. Empty while the state lacks what it is made from.
std::string client_id_of(const Options&, const State&);

/// Puts into the state what client_id_of needs, if it is not there; nothing if the system has no random numbers.
void make_client_id(const Options&, State&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
