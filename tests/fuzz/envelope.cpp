// Envelopes. None points out of the folder, and what was read once is written and read again as the same.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

namespace {

bool names_one_folder(const std::string& id) {
  return id == "local" ||
         ((id.size() == 32 || id.size() == 64) && id.find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto envelope = us::parse_envelope(fuzz::text_of(data, size));
  if (!envelope) return 0;
  HOLDS(names_one_folder(envelope->client_id) && names_one_folder(envelope->session_id) &&
        envelope->session_id != "local");
  HOLDS(envelope->destinations.size() <= 16);
  HOLDS(envelope->sequence >= 1);
  HOLDS(!envelope->duration || envelope->duration->count() >= 0);
  HOLDS(envelope->running_report.find('\n') == std::string::npos);
  for (const us::Destination& destination : envelope->destinations) HOLDS(destination.attempts >= 0);

  const std::string once = us::to_text(*envelope);
  const auto again = us::parse_envelope(once);
  HOLDS(again);
  HOLDS(us::to_text(*again) == once);
  HOLDS(again->session_id == envelope->session_id && again->client_id == envelope->client_id);
  HOLDS(again->running_report == envelope->running_report);
  const auto report = us::recover_report(envelope->running_report, false,
                                         envelope->signal.empty() ? us::RunStatus::lost : us::RunStatus::signal,
                                         envelope->signal, envelope->duration);
  if (report) HOLDS(fuzz::parse(*report).is_object());
  return 0;
}
