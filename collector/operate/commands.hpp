#pragma once
// The program's commands. Each returns its exit code: 0 done, 1 failed (with one line on standard error).

#include <string>

#include "arguments.hpp"

namespace collector {

int serve(const Arguments&);
int check(const Arguments&);
int import_reports(const Arguments&);
int export_reports(const Arguments&);
int backup(const Arguments&);
int remove_client(const Arguments&);
int forget(const Arguments&);
int describe(const Arguments&);
int expire(const Arguments&);
int rebuild(const Arguments&);
int publish_site(const Arguments&);

inline constexpr const char* default_database = "usage.db";

}  // namespace collector
