#pragma once
// The limits on number, size and age of what is kept (docs/design.md).

#include <chrono>
#include <string>

#include "../base/log.hpp"
#include "storage.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
constexpr std::size_t waiting_reports = 1000;  // the oldest go first
constexpr std::size_t waiting_bytes = 5 * 1024 * 1024;
constexpr std::size_t kept_sessions = 50;
constexpr std::chrono::hours kept_for{30 * 24};
}  // namespace limits

/// Holds the limits. `backlog`: reports wait because there was no time to try them yet, and somebody goes on; then
/// their size alone counts.
void prune(Storage&, const Log&, bool backlog = false);
/// Whether an uploader should prune: reports are too many, or too old, as far as one look at some hundred names tells.
bool needs_pruning(const Storage&, const std::string& client_id);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
