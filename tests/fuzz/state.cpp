// state.json. What was read once is written and read again as the same; every number is within its limits.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  us::State state = us::parse_state(fuzz::text_of(data, size));
  HOLDS(state.client_id.empty() || state.client_id.find_first_not_of("0123456789abcdef") == std::string::npos);
  HOLDS(state.sent >= 0 && state.failed >= 0 && state.dropped >= 0 && state.unanswered_prompts >= 0);
  HOLDS(state.sent_ids.size() <= us::limits::remembered_ids);
  const std::string once = us::to_text(state);
  HOLDS(fuzz::is_utf8(once));
  HOLDS(fuzz::parse(once).is_object());
  HOLDS(us::to_text(us::parse_state(once)) == once);
  // What runs do with it: they count on.
  state.sent += 1000;
  state.failed += 1000;
  state.dropped += 1000;
  for (auto& [url, wait] : state.backoff) ++wait.failures;
  HOLDS(fuzz::parse(us::to_text(state)).is_object());
  return 0;
}
