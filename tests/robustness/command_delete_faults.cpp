// `usage-stats delete` when system calls fail: what is still there is never taken for deleted.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"
#include "strace.hpp"
#include "waiting.hpp"

TEST_CASE(
    "delete under faults: whatever fails in `usage-stats delete`, it says so, and the next one deletes all, at the "
    "server too") {
  if (!can_trace()) return;
  const std::vector<std::string> errors{"EACCES", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EIO", "EROFS"};
  const auto deletion = [](const Sandbox& sandbox, const Server& server) {
    return sandbox.command("reporter", {"--url", server.url(), "--as", "usage-stats", "delete"});
  };
  std::vector<SystemCall> calls;
  {
    Server server;
    Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    calls = system_calls_of(sandbox, deletion(sandbox, server));
  }
  const std::set<std::string> of_files{"pread64", "getdents64", "renameat", "unlinkat", "fsync", "fcntl"};
  std::size_t tried = 0;
  for (const SystemCall& call : calls) {
    if (of_files.count(call.name) == 0) continue;
    const std::string& error = errors[++tried % errors.size()];
    CAPTURE(call.name + " " + std::to_string(call.number) + " " + error);
    Server server;
    Sandbox sandbox;
    sandbox.collect = false;
    sandbox.run("reporter", sending_to(server.url()));
    const std::string id = state_of(sandbox)["client_id"];
    const auto deleted = [&] {
      const std::vector<ReceivedRequest> requests = server.requests();
      return sandbox.report_files().empty() &&
             std::any_of(requests.begin(), requests.end(), [&](const ReceivedRequest& request) {
               return request.method == "DELETE" && request.target.find(id) != request.target.npos;
             });
    };
    const Result first = run(with_fault(deletion(sandbox, server), call, "error=" + error));
    CHECK((first.exit_code != 0 || deleted()));
    run(deletion(sandbox, server));
    CHECK(deleted());
  }
  CHECK(tried > 20);
}
