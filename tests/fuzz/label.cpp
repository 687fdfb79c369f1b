// Labels. None points out of the folder, and what was read once is written and read again as the same.
#include "fuzz.hpp"

namespace us = usage_stats::detail;

namespace {

bool names_one_folder(const std::string& id) {
  return id == "local" ||
         ((id.size() == 32 || id.size() == 64) && id.find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto label = us::parse_label(fuzz::text_of(data, size));
  if (!label) return 0;
  HOLDS(names_one_folder(label->client_id) && names_one_folder(label->session_id) && label->session_id != "local");
  HOLDS(label->destinations.size() <= 16);
  HOLDS(label->sequence >= 1);
  HOLDS(!label->duration || label->duration->count() >= 0);
  HOLDS(label->running_report.find('\n') == std::string::npos);
  for (const us::Destination& destination : label->destinations) HOLDS(destination.attempts >= 0);

  const std::string once = us::to_text(*label);
  const auto again = us::parse_label(once);
  HOLDS(again);
  HOLDS(us::to_text(*again) == once);
  HOLDS(again->session_id == label->session_id && again->client_id == label->client_id);
  HOLDS(again->running_report == label->running_report);
  const auto report = us::close_report(label->running_report, false,
                                       label->signal.empty() ? us::RunStatus::lost : us::RunStatus::signal,
                                       label->signal, label->duration);
  if (report) HOLDS(fuzz::parse(*report).is_object());
  return 0;
}
