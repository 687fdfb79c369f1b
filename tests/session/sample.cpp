#include <doctest/doctest.h>

#include <string>

#include "sandbox.hpp"
#include "server.hpp"

namespace {

/// So many runs with that share; how many of them the server got.
std::size_t sent(Sandbox& sandbox, const std::string& share, int runs) {
  Server server;
  for (int i = 0; i < runs; ++i)
    CHECK(sandbox.run("reporter", {"--url", server.url(), "--unattended", "on", "--sample", share}).exit_code == 0);
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().empty());
  CHECK(sandbox.report_files().size() == static_cast<std::size_t>(runs));
  return server.requests().size();
}

}  // namespace

TEST_CASE("sample: so large a share of the runs is sent; all are kept here") {
  Sandbox none, some, all;
  CHECK(sent(none, "0", 5) == 0);
  CHECK(sent(all, "1", 5) == 5);
  // 20 are expected; fewer than 5 or more than 35 come once in a million times.
  const std::size_t half = sent(some, "0.5", 40);
  CHECK(half >= 5);
  CHECK(half <= 35);
}
