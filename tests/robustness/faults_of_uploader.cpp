// Whichever system call of the uploader fails, or is the last one: the server has each run once, and nothing is left
// over. The faults are injected by strace.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "faults.hpp"
#include "waiting.hpp"

TEST_CASE(
    "faults: each system call of the uploader's fails or is its last; the report arrives once, and nothing stays") {
  if (!can_trace()) return;
  std::vector<SystemCall> calls;
  {
    Server server;
    const Waiting waiting(server.url());
    calls = system_calls_of(waiting.sandbox, waiting.uploader());
    CHECK(sessions_of(server).size() == 1);
  }
  const auto first =
      std::find_if(calls.begin(), calls.end(), [](const SystemCall& call) { return call.name == "alarm"; });
  REQUIRE(first != calls.end());  // the first thing that an uploader does; what comes before is the loader's
  calls.erase(calls.begin(), first);
  REQUIRE(calls.size() > 40);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    std::vector<std::string> ways{"signal=KILL"};
    for (std::size_t error = 0; error < errors.size(); ++error)
      if (is_chosen(i, error, errors.size())) ways.push_back(fault_of(calls[i], error));
    for (std::string& fault : ways) {
      // With any other error httplib takes a socket that it may not write to for one that the server has answered on,
      // waits, and gets the server's 400 for half a request.
      if (calls[i].name == "poll" && fault[0] == 'e') fault = "error=EINTR";
      CAPTURE(calls[i].name + " " + std::to_string(calls[i].number) + " " + fault);
      Server server;
      const Waiting waiting(server.url());
      run(with_fault(waiting.uploader(), calls[i], fault));
      for (int again = 0; again < 3 && !waiting.sandbox.pending("faults").empty(); ++again) {
        make_due(waiting.sandbox, "faults");
        run(waiting.uploader());
      }
      CHECK(sessions_of(server).size() == 1);
      CHECK(waiting.sandbox.pending("faults").empty());
      CHECK(waiting.sandbox.active("faults").empty());
    }
  }
}
