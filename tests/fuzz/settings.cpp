// Config and policy files. Whatever `enable` and `disable` rewrite is JSON again, says what they were told, and has
// every other key as it was.
#include "fuzz.hpp"

#include <usage_stats/detail/base/json.hpp>

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace settings_impl {
std::string take_keys(const Json& json, Settings& settings);
std::string with_member(std::string text, const std::string& key, const std::string& value);
}  // namespace settings_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE

namespace us = usage_stats::detail;

namespace {

/// All of an object but our key.
fuzz::ordered_json others(std::string_view text) {
  fuzz::ordered_json object = fuzz::parse(text);
  object.erase("usage_stats");
  return object;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto before = us::parse_json(text);
  if (!before) return 0;
  us::Settings settings;
  const std::string problem = us::settings_impl::take_keys(*before, settings);
  if (!before->is_object()) {
    HOLDS(!problem.empty());
    return 0;
  }
  for (const bool on : {true, false}) {
    const std::string written = us::settings_impl::with_member(std::string(text), "usage_stats", on ? "true" : "false");
    const auto after = us::parse_json(written);
    HOLDS(after && after->is_object());
    HOLDS(others(written) == others(text));
    us::Settings again;
    us::settings_impl::take_keys(*after, again);
    HOLDS(again.verdict == (on ? usage_stats::Verdict::on : usage_stats::Verdict::off));
    HOLDS(us::settings_impl::with_member(written, "usage_stats", on ? "true" : "false") == written);
  }
  return 0;
}
