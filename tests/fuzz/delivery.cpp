// delivery.json. First line: `URL SEQUENCE EVENTS DETAIL`, the line that is added. Whatever was there, the result is
// JSON, has that line last, and is of bounded length.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view before = fuzz::text_of(data, size), line = fuzz::take(before);
  us::DeliveryRecord record;
  record.url = fuzz::take(line, ' ');
  record.sequence = fuzz::number(fuzz::take(line, ' '));
  record.events = static_cast<std::size_t>(fuzz::number(fuzz::take(line, ' '))) % 2000;
  record.detail = line;
  us::Deliveries(before).events_at(record.url, record.sequence);

  std::string text(before);
  for (int round = 0; round < 2; ++round) {
    text = us::with_delivery(us::Deliveries(text), record);
    const auto json = fuzz::parse(text);
    HOLDS(json.is_object() && json["deliveries"].is_array());
    HOLDS(json["deliveries"].size() >= 1 && json["deliveries"].size() <= 50);
    HOLDS(json["deliveries"].back()["sequence"] == record.sequence);
    HOLDS(fuzz::is_utf8(text));
  }
  // Sequences count from one; integers that a double does not hold are read as missing.
  if (fuzz::is_utf8(record.url) && record.sequence > 0 && record.sequence < (std::int64_t{1} << 53) - 1)
    HOLDS(us::Deliveries(text).events_at(record.url, record.sequence + 1) >= record.events);
  return 0;
}
