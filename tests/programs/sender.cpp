// Sends one request with the library's transport and prints what became of it.
//
//   sender URL LIMIT_MS BODY [NAME=VALUE]...   the last ones are headers

#include <usage_stats.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  if (argc < 4) return 99;
  usage_stats::detail::Request request;
  request.url = argv[1];
  request.body = argv[3];
  for (int i = 4; i < argc; ++i) {
    const std::string header = argv[i];
    request.headers[header.substr(0, header.find('='))] = header.substr(header.find('=') + 1);
  }
  const auto limit = std::chrono::milliseconds(std::atol(argv[2]));
  const usage_stats::detail::Response response =
      usage_stats::detail::send(request, limit, usage_stats::detail::Log(nullptr));
  std::printf("status=%d body_bytes=%zu retry_after=%lld impossible=%d error=%s\n", response.status,
              response.body.size(), response.retry_after ? static_cast<long long>(response.retry_after->count()) : -1,
              response.impossible, response.error.c_str());
  return 0;
}
