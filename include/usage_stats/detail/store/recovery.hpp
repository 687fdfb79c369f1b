#pragma once
// Runs that vanished: their envelopes are in active/, locked by nobody. Their reports are written from what is left.

#include <limits>
#include <string>

#include "../base/log.hpp"
#include "storage.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

/// The report of a run that vanished says "lost" (or what the envelope's signal says) unless the run had already
/// written its own; then the envelope is moved to pending/. Those of other machines are left alone for a day.
void collect_vanished(Storage&, const Log&, std::size_t most = std::numeric_limits<std::size_t>::max());
/// The report of an envelope in pending/. One that is damaged, such as after a power cut, is replaced by what the
/// envelope knows about the run.
Result<std::string> waiting_report(Storage&, const Envelope&, const Log&);
/// Whether active/ has many envelopes of runs that have vanished.
bool has_abandoned_runs(const Storage&);
/// Removes the report of a run whose envelope somebody has deleted along with everything else. A report that waits or
/// was sent stays: an uploader has taken its run for lost.
void forget(Storage&, const Envelope&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
