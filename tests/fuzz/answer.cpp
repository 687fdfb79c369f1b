// What a server answers, as curl prints it. First line: the address that was asked. A redirect stays on its host, a
// wish to wait is within a day, and no body is larger than it may be.
#include "fuzz.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace transport_impl {
void parse_answer(std::string_view text, Response& response);
std::optional<std::chrono::seconds> parse_retry_after(const std::string& text);
std::optional<Url> redirected(const Url& from, const std::string& location);
}  // namespace transport_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE

namespace us = usage_stats::detail;

namespace {

void check_wait(std::optional<std::chrono::seconds> wait) {
  HOLDS(!wait || (wait->count() >= 0 && wait->count() <= 24 * 3600));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::string_view asked = fuzz::take(text);
  check_wait(us::transport_impl::parse_retry_after(std::string(asked)));
  us::Response response;
  us::transport_impl::parse_answer(text, response);
  check_wait(response.retry_after);
  HOLDS(response.body.size() <= 64 * 1024 && response.location.size() <= 2048);
  HOLDS(response.status >= 0 && response.status <= 999);
  us::refused_in_body(usage_stats::Protocol::otlp, response);
  const auto from = us::parse_url(asked);
  if (!from) return 0;
  for (const std::string& location : {response.location, std::string(text)})
    if (const auto to = us::transport_impl::redirected(*from, location))
      HOLDS(to->host == from->host && to->scheme == from->scheme && to->target[0] == '/');
  return 0;
}
