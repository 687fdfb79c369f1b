#pragma once
// What of a table everyone may see: no word that fewer than five installations share, no number of fewer than five runs
// that would be that of a single one.

#include "questions.hpp"

namespace collector {

/// False while fewer than five installations have reported: all that a site would tell is about them.
bool may_be_published(const Reader&);

/// The answer to the question without all that. Words that are too rare are added up as "(others)".
Table public_table(const Question&, const Reader&);

}  // namespace collector
