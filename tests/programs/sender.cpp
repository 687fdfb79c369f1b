// Sends one request with the library's transport and prints the result.
//
//   sender URL LIMIT_MS BODY [NAME=VALUE]...   the last ones are headers
//   sender URL LIMIT_MS --times N BODY         N requests over one connection, if that is possible

#include <usage_stats.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <sys/resource.h>

namespace {

/// The most memory that this program has had; getrusage() may report that of the process it was forked from.
long peak_kib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, 6, "VmHWM:") == 0) return std::atol(line.c_str() + 6);
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 99;
  const bool often = std::string(argv[3]) == "--times" && argc == 6;
  usage_stats::detail::Request request;
  request.url = argv[1];
  request.body = argv[often ? 5 : 3];
  for (int i = often ? argc : 4; i < argc; ++i) {
    const std::string header = argv[i];
    request.headers[header.substr(0, header.find('='))] = header.substr(header.find('=') + 1);
  }
  const auto limit = std::chrono::milliseconds(std::atol(argv[2]));
  usage_stats::detail::Connection connection;
  usage_stats::detail::Response response;
  for (int left = often ? std::atoi(argv[4]) : 1; left > 0; --left)
    response =
        usage_stats::detail::send(request, limit, usage_stats::detail::Log(nullptr), often ? &connection : nullptr);
  struct rusage children {};
  ::getrusage(RUSAGE_CHILDREN, &children);
  std::printf(
      "status=%d body_bytes=%zu retry_after=%lld impossible=%d doubtful=%d taken=%d peak_kib=%ld child_kib=%ld "
      "error=%s\n",
      response.status, response.body.size(),
      response.retry_after ? static_cast<long long>(response.retry_after->count()) : -1, response.impossible,
      response.doubtful, response.taken, peak_kib(), children.ru_maxrss, response.error.c_str());
  return 0;
}
