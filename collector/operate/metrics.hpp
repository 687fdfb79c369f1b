#pragma once

#include <string>

#include "../ingest/committer.hpp"

namespace httplib {
class Server;
}

namespace collector {

/// GET /metrics: the collector's own state as Prometheus text.
void install_metrics(httplib::Server&, const Committer&, const std::string& database);

}  // namespace collector
