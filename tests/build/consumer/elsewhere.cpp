// A second translation unit: definitions that are not inline would clash.
#include <usage_stats.hpp>

static const usage_stats::Counter calls{"calls", "how often it was called"};

void use_it_elsewhere(usage_stats::TelemetrySession& session);
void use_it_elsewhere(usage_stats::TelemetrySession& session) { session.add(calls); }
