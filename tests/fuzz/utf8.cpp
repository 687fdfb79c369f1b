// Any bytes as UTF-8. First line: the limit. What was UTF-8 and fits stays as it is; nothing gets longer than the
// limit.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::size_t limit = static_cast<std::size_t>(fuzz::number(fuzz::take(text))) % 5000;
  const std::string clipped = us::clip_utf8(text, limit);
  HOLDS(clipped.size() <= limit);
  HOLDS(fuzz::is_utf8(clipped));
  HOLDS(us::clip_utf8(clipped, limit) == clipped);
  const std::string whole = us::clip_utf8(text, text.size() * 3);
  HOLDS(whole.compare(0, clipped.size(), clipped) == 0);
  HOLDS(clipped.size() + 4 > std::min(limit, whole.size()));
  HOLDS(!fuzz::is_utf8(text) || whole == text);
  return 0;
}
