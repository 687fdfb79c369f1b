#pragma once
// What the user is shown at the terminal before anything leaves the machine: the notice, the question, and the short
// notice about new data. Always on standard error.

#include <string>
#include <string_view>
#include <vector>

#include "../record/disclosure.hpp"
#include "../base/log.hpp"
#include "../base/text.hpp"
#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

struct Plan;

/// The notice before data is sent `from_now_on` or only from the next run on, wrapped at `columns`: at most 8 lines
/// of 80 columns, each ended by a line break.
std::string notice_text(const Options&, const std::vector<Endpoint>&, bool from_now_on, int columns);

/// The question of ConsentMode::ask, up to where the answer is typed. At most 8 lines of 80 columns.
std::string question_text(const Options&, const std::vector<Endpoint>&, int columns);

/// Names what is new, as much as fits into 8 lines of 80 columns; the rest is removed from `data`. `rule`: the one by
/// which statistics are on.
std::string new_data_text(const Options&, std::vector<NewData>& data, int rule, int columns);

/// Shows what is due in this run (question, notice, short notice), remembers it, and completes the plan with the
/// outcome.
void inform_user(const Options&, Plan&, const Log&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
