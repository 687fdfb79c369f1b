#pragma once
// The pages: a list of programs, four pages for each, and every chart as a file of its own. Read-only; generated from
// the figures for each request.
//
//   /                            the programs
//   /app/NAME/                   use; /app/NAME/endings, /durations, /own
//   /app/NAME/chart/ID.svg       .csv and .json too; all of them take the filters in the query (filters.hpp)
//   /style.css

#include <functional>
#include <memory>
#include <string>

#include "../aggregate/source.hpp"
#include "../base/sqlite.hpp"

namespace httplib {
class Server;
}

namespace collector {

/// Where a request's figures come from: made for each, and gone before its database.
using MakeSource = std::function<std::unique_ptr<Source>(Database&)>;

/// Answers for them on the server. `reports_url` is shown where there are no reports yet. Each request opens the
/// database for itself, read-only.
void install_pages(httplib::Server&, const std::string& database, const std::string& reports_url, const MakeSource&);

}  // namespace collector
